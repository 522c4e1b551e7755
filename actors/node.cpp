#include <atomic>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "child_news.hpp"
#include "config_check.hpp"
#include "flame/error.hpp"
#include "gateway.hpp"
#include "inline_actor.hpp"
#include "logging.hpp"
#include "node_impl.hpp"
#include "pool_actor.hpp"
#include "threads.hpp"

namespace flame {

namespace {

std::atomic<const parent_info*> process_parent = nullptr;
std::atomic<node*> process_node = nullptr;

/// How this process was started.
std::vector<std::string> own_command() {
  std::vector<std::string> result;
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  for (std::string part; std::getline(file, part, '\0');)
    result.push_back(part);
  // argv[0] may be relative, and the working directory may have changed.
  std::error_code ec;
  auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
  if (result.empty())
    result.emplace_back();
  if (!ec)
    result.front() = program.string();
  return result;
}

std::string default_backend() {
  auto* chosen = std::getenv("FLAME_BACKEND");
  return chosen && *chosen ? chosen : "local";
}

} // namespace

namespace detail {

void set_parent(const parent_info* parent) noexcept {
  process_parent = parent;
}

void claim_process(node* self) noexcept {
  node* nobody = nullptr;
  process_node.compare_exchange_strong(nobody, self);
}

void disclaim_process(node* self) noexcept {
  process_node.compare_exchange_strong(self, nullptr);
}

} // namespace detail

const parent_info* parent() noexcept {
  return process_parent;
}

node* this_node() noexcept {
  return process_node;
}

// -- what a node owns ---------------------------------------------------------

node::impl::impl(node_options opts, std::vector<std::string> own_args,
                 bool as_runner)
  : options(std::move(opts)),
    args(std::move(own_args)),
    is_runner(as_runner),
    config(options.config.node().scheduler_threads),
    system(configured()),
    handles(std::make_shared<detail::system_handles>(system, !as_runner)),
    ports(std::make_shared<detail::caller_ports>()),
    placed(std::make_shared<detail::placements>()) {
  auto& settings = options.config.node();
  detail::log().set_level(spdlog::level::from_str(settings.log));
  detail::name_log(settings.name);
}

node::impl::~impl() {
  shut_pools_down();
  if (gateway)
    caf::anon_send(gateway, detail::stop_atom::value);
  if (news)
    detail::end_inline_actor(news);
  local.join();
  if (loop)
    loop->stop();
}

caf::actor_system_config& node::impl::configured() {
  if (options.configure_system)
    options.configure_system(config);
  return config;
}

const pool_options& node::impl::declared(const std::string& name,
                                         const pool_options& defaults) const {
  auto found = options.pools.find(name);
  return found == options.pools.end() ? defaults : found->second;
}

pool_options node::impl::resolve(const std::string& name,
                                 const pool_options& defaults) {
  auto result = options.config.pool(name, declared(name, defaults));
  if (is_runner)
    result.backend = "local";
  else if (result.backend.name.empty())
    result.backend.name = default_backend();
  return result;
}

std::shared_ptr<backend> node::impl::provider(const std::string& name) {
  auto& result = providers[name];
  if (!result)
    result = options.backends.make(name);
  return result;
}

// A runner's pools are local whatever their settings say: those are the
// parent's.
std::shared_ptr<backend> node::impl::checked_provider(
  const std::string& name, const pool_options& defaults,
  const std::string& chosen) {
  if (is_runner)
    return provider(chosen);
  detail::mistakes wrong;
  auto result = detail::configuration_access::check_backend(
    options.config, name, declared(name, defaults),
    [&] {
      return provider(chosen);
    },
    wrong);
  wrong.raise();
  return result;
}

flame::pool node::impl::start_pool(const std::string& name,
                                   const pool_options& defaults) {
  auto resolved = resolve(name, defaults);
  auto provider = checked_provider(name, defaults, resolved.backend.name);
  if (!loop)
    loop = std::make_shared<detail::reactor>();
  if (!runners) {
    gateway = system.spawn<detail::gateway>();
    detail::runner_context context;
    context.gateway = gateway;
    news = detail::spawn_child_news(system, placed);
    placed->report_to(news);
    context.command = options.command.empty() ? own_command() : options.command;
    context.signs = options.parent_signs;
    context.serve_here = [this](detail::welcome greeting,
                                runner_sockets sockets,
                                std::function<void()> ended) {
      local.serve(system, gateway, handles, greeting, std::move(sockets),
                  std::move(ended));
    };
    runners =
      std::make_shared<const detail::runner_context>(std::move(context));
  }
  // The actor needs the core and the core must reach the actor.
  auto supervisor = std::make_shared<caf::actor_addr>();
  auto core = std::make_shared<detail::pool_core>(
    name, std::move(resolved), loop, ports, placed, handles, [supervisor] {
      if (auto alive = caf::actor_cast<caf::actor>(*supervisor))
        caf::anon_send(alive, detail::grow_atom::value);
    });
  auto actor = system.spawn<detail::pool_actor>(core, provider, runners);
  *supervisor = actor.address();
  return flame::pool{std::move(core), std::move(actor)};
}

void node::impl::shut_pools_down() {
  std::map<std::string, flame::pool> ending;
  {
    std::lock_guard guard{mutex};
    ending = pools;
  }
  for (auto& [name, each] : ending)
    each.begin_shutdown();
  for (auto& [name, each] : ending)
    each.shutdown();
}

// -- node ---------------------------------------------------------------------

node::node(node_options options)
  : node(std::make_unique<impl>(std::move(options), std::vector<std::string>{},
                                false)) {
  // nop
}

node::node(std::unique_ptr<impl> state) : impl_(std::move(state)) {
  detail::claim_process(this);
}

node::~node() {
  detail::disclaim_process(this);
}

bool node::is_runner() const noexcept {
  return impl_->is_runner;
}

caf::actor_system& node::system() noexcept {
  return impl_->system;
}

const configuration& node::config() const noexcept {
  return impl_->options.config;
}

std::span<const std::string> node::args() const noexcept {
  return impl_->args;
}

pool node::pool(const std::string& name, const pool_options& defaults) {
  flame::pool result;
  {
    std::lock_guard guard{impl_->mutex};
    if (auto i = impl_->pools.find(name); i != impl_->pools.end())
      return i->second;
    result = impl_->start_pool(name, defaults);
    impl_->pools.emplace(name, result);
  }
  if (result.options().min > 0 && !detail::on_scheduler_thread())
    result.await_minimum();
  return result;
}

std::vector<pool> node::pools() const {
  std::lock_guard guard{impl_->mutex};
  std::vector<flame::pool> result;
  for (auto& [name, each] : impl_->pools)
    result.push_back(each);
  return result;
}

void node::shutdown() {
  impl_->shut_pools_down();
}

} // namespace flame

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
#include "runner_main.hpp"
#include "supervisor_actor.hpp"
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

/// Restarts of gateway and pools beyond which they are taken for broken, and
/// whoever calls is told so.
constexpr std::size_t most_restarts = 10;
constexpr auto restart_period = std::chrono::seconds{10};

/// Nothing that is sent to them is refused while they are restarted.
constexpr child_ref_options unlimited{.max_queue = SIZE_MAX};

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

node::impl::own_system::own_system(const node_options& options)
  : config(options.config.node().scheduler_threads),
    system([&]() -> caf::actor_system_config& {
      if (options.configure_system)
        options.configure_system(config);
      return config;
    }()) {
  // nop
}

node::impl::impl(node_options opts, std::vector<std::string> own_args,
                 bool as_runner, caf::actor_system* of_program)
  : options(std::move(opts)),
    args(std::move(own_args)),
    is_runner(as_runner),
    own(of_program ? nullptr : std::make_unique<own_system>(options)),
    system(of_program ? *of_program : own->system),
    scheduler_threads(of_program ? detail::scheduler_threads(system)
                                 : std::vector<std::thread::id>{}),
    handles(std::make_shared<detail::system_handles>(system, !as_runner)),
    ports(std::make_shared<detail::caller_ports>()),
    placed(std::make_shared<detail::placements>()),
    bus(detail::pubsub_broker::make(system, handles)) {
  auto& settings = options.config.node();
  detail::log().set_level(spdlog::level::from_str(settings.log));
  detail::name_log(settings.name);
}

node::impl::~impl() {
  trees.shut_down();
  shut_pools_down();
  end_supervisor();
  bus->close();
  for (auto& each : rosters_)
    each->provider.reset();
  for (auto& each : lent_)
    each.wait();
  if (news)
    detail::end_inline_actor(news);
  local.join();
  if (loop)
    loop->stop();
}

const pool_options& node::impl::declared(const std::string& name,
                                         const pool_options& defaults) const {
  auto found = options.pools.find(name);
  return found == options.pools.end() ? defaults : found->second;
}

pool_options node::impl::resolve(const std::string& name,
                                 const pool_options& defaults) {
  auto result = options.config.pool(name, declared(name, defaults));
  if (is_runner) {
    // A nested call runs in place, inside the call that makes it.
    result.backend = "local";
    result.isolation = isolation::thread;
  } else if (result.backend.name.empty()) {
    result.backend.name = default_backend();
  }
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

void node::impl::check_connections(const pool_options& resolved,
                                   const backend& provider) const {
  if (!provider.is_in_process() && !system.has_middleman())
    throw call_error{
      errc::invalid_configuration,
      fmt::format("backend {} starts processes, and this actor system has no "
                  "middleman to talk with them: call flame::configure on its "
                  "configuration before the system is made",
                  resolved.backend.name)};
}

std::shared_ptr<backend> node::impl::lend(std::shared_ptr<backend> provider) {
  auto returned = std::make_shared<std::promise<void>>();
  lent_.push_back(returned->get_future());
  auto* raw = provider.get();
  return {raw, [provider = std::move(provider), returned](backend*) mutable {
            // Never the last reference, which is the node's.
            provider.reset();
            returned->set_value();
          }};
}

void node::impl::start_supervisor() {
  auto expected = std::make_shared<detail::expected_runners>();
  auto start = [expected](caf::event_based_actor* supervisor) -> caf::actor {
    return supervisor->system().spawn<detail::gateway>(expected);
  };
  supervisor_options tree;
  tree.name = "node";
  tree.intensity = most_restarts;
  tree.period = restart_period;
  tree.log = options.config.node().log;
  tree.children.push_back({.id = "gateway", .start = start});
  top =
    detail::spawn_supervisor_actor(system, std::move(tree), nullptr, nullptr);
  gateway = top.child("gateway", unlimited).handle();
}

/// Waits, on any thread: a supervisor of the program's system goes on
/// otherwise.
void node::impl::end_supervisor() {
  if (!top)
    return;
  caf::scoped_actor self{system};
  self->send_exit(top.handle(), caf::exit_reason::user_shutdown);
  self->wait_for(top.handle());
}

flame::pool node::impl::start_pool(const std::string& name,
                                   const pool_options& defaults) {
  auto resolved = resolve(name, defaults);
  auto provider = checked_provider(name, defaults, resolved.backend.name);
  check_connections(resolved, *provider);
  if (!loop)
    loop = std::make_shared<detail::reactor>();
  if (!runners) {
    start_supervisor();
    detail::runner_context context;
    context.gateway = gateway;
    context.pubsub = bus->address().id();
    news = detail::spawn_child_news(system, placed);
    placed->report_to(news);
    context.command = options.command.empty() ? own_command() : options.command;
    context.signs = options.parent_signs;
    context.beats = std::make_shared<detail::heartbeats>();
    context.serve_here = [this](detail::welcome greeting,
                                runner_sockets sockets,
                                std::function<void()> ended) {
      local.serve(system, gateway, handles, greeting, std::move(sockets),
                  std::move(ended));
    };
    runners =
      std::make_shared<const detail::runner_context>(std::move(context));
  }
  auto id = pool_id(name);
  // Before anybody sends to it.
  top.places()->expect(id);
  auto address = top.child(id, unlimited).handle();
  auto core = std::make_shared<detail::pool_core>(
    name, std::move(resolved), loop, ports, placed, handles,
    [address] {
      caf::anon_send(address, detail::grow_atom::value);
    },
    std::chrono::steady_clock::now, scheduler_threads);
  core->is_nested = is_runner;
  auto roster = std::make_shared<detail::pool_roster>();
  roster->address = address;
  roster->provider = lend(provider);
  roster->kept = core->options.min;
  rosters_.push_back(roster);
  top.handle()->attach_functor([core, name](const caf::error& reason) {
    core->table.close(std::make_shared<const detail::loss>(detail::loss{
      errc::pool_closed,
      fmt::format("pool {} has ended with its supervisor{}", name,
                  code_of(reason) == errc{} ? std::string{}
                                            : ": " + describe(reason)),
      {}}));
  });
  caf::anon_send(
    top.handle(),
    start_child{{.id = id,
                 .start = [core, roster, context = runners](
                            caf::event_based_actor* supervisor) -> caf::actor {
                   return supervisor->system().spawn<detail::pool_actor>(
                     core, roster, context);
                 },
                 .restart = restart::permanent}});
  return flame::pool{std::move(core), std::move(address)};
}

flame::pool node::impl::find_or_start_pool(const std::string& name,
                                           const pool_options& defaults) {
  std::lock_guard guard{mutex};
  if (auto i = pools.find(name); i != pools.end())
    return i->second;
  return pools.emplace(name, start_pool(name, defaults)).first->second;
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

namespace {

std::unique_ptr<node::impl> parent_of(node_options options,
                                      caf::actor_system* system) {
  // Else every runner would boot runners.
  if (detail::is_started_as_runner())
    throw call_error{errc::invalid_configuration,
                     "this process was started as a runner, and runs the "
                     "program as a parent: begin main with `if "
                     "(flame::is_runner_process()) flame::serve(options);`, or "
                     "use flame::run"};
  return std::make_unique<node::impl>(
    std::move(options), std::vector<std::string>{}, false, system);
}

} // namespace

node::node(node_options options)
  : node(parent_of(std::move(options), nullptr)) {
  // nop
}

node::node(caf::actor_system& system, node_options options)
  : node(parent_of(std::move(options), &system)) {
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
  {
    std::lock_guard guard{impl_->mutex};
    if (auto i = impl_->pools.find(name); i != impl_->pools.end())
      return i->second;
  }
  auto result = impl_->find_or_start_pool(name, defaults);
  if (result.options().min > 0
      && !detail::on_scheduler_thread(impl_->scheduler_threads))
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

supervisor node::root() const {
  std::lock_guard guard{impl_->mutex};
  return impl_->top;
}

tree_entry node::tree() const {
  return impl_->tree();
}

void node::shutdown() {
  impl_->trees.shut_down();
  impl_->shut_pools_down();
}

} // namespace flame

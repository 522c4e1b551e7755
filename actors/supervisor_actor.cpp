#include "supervisor_actor.hpp"

#include <fmt/format.h>

#include "failure.hpp"
#include "flame/place.hpp"
#include "supervisor_messages.hpp"

namespace flame {

namespace detail {

namespace {

class message_report final : public child_report {
public:
  message_report(caf::actor_addr supervisor, std::uint64_t ticket)
    : supervisor_(std::move(supervisor)),
      ticket_(ticket) {
    // nop
  }

  void made(const caf::actor&) override {
    // Whoever starts it says so, at once.
  }

  void started(caf::actor child) override {
    if (auto alive = caf::actor_cast<caf::actor>(supervisor_))
      caf::anon_send(alive, started_atom::value, ticket_, std::move(child));
  }

  void failed(caf::error why) override {
    if (auto alive = caf::actor_cast<caf::actor>(supervisor_))
      caf::anon_send(alive, failed_atom::value, ticket_, std::move(why));
  }

private:
  /// Weak: what a child holds does not keep its supervisor.
  const caf::actor_addr supervisor_;
  const std::uint64_t ticket_;
};

/// Starts a supervisor as the child of another one.
class nested_starter final : public starter {
public:
  explicit nested_starter(supervisor_options options)
    : options_(std::move(options)) {
    // nop
  }

  void start(start_attempt& attempt, const start_args& args) const override {
    if (!args.as<std::tuple<>>())
      return attempt.failed_for_arguments(typeid(std::tuple<>));
    auto made = spawn_supervisor_actor(attempt.supervisor()->system(), options_,
                                       nullptr, attempt.report());
    attempt.made(made.handle());
  }

  bool starts_supervisor() const noexcept override {
    return true;
  }

private:
  const supervisor_options options_;
};

} // namespace

start_attempt::~start_attempt() = default;

void start_attempt::failed_with_current_exception() {
  auto failure = describe_current_exception();
  auto code =
    failure.code == errc::remote_exception ? errc::child_failed : failure.code;
  failed(make_error(code, "the start of the child failed: " + failure.message,
                    {}, std::move(failure.remote_type)));
}

void start_attempt::failed_for_arguments(const std::type_info& wanted) {
  failed(make_error(errc::bad_payload,
                    fmt::format("the start function takes other arguments than "
                                "it was given: {}",
                                type_name(wanted))));
}

starter::~starter() = default;

bool starter::starts_supervisor() const noexcept {
  return false;
}

std::shared_ptr<child_report> report_by_message(
  const caf::event_based_actor* supervisor, std::uint64_t ticket) {
  return std::make_shared<message_report>(supervisor->address(), ticket);
}

void place_supervised(start_attempt& attempt,
                      const std::shared_ptr<pool_core>& pool, buffer request,
                      call_options options) {
  // The pool ends it with the supervisor, at whichever step.
  options.link = true;
  place_for_actor(attempt.supervisor(), pool, std::move(request), options,
                  attempt.placed(), false);
}

supervisor_actor::supervisor_actor(caf::actor_config& cfg,
                                   supervisor_options options,
                                   caf::actor_addr owner,
                                   std::shared_ptr<child_report> report)
  : event_based_actor(cfg),
    places_(std::make_shared<child_places>(system())),
    core_(std::make_shared<supervisor_core>(
      this, std::move(options), places_, std::move(owner), std::move(report))) {
  // nop
}

const char* supervisor_actor::name() const {
  return "flame.supervisor";
}

caf::behavior supervisor_actor::make_behavior() {
  return std::exchange(core_, nullptr)->begin();
}

supervisor spawn_supervisor_actor(caf::actor_system& system,
                                  supervisor_options options,
                                  caf::actor_addr owner,
                                  std::shared_ptr<child_report> report) {
  if (auto mistakes = check(options); !mistakes.empty())
    throw call_error{errc::invalid_configuration, mistakes};
  auto made = system.spawn<supervisor_actor>(
    std::move(options), std::move(owner), std::move(report));
  return supervisor{std::move(made)};
}

} // namespace detail

start_function::start_function(supervisor_options nested)
  : impl_(std::make_shared<detail::nested_starter>(std::move(nested))) {
  // nop
}

supervisor spawn_supervisor(caf::local_actor* owner,
                            supervisor_options options) {
  auto result = detail::spawn_supervisor_actor(
    owner->system(), std::move(options), owner->address(), nullptr);
  owner->link_to(result.handle());
  return result;
}

caf::behavior supervise(caf::event_based_actor* self,
                        supervisor_options options) {
  if (auto mistakes = check(options); !mistakes.empty())
    throw call_error{errc::invalid_configuration, mistakes};
  auto core = std::make_shared<detail::supervisor_core>(
    self, std::move(options),
    std::make_shared<detail::child_places>(self->system()), nullptr, nullptr);
  return core->begin();
}

} // namespace flame

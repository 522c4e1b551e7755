#include "flame/supervisor.hpp"

#include "supervisor_actor.hpp"
#include "threads.hpp"
#include "waiting_report.hpp"

namespace flame {

namespace {

caf::error on_actor_thread() {
  if (!detail::on_scheduler_thread({}))
    return {};
  return make_error(errc::on_scheduler_thread,
                    "a supervisor was asked, and waited for, inside an actor: "
                    "send it a message instead");
}

template <class Result, class Request>
caf::expected<Result> ask(const caf::actor& whom, Request&& what) {
  if (auto why = on_actor_thread())
    return why;
  if (!whom)
    return make_error(errc::supervisor_ended,
                      "this handle names no supervisor");
  caf::scoped_actor self{whom.home_system()};
  caf::expected<Result> result{caf::sec::unexpected_message};
  auto response =
    self->request(whom, caf::infinite, std::forward<Request>(what));
  auto on_error = [&](caf::error& why) {
    // Those of CAF: it was not there, or ended meanwhile.
    result = code_of(why) != errc{}
               ? std::move(why)
               : make_error(errc::supervisor_ended, "the supervisor has ended");
  };
  if constexpr (std::is_void_v<Result>)
    response.receive(
      [&] {
        result = caf::expected<void>{caf::unit};
      },
      on_error);
  else
    response.receive(
      [&](Result& value) {
        result = std::move(value);
      },
      on_error);
  return result;
}

} // namespace

supervisor::supervisor(caf::actor handle) : handle_(std::move(handle)) {
  auto* self = dynamic_cast<detail::supervisor_actor*>(
    caf::actor_cast<caf::abstract_actor*>(handle_));
  if (!self)
    throw call_error{errc::wrong_strategy,
                     "this actor is no supervisor of this process"};
  places_ = self->places();
}

child_ref supervisor::child(std::string id, child_ref_options options) const {
  if (!places_)
    return {};
  auto relay = places_->refer_to(id, options);
  return child_ref{std::move(id), std::move(relay)};
}

caf::expected<child_info> supervisor::start_child(child_spec spec) const {
  return ask<child_info>(handle_, flame::start_child{std::move(spec)});
}

caf::expected<child_info> supervisor::start_with(
  detail::start_args args) const {
  return ask<child_info>(handle_, flame::start_one{std::move(args)});
}

caf::expected<void> supervisor::terminate_child(std::string id) const {
  return ask<void>(handle_, flame::terminate_child{std::move(id)});
}

caf::expected<void> supervisor::terminate_child(caf::actor handle) const {
  return ask<void>(handle_, flame::terminate_child{{}, std::move(handle)});
}

caf::expected<child_info> supervisor::restart_child(std::string id) const {
  return ask<child_info>(handle_, flame::restart_child{std::move(id)});
}

caf::expected<void> supervisor::delete_child(std::string id) const {
  return ask<void>(handle_, flame::delete_child{std::move(id)});
}

caf::expected<std::vector<child_info>> supervisor::which_children() const {
  return ask<std::vector<child_info>>(handle_, flame::which_children{});
}

caf::expected<child_counts> supervisor::count_children() const {
  return ask<child_counts>(handle_, flame::count_children{});
}

caf::expected<child_spec> supervisor::get_spec(std::string id) const {
  return ask<child_spec>(handle_, flame::get_spec{std::move(id)});
}

caf::expected<void> supervisor::change_options(
  supervisor_options options) const {
  return ask<void>(handle_, flame::change_options{std::move(options)});
}

void supervisor::shutdown() const {
  if (auto why = on_actor_thread())
    throw call_error{why};
  if (!handle_)
    return;
  caf::scoped_actor self{handle_.home_system()};
  self->send_exit(handle_, caf::exit_reason::user_shutdown);
  self->wait_for(handle_);
}

supervisor spawn_supervisor(caf::actor_system& system,
                            supervisor_options options) {
  if (auto why = on_actor_thread())
    throw call_error{why};
  auto report = std::make_shared<detail::waiting_report>();
  auto outcome = report->result();
  auto result = detail::spawn_supervisor_actor(system, std::move(options),
                                               nullptr, std::move(report));
  if (auto why = outcome.get())
    throw call_error{why};
  return result;
}

} // namespace flame

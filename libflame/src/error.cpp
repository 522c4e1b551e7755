#include "flame/error.hpp"

#include <ostream>

#include <caf/all.hpp>

namespace flame {

namespace {

constexpr auto category = caf::atom("flame");

std::string with_name(errc code, const std::string& message) {
  std::string result{to_string(code)};
  if (!message.empty())
    result.append(": ").append(message);
  return result;
}

struct parts {
  errc code = errc::remote_exception;
  std::string message;
  std::string runner;
  std::string remote_type;
};

parts take_apart(const caf::error& error) {
  parts result;
  if (!error || error.category() != category) {
    result.message = describe(error);
    return result;
  }
  result.code = static_cast<errc>(error.code());
  auto field = [&](std::size_t index, std::string& to) {
    if (error.context().match_element<std::string>(index))
      to = error.context().get_as<std::string>(index);
  };
  if (error.context().size() == 3) {
    field(0, result.message);
    field(1, result.runner);
    field(2, result.remote_type);
  }
  return result;
}

} // namespace

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::timeout:
      return "timeout";
    case errc::cancelled:
      return "cancelled";
    case errc::runner_lost:
      return "runner_lost";
    case errc::boot_failed:
      return "boot_failed";
    case errc::queue_full:
      return "queue_full";
    case errc::pool_closed:
      return "pool_closed";
    case errc::remote_exception:
      return "remote_exception";
    case errc::unknown_function:
      return "unknown_function";
    case errc::bad_payload:
      return "bad_payload";
    case errc::bad_frame:
      return "bad_frame";
    case errc::message_too_large:
      return "message_too_large";
    case errc::different_program:
      return "different_program";
    case errc::on_scheduler_thread:
      return "on_scheduler_thread";
    case errc::invalid_configuration:
      return "invalid_configuration";
    case errc::backend_failed:
      return "backend_failed";
    case errc::child_failed:
      return "child_failed";
    case errc::out_of_resources:
      return "out_of_resources";
    case errc::call_crashed:
      return "call_crashed";
    case errc::child_not_found:
      return "child_not_found";
    case errc::child_running:
      return "child_running";
    case errc::child_present:
      return "child_present";
    case errc::child_restarting:
      return "child_restarting";
    case errc::too_many_children:
      return "too_many_children";
    case errc::wrong_strategy:
      return "wrong_strategy";
    case errc::restart_intensity:
      return "restart_intensity";
    case errc::supervisor_ended:
      return "supervisor_ended";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, errc code) {
  return out << to_string(code);
}

// Taken by value as the other parameters are; the base class copies it.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
call_error::call_error(errc code, std::string message, std::string runner,
                       std::string remote_type)
  : std::runtime_error(message),
    code_(code),
    runner_(std::move(runner)),
    remote_type_(std::move(remote_type)) {
  // nop
}

call_error::call_error(const caf::error& error)
  : std::runtime_error(take_apart(error).message) {
  auto all = take_apart(error);
  code_ = all.code;
  runner_ = std::move(all.runner);
  remote_type_ = std::move(all.remote_type);
}

caf::error call_error::to_error() const {
  return make_error(code_, what(), runner_, remote_type_);
}

caf::error make_error(errc code, std::string message, std::string runner,
                      std::string remote_type) {
  return caf::error{static_cast<std::uint8_t>(code), category,
                    caf::make_message(std::move(message), std::move(runner),
                                      std::move(remote_type))};
}

errc code_of(const caf::error& error) noexcept {
  return error && error.category() == category ? static_cast<errc>(error.code())
                                               : errc{};
}

std::string describe(const caf::error& error) {
  if (!error)
    return "no error";
  if (error.category() != category)
    return caf::to_string(error);
  auto all = take_apart(error);
  return with_name(all.code, all.message);
}

} // namespace flame

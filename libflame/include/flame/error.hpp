/// What can go wrong with a call, a child or a pool, and how it is told.
#pragma once

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/message.hpp>

#include "flame/detail/export.hpp"
#include "flame/fwd.hpp"

namespace flame {

/// Why an operation failed. The values are part of the wire format: they are
/// never renumbered.
enum class errc : unsigned char {
  /// The call's `timeout` passed: in the queue, at boot, in transfer, or while
  /// the function ran.
  timeout = 1,
  /// The caller ended, or the work was stopped by request.
  cancelled = 2,
  /// The runner ended while the work was on it. The message has exit status or
  /// signal and the last lines that the runner wrote to its standard error.
  runner_lost = 3,
  /// No runner could be booted for the work.
  boot_failed = 4,
  /// The pool's queue holds `max_queue` callers already.
  queue_full = 5,
  /// The pool, or the node that it belongs to, is shutting down.
  pool_closed = 6,
  /// The function threw. `call_error::remote_type` names the exception's type.
  remote_exception = 7,
  /// The runner does not know the function: a module is loaded in the parent
  /// and not in the runner.
  unknown_function = 8,
  /// Arguments or result do not decode: bytes are missing, left over, or out
  /// of range.
  bad_payload = 9,
  /// A lane carried something that is not a frame of this protocol.
  bad_frame = 10,
  /// Arguments or result are longer than `max_message`.
  message_too_large = 11,
  /// The runner is not the same program as the parent: build ids differ.
  different_program = 12,
  /// A blocking call was made on a thread of CAF's scheduler.
  on_scheduler_thread = 13,
  /// Options or configuration are not valid.
  invalid_configuration = 14,
  /// The backend could not do what was asked of it.
  backend_failed = 15,
  /// A placed child ended before its initialisation was complete.
  child_failed = 16,
  /// The operating system refused a resource: descriptors, threads, memory.
  out_of_resources = 17,
  /// The process that served the call ended: the function crashed, left by
  /// `exit`, or was ended by force. The message has signal or exit status and
  /// the last lines that it wrote to its standard error. With
  /// `isolation::process` alone.
  call_crashed = 18,

  // Supervision, see flame/supervisor.hpp.

  /// The supervisor has no child of this name.
  child_not_found = 32,
  /// The child runs, or is being started or stopped, and must not.
  child_running = 33,
  /// The supervisor has a child of this name, which does not run.
  child_present = 34,
  /// The child is about to be restarted.
  child_restarting = 35,
  /// The supervisor has `max_children` already.
  too_many_children = 36,
  /// The supervisor's strategy does not know this operation.
  wrong_strategy = 37,
  /// A supervisor gave up: its children had to be restarted more often than its
  /// `intensity` allows.
  restart_intensity = 38,
  /// The supervisor has ended, or is about to.
  supervisor_ended = 39,
};

/// The name of `code`, e.g. `"runner_lost"`; `"unknown"` for other values.
FLAME_EXPORT std::string_view to_string(errc code) noexcept;

FLAME_EXPORT std::ostream& operator<<(std::ostream& out, errc code);

/// The exception that leaves `flame::call` and its friends.
///
/// A value: copying it is cheap enough, and it may be used from any thread.
class FLAME_EXPORT call_error : public std::runtime_error {
public:
  /// @param code what kind of failure this is
  /// @param message what was tried, on what, and what to do
  /// @param runner name of the runner concerned, empty if there was none
  /// @param remote_type type of the exception that the function threw
  explicit call_error(errc code, std::string message, std::string runner = {},
                      std::string remote_type = {});

  /// Rebuilds the exception from an error that `to_error` made. An error of
  /// another category becomes `errc::remote_exception` with its rendering.
  explicit call_error(const caf::error& error);

  errc code() const noexcept {
    return code_;
  }

  /// The name of the runner that the work was on, or empty.
  const std::string& runner() const noexcept {
    return runner_;
  }

  /// The demangled type of the exception that the function threw, or empty.
  const std::string& remote_type() const noexcept {
    return remote_type_;
  }

  /// The same failure as a value of CAF's error type: code and category
  /// `flame`, with message, runner and remote type as its context.
  caf::error to_error() const;

private:
  errc code_;
  std::string runner_;
  std::string remote_type_;
};

/// Makes an error of category `flame`; the parameters are those of
/// `call_error`.
FLAME_EXPORT caf::error make_error(errc code, std::string message,
                                   std::string runner = {},
                                   std::string remote_type = {});

/// The code of an error of category `flame`; `errc{}` for any other error.
FLAME_EXPORT errc code_of(const caf::error& error) noexcept;

/// The text of an error for people, whatever its category.
FLAME_EXPORT std::string describe(const caf::error& error);

} // namespace flame

CAF_ERROR_CODE_ENUM(flame::errc, "flame")

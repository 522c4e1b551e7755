#include "call_common.hpp"

#include <fmt/format.h>

#include "failure.hpp"
#include "threads.hpp"
#include "timing.hpp"

namespace flame::detail {

namespace {

std::string in_seconds(duration time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

} // namespace

time_point deadline_of(const pool_core& pool, const call_options& options,
                       time_point begun) {
  return time_after(begun, options.timeout.value_or(pool.options.timeout));
}

std::uint16_t flags_of(const call_options& options) noexcept {
  return options.link ? std::uint16_t{0} : std::uint16_t{unlinked};
}

isolation isolation_of(const pool_core& pool,
                       const call_options& options) noexcept {
  return pool.is_nested ? isolation::thread
                        : options.isolation.value_or(pool.options.isolation);
}

duration grace_of(const pool_core& pool, const lane& used) noexcept {
  auto grace = pool.options.stop_grace;
  if (used.served_by() == isolation::process && !is_endless(grace))
    grace += std::chrono::seconds{5};
  return grace;
}

void refuse_on_scheduler_thread(const pool_core& pool, const char* instead) {
  if (on_scheduler_thread(pool.scheduler_threads))
    throw call_error{
      errc::on_scheduler_thread,
      fmt::format("flame::call on pool {} would block a thread of CAF's "
                  "scheduler, and every actor with it: inside an actor, use "
                  "{}",
                  pool.name, instead)};
}

void check_length(const pool_core& pool, const buffer& request) {
  auto length = request.size() - frame_header::size;
  if (length > pool.options.max_message)
    throw call_error{errc::message_too_large,
                     fmt::format("the arguments of a call on pool {} take {} "
                                 "bytes, and max_message is {}: send less, or "
                                 "raise max_message",
                                 pool.name, length, pool.options.max_message)};
}

outcome take_outcome(const pool_core& pool, lane& from,
                     const std::string& runner) {
  outcome result;
  result.runner = runner;
  result.context = pool.handles;
  auto header = from.in().header();
  // A failure that ends the lane may come before the request was read.
  auto is_last = (header.flags & last_frame) != 0;
  auto is_answer =
    header.type == frame_type::result || header.type == frame_type::failure;
  result.lane_is_good = !is_last;
  if (!is_answer || (header.call_id != from.call_id() && !is_last)) {
    result.lane_is_good = false;
    result.error = bad_answer(
      runner, fmt::format("an answer to call {}, where call {} is under way",
                          header.call_id, from.call_id()));
    return result;
  }
  if (header.type == frame_type::failure) {
    try {
      reader in{from.in().body(), result.context.get()};
      auto failure = decode<remote_failure>(in);
      in.finish();
      result.error.emplace(failure.code, std::move(failure.message), runner,
                           std::move(failure.remote_type));
    } catch (const call_error& error) {
      result.lane_is_good = false;
      result.error = bad_answer(runner, error.what());
    }
    from.in().next();
    return result;
  }
  result.frame = from.in().take();
  result.body_at = frame_header::size;
  return result;
}

call_error queue_timeout(const pool_core& pool) {
  auto problem = pool.boot_problem();
  auto counts = pool.table.count();
  if (problem && counts.runners == 0)
    return call_error{errc::boot_failed,
                      fmt::format("no runner of pool {} could be booted within "
                                  "the call's timeout; the last boot failed: "
                                  "{}",
                                  pool.name, problem->message),
                      problem->runner};
  auto text =
    fmt::format("no slot of pool {} came free within the call's "
                "timeout: {} runners, {} slots in use, {} callers "
                "waiting",
                pool.name, counts.runners, counts.in_use, counts.queued);
  if (problem)
    text += fmt::format("; the last boot failed: {}", problem->message);
  return call_error{errc::timeout, std::move(text)};
}

call_error call_timeout(const pool_core& pool, const std::string& runner) {
  return call_error{errc::timeout,
                    fmt::format("a call on runner {} took longer than its "
                                "timeout (the pool's is {}); it was asked to "
                                "stop",
                                runner, in_seconds(pool.options.timeout)),
                    runner};
}

call_error bad_answer(const std::string& runner, const std::string& problem) {
  return call_error{
    errc::bad_frame,
    fmt::format("runner {} sent what is no answer: {}", runner, problem),
    runner};
}

call_error no_lane_left(const std::string& runner) {
  return call_error{errc::out_of_resources,
                    fmt::format("no lane to runner {} could be opened: this "
                                "process has no descriptors left (see ulimit "
                                "-n)",
                                runner),
                    runner};
}

codec_context* context_of(const pool_core& pool) noexcept {
  return pool.handles.get();
}

void open_request(buffer& out, const thunk& code) {
  open_frame(out);
  auto token = code.token();
  out.append(&token, sizeof(token));
}

bool calls_by_name(const pool_core& pool) noexcept {
  return pool.options.allow_different_builds;
}

void open_request(buffer& out, const thunk& code, const pool_core& pool) {
  if (calls_by_name(pool)) {
    if (!code.has_name())
      throw call_error{
        errc::unknown_function,
        fmt::format("{} cannot be called on pool {}, which has "
                    "allow_different_builds: another build knows it by "
                    "FLAME_FUNCTION only; name a function by that, and call it "
                    "as flame::fn<&function>",
                    code.name(), pool.name)};
    if (!find_thunk(code.token()))
      throw call_error{errc::unknown_function,
                       fmt::format("{} shares its FLAME_FUNCTION name with "
                                   "another function of this program: qualify "
                                   "both, or rename one",
                                   code.name())};
  }
  open_request(out, code);
}

} // namespace flame::detail

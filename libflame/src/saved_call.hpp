/// Calls that have failed, kept as files, so that each can be run again alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "flame/detail/buffer.hpp"
#include "flame/detail/thunk.hpp"

namespace flame::detail {

/// The file of a call that is under way on this runner. It is there before the
/// function runs, so that it stays when the function takes its process along,
/// and goes when the function ends well. Not thread-safe.
class call_record {
public:
  /// What to do without `FLAME_SAVE_FAILED`: nothing.
  call_record() noexcept = default;

  /// Failing to make the file is logged, and no failure of the call.
  /// @param request the body of the request's frame
  call_record(const std::string& folder, const std::string& runner,
              std::uint64_t call_id, std::span<const std::byte> request);

  /// Removes the file, unless it is to stay.
  ~call_record();

  call_record(const call_record&) = delete;
  call_record& operator=(const call_record&) = delete;

  /// The call has failed.
  void keep() noexcept {
    is_kept_ = true;
  }

private:
  std::string path_;
  bool is_kept_ = false;
};

/// The folder that `FLAME_SAVE_FAILED` names, or null. Read once.
const std::string* folder_of_failed_calls();

/// What such a file holds.
struct saved_call {
  /// The program, as `thunk_modules` tells it.
  std::vector<module_info> modules;

  /// Token, callable and arguments.
  buffer request;
};

/// @throws call_error `bad_payload` for what is no such file
saved_call load_call(const std::string& path);

} // namespace flame::detail

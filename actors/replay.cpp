#include "replay.hpp"

#include <iostream>

#include "exit_status.hpp"
#include "failure.hpp"
#include "flame/detail/invocation.hpp"
#include "flame/detail/thunk.hpp"
#include "flame/error.hpp"
#include "frame.hpp"
#include "saved_call.hpp"

namespace flame::detail {

namespace {

/// The caller of a replay: takes every item, and has none to send.
class nobody final : public item_channel {
public:
  explicit nobody(codec_context& handles) : handles_(handles) {
    // nop
  }

  void open(buffer& item) override {
    open_frame(item);
  }

  void send(buffer& item) override {
    item.clear();
  }

  void expect_input() override {
    throw call_error{errc::bad_payload,
                     "this function takes items from its caller, and those are "
                     "not kept: it cannot be run again"};
  }

  std::optional<std::span<const std::byte>> receive() override {
    return std::nullopt;
  }

  codec_context* context() const noexcept override {
    return &handles_;
  }

private:
  codec_context& handles_;
};

/// The function that a call names.
/// @throws call_error if this program does not have it
const thunk& function_of(const saved_call& call, thunk_token token) {
  if (auto difference = program_difference(thunk_modules(), call.modules))
    throw call_error{errc::different_program, *difference};
  auto* code = find_thunk(token);
  if (!code || code->kind != thunk_kind::function)
    throw call_error{errc::unknown_function, unknown_thunk(token, "function")};
  return *code;
}

int run(const thunk& code, reader& in, codec_context& handles) {
  std::cout << "running " << code.name() << std::endl;
  buffer result;
  writer out{result, &handles};
  std::stop_source stop;
  nobody items{handles};
  invocation job{in, out, stop.get_token(), items};
  try {
    reinterpret_cast<function_entry>(code.entry)(job);
  } catch (...) {
    auto failure = describe_current_exception();
    std::cout << "exception: ";
    if (!failure.remote_type.empty())
      std::cout << failure.remote_type << ": ";
    std::cout << failure.message << std::endl;
    return status_failed;
  }
  std::cout << "result: " << result.size() << " bytes" << std::endl;
  return EXIT_SUCCESS;
}

} // namespace

int replay_call(const std::string& path, codec_context& handles) {
  try {
    auto call = load_call(path);
    reader in{call.request.bytes(), &handles};
    thunk_token token{};
    in.raw(&token, sizeof(token));
    auto& code = function_of(call, token);
    return run(code, in, handles);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    return status_unusable;
  }
}

} // namespace flame::detail

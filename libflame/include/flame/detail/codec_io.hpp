/// The two ends of the codec: where bytes go, and where they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include <caf/actor_control_block.hpp>
#include <caf/fwd.hpp>

#include "flame/detail/buffer.hpp"
#include "flame/detail/export.hpp"

namespace flame::detail {

/// What the codec must know to let actor handles and CAF's own types travel.
struct FLAME_EXPORT codec_context {
  virtual ~codec_context();

  /// Knows the actor system, and the proxies of the node at the other end.
  virtual caf::execution_unit* unit() = 0;

  /// The handle that travels in the place of `handle`, which is not null. The
  /// receiver can reach actors of sender and receiver only.
  virtual caf::strong_actor_ptr outgoing(caf::strong_actor_ptr handle) = 0;

  /// The actor of that number, if `node` is this one and the actor is known to
  /// others; else null.
  virtual caf::strong_actor_ptr own_actor(const caf::node_id& node,
                                          caf::actor_id id) = 0;
};

/// Throws `call_error` with `errc::bad_payload`.
[[noreturn]] FLAME_EXPORT void bad_payload(const std::string& message);

/// Counts how deep values are nested, so that neither a long list of
/// `unique_ptr` nor hostile input runs out of stack. The sender counts too: the
/// error is to reach whoever made the value.
class nesting {
public:
  static constexpr std::size_t limit = 256;

  explicit nesting(std::size_t& depth) : depth_(depth) {
    if (depth_ == limit)
      refuse();
    ++depth_;
  }

  nesting(const nesting&) = delete;
  nesting& operator=(const nesting&) = delete;

  ~nesting() {
    --depth_;
  }

private:
  [[noreturn]] FLAME_EXPORT static void refuse();

  std::size_t& depth_;
};

/// Appends encoded values to a buffer. Not thread-safe.
class writer {
public:
  explicit writer(buffer& out, codec_context* context = nullptr) noexcept
    : out_(out),
      context_(context) {
    // nop
  }

  void raw(const void* bytes, std::size_t count) {
    out_.append(bytes, count);
  }

  void byte(std::uint8_t value) {
    raw(&value, 1);
  }

  void length(std::size_t count) {
    auto value = static_cast<std::uint64_t>(count);
    raw(&value, sizeof(value));
  }

  codec_context* context() const noexcept {
    return context_;
  }

  caf::execution_unit* unit() const {
    return context_ ? context_->unit() : nullptr;
  }

  nesting nest() {
    return nesting{depth_};
  }

private:
  buffer& out_;
  codec_context* context_;
  std::size_t depth_ = 0;
};

/// Takes encoded values from bytes that nobody vouches for. What is wrong with
/// them is thrown as `call_error` with `errc::bad_payload`. Not thread-safe.
class reader {
public:
  explicit reader(std::span<const std::byte> bytes,
                  codec_context* context = nullptr) noexcept
    : at_(bytes.data()),
      end_(at_ + bytes.size()),
      context_(context) {
    // nop
  }

  std::size_t remaining() const noexcept {
    return static_cast<std::size_t>(end_ - at_);
  }

  /// The next `count` bytes, in place.
  const std::byte* take(std::size_t count) {
    if (count > remaining())
      truncated(count);
    auto* result = at_;
    at_ += count;
    return result;
  }

  void raw(void* to, std::size_t count) {
    auto* from = take(count);
    if (count != 0)
      std::memcpy(to, from, count);
  }

  std::uint8_t byte() {
    return static_cast<std::uint8_t>(*take(1));
  }

  /// A yes or no; `what` stands in the error about any other value.
  bool flag(const char* what) {
    auto value = byte();
    if (value > 1)
      bad_flag(what, value);
    return value == 1;
  }

  /// The number of elements that follow. Each takes at least `element_size`
  /// bytes, so that no more can be announced than have been sent.
  std::size_t length(std::size_t element_size) {
    std::uint64_t count;
    raw(&count, sizeof(count));
    if (count > remaining() / element_size)
      bad_length(count);
    return static_cast<std::size_t>(count);
  }

  /// Refuses left-over bytes.
  void finish() const {
    if (at_ != end_)
      left_over();
  }

  codec_context* context() const noexcept {
    return context_;
  }

  caf::execution_unit* unit() const {
    return context_ ? context_->unit() : nullptr;
  }

  nesting nest() {
    return nesting{depth_};
  }

private:
  [[noreturn]] FLAME_EXPORT void truncated(std::size_t wanted) const;
  [[noreturn]] FLAME_EXPORT void bad_length(std::uint64_t count) const;
  [[noreturn]] FLAME_EXPORT void left_over() const;
  [[noreturn]] FLAME_EXPORT static void bad_flag(const char* what,
                                                 unsigned value);

  const std::byte* at_;
  const std::byte* end_;
  codec_context* context_;
  std::size_t depth_ = 0;
};

} // namespace flame::detail

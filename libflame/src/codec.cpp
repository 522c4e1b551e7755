#include "flame/codec.hpp"

#include <string>
#include <utility>

namespace flame::detail {

codec_context::~codec_context() = default;

void bad_payload(const std::string& message) {
  throw call_error{errc::bad_payload, message};
}

void nesting::refuse() {
  bad_payload("values are nested more than " + std::to_string(limit)
              + " deep: send long lists as vectors");
}

void reader::truncated(std::size_t wanted) const {
  bad_payload("the bytes end too early: " + std::to_string(wanted)
              + " more expected, " + std::to_string(remaining()) + " left");
}

void reader::bad_length(std::uint64_t count) const {
  bad_payload("a container cannot have " + std::to_string(count) + " elements: "
              + std::to_string(remaining()) + " bytes are left");
}

void reader::left_over() const {
  bad_payload(std::to_string(remaining())
              + " bytes are left over after the last value");
}

void reader::bad_flag(const char* what, unsigned value) {
  bad_payload(std::string{what} + " begins with " + std::to_string(value)
              + ", which is neither 0 nor 1");
}

void check_inspection(const char* what, const caf::error& error) {
  if (error)
    bad_payload(std::string{what} + ": " + describe(error));
}

namespace {

enum : std::uint8_t { handle_null, handle_itself, handle_relayed };

[[noreturn]] void no_actors_here() {
  bad_payload(
    "an actor handle cannot travel here: there is no actor system, as "
    "in a call with isolation: process");
}

} // namespace

void save_handle(writer& to, caf::strong_actor_ptr handle) {
  if (handle && !to.context())
    no_actors_here();
  if (!handle)
    return to.byte(handle_null);
  auto travels_as = to.context()->outgoing(handle);
  if (travels_as == handle) {
    to.byte(handle_itself);
  } else {
    // The receiver may be the actor's own node: then it needs no stand-in.
    to.byte(handle_relayed);
    save_bridged(to, handle->node());
    encode<std::uint64_t>(to, handle->id());
  }
  save_bridged(to, travels_as);
}

caf::strong_actor_ptr load_handle(reader& from) {
  auto kind = from.byte();
  if (kind == handle_null)
    return nullptr;
  if (kind > handle_relayed)
    bad_payload("an actor handle of an unknown kind");
  if (!from.context())
    no_actors_here();
  caf::strong_actor_ptr own;
  if (kind == handle_relayed) {
    auto node = load_bridged<caf::node_id>(from);
    own = from.context()->own_actor(node, decode<std::uint64_t>(from));
  }
  auto travelled_as = load_bridged<caf::strong_actor_ptr>(from);
  return own ? own : travelled_as;
}

} // namespace flame::detail

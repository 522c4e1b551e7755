#include "flame/detail/child.hpp"

#include "failure.hpp"

namespace flame::detail {

child_report::~child_report() = default;

void child_report::failed_with_current_exception() {
  auto failure = describe_current_exception();
  auto code =
    failure.code == errc::remote_exception ? errc::child_failed : failure.code;
  failed(make_error(
    code, "the initialisation of the child failed: " + failure.message, {},
    std::move(failure.remote_type)));
}

} // namespace flame::detail

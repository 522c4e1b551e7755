#pragma once

#include <exception>
#include <string>

#include "flame/codec.hpp"
#include "flame/error.hpp"
#include "frame.hpp"

namespace flame::detail {

/// The body of a `failure` frame.
struct remote_failure {
  errc code = errc::remote_exception;
  std::string message;
  std::string remote_type;
};

/// Describes the exception that is being handled.
remote_failure describe_current_exception();

/// The demangled name of a type.
std::string type_name(const std::type_info& type);

} // namespace flame::detail

#include "failure.hpp"

#include <typeinfo>

#include <boost/core/demangle.hpp>
#include <cxxabi.h>

namespace flame::detail {

remote_failure describe_current_exception() {
  try {
    throw;
  } catch (const call_error& error) {
    // Also what the codec throws while it decodes: the code says which.
    return {error.code(), error.what(), error.remote_type()};
  } catch (const std::exception& error) {
    return {errc::remote_exception, error.what(), type_name(typeid(error))};
  } catch (...) {
    auto* type = abi::__cxa_current_exception_type();
    return {errc::remote_exception, "an exception without a message",
            type ? type_name(*type) : std::string{"unknown"}};
  }
}

std::string type_name(const std::type_info& type) {
  return boost::core::demangle(type.name());
}

} // namespace flame::detail

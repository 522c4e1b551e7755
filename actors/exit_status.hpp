/// What programs of users end with where `flame::run` ends them.
#pragma once

namespace flame::detail {

/// Something failed while it ran.
inline constexpr int status_failed = 1;

/// Arguments, configuration or what is to be repeated are not usable.
inline constexpr int status_unusable = 2;

} // namespace flame::detail

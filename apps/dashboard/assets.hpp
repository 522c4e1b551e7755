#pragma once

#include <span>

#include "web/asset.hpp"

namespace flame::dash {

std::span<const web::asset> assets() noexcept;

} // namespace flame::dash

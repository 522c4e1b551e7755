/// The files of the page, which are part of the program.
#pragma once

#include "web/asset.hpp"
#include <span>

namespace studio {

std::span<const web::asset> assets() noexcept;

} // namespace studio

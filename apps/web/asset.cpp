#include "web/asset.hpp"

#include <algorithm>

namespace web {

std::optional<reply> find_asset(std::span<const asset> assets,
                                std::string_view target) {
  // Each target is compared as a whole: there is no path of files to get out
  // of. Nothing here takes a query.
  auto i =
    std::ranges::find(assets, target.substr(0, target.find('?')), &asset::path);
  if (i == assets.end())
    return std::nullopt;
  reply found;
  found.type = i->type;
  found.cache = "no-cache";
  found.constant = i->body;
  return found;
}

} // namespace web

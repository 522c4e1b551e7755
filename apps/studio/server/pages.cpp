#include "server/pages.hpp"

#include <algorithm>

#include "server/assets.hpp"

namespace studio {

void answer_page(std::string_view target, const samples& videos,
                 const gallery& finished, responder respond) {
  // Each target is compared as a whole: there is no path of files to get out
  // of. Nothing here takes a query.
  auto path = target.substr(0, target.find('?'));
  if (auto i = std::ranges::find(assets(), path, &asset::path);
      i != assets().end()) {
    reply found;
    found.type = i->type;
    found.cache = "no-cache";
    found.constant = i->body;
    return respond(std::move(found));
  }
  constexpr std::string_view sample_folder = "/samples/";
  if (path.starts_with(sample_folder))
    if (auto which = find_sample(path.substr(sample_folder.size())))
      return videos.answer(*which, std::move(respond));
  if (path == "/api/videos")
    return finished.list(std::move(respond));
  constexpr std::string_view thumbnail_folder = "/thumbnails/";
  if (path.starts_with(thumbnail_folder))
    return finished.picture(path.substr(thumbnail_folder.size()),
                            std::move(respond));
  respond(failure(404, "There is nothing here."));
}

} // namespace studio

#include "server/pages.hpp"

#include "server/assets.hpp"

namespace studio {

void answer_page(std::string_view target, const samples& videos,
                 const gallery& finished, web::responder respond) {
  if (auto found = web::find_asset(assets(), target))
    return respond(std::move(*found));
  auto path = target.substr(0, target.find('?'));
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
  respond(web::failure(404, "There is nothing here."));
}

} // namespace studio

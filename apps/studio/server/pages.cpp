#include "server/pages.hpp"

#include "server/assets.hpp"

namespace studio {

void answer_page(std::string_view target, const samples& videos,
                 web::responder respond) {
  if (auto found = web::find_asset(assets(), target))
    return respond(std::move(*found));
  auto path = target.substr(0, target.find('?'));
  constexpr std::string_view sample_folder = "/samples/";
  if (path.starts_with(sample_folder))
    if (auto which = find_sample(path.substr(sample_folder.size())))
      return videos.answer(*which, std::move(respond));
  respond(web::failure(404, "There is nothing here."));
}

} // namespace studio

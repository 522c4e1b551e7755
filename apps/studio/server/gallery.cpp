#include "server/gallery.hpp"

#include <iostream>

#include <nlohmann/json.hpp>

#include "server/picture_name.hpp"

namespace studio {

namespace {

constexpr std::size_t most_listed = 200;

nlohmann::json listed(const stored_video& video) {
  return {{"id", video.id},
          {"name", video.title.name},
          {"size", video.title.size},
          {"created", video.title.created_ms},
          {"codec", video.facts.codec},
          {"width", video.facts.width},
          {"height", video.facts.height},
          {"duration", video.facts.duration_ms},
          {"times", video.times}};
}

/// What a database says is for who runs the studio, and no browser's business.
web::reply no_database(const database_error& error) {
  std::cerr << "studio: " << error.what() << std::endl;
  return web::failure(503,
                      "The database of the studio cannot be asked. Try again "
                      "later.");
}

web::reply list_from(repository& videos) {
  try {
    auto list = nlohmann::json::array();
    for (auto& each : videos.latest(most_listed))
      list.push_back(listed(each));
    web::reply result;
    result.type = "application/json";
    result.text = nlohmann::json{{"videos", std::move(list)}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
    return result;
  } catch (const database_error& error) {
    return no_database(error);
  }
}

web::reply picture_from(repository& videos, const picture_name& which) {
  try {
    auto jpeg = videos.jpeg(which.video, which.index);
    if (!jpeg)
      return web::failure(404, "There is no such thumbnail.");
    web::reply result;
    result.type = "image/jpeg";
    // It is what it is: another attempt makes the same of the same video.
    result.cache = "private, max-age=86400, immutable";
    result.text = std::move(*jpeg);
    return result;
  } catch (const database_error& error) {
    return no_database(error);
  }
}

} // namespace

void gallery::list(web::responder respond) const {
  database_.ask([respond = std::move(respond)](repository& videos) {
    respond(list_from(videos));
  });
}

void gallery::picture(std::string_view name, web::responder respond) const {
  auto which = parse_picture_name(name);
  if (!which)
    return respond(web::failure(404, "There is no such thumbnail."));
  database_.ask([which = std::move(*which),
                 respond = std::move(respond)](repository& videos) {
    respond(picture_from(videos, which));
  });
}

} // namespace studio

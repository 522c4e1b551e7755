/// The page and what it asks for.
#pragma once

#include <string_view>

#include "server/gallery.hpp"
#include "server/samples.hpp"
#include "web/reply.hpp"

namespace studio {

/// Answers a GET of `/`, of the page's files, of `/samples/NAME`, of
/// `/api/videos` or of `/thumbnails/ID/N.jpg`.
/// @param target what stands in the request, as it is
void answer_page(std::string_view target, const samples& videos,
                 const gallery& finished, web::responder respond);

} // namespace studio

/// The page and what it asks for.
#pragma once

#include <string_view>

#include "server/samples.hpp"
#include "web/reply.hpp"

namespace studio {

/// Answers a GET of `/`, of the page's files, or of `/samples/NAME`.
/// @param target what stands in the request, as it is
void answer_page(std::string_view target, const samples& videos,
                 web::responder respond);

} // namespace studio

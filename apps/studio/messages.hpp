/// What the actors of the studio tell each other.
#pragma once

#include <string>
#include <vector>

#include <caf/all.hpp>

#include "database/repository.hpp"

namespace studio {

/// What browsers are told: JSON, and with it a picture or nothing.
struct live_event {
  std::string json;
  std::vector<char> picture;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, live_event& x) {
  return f(caf::meta::type_name("studio::live_event"), x.json, x.picture);
}

/// How an upload has ended, to the actor that stands for its browser.
struct upload_ended {
  bool is_done = false;
  /// Why not, for people.
  std::string problem;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, upload_ended& x) {
  return f(caf::meta::type_name("studio::upload_ended"), x.is_done, x.problem);
}

/// There is more of the video, or its end.
using grown_atom = caf::atom_constant<caf::atom("grown")>;

/// The upload is to fail, with a text that says why.
using refuse_atom = caf::atom_constant<caf::atom("refuse")>;

/// To the database, from a runner: what `video_writer` has.
using begin_atom = caf::atom_constant<caf::atom("begin")>;
using finish_atom = caf::atom_constant<caf::atom("finish")>;

} // namespace studio

CAF_BEGIN_TYPE_ID_BLOCK(studio, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(studio, (studio::live_event))
CAF_ADD_TYPE_ID(studio, (studio::upload_ended))
CAF_ADD_TYPE_ID(studio, (studio::video_attempt))
CAF_ADD_TYPE_ID(studio, (studio::video_title))
CAF_ADD_TYPE_ID(studio, (studio::thumbnail))
CAF_ADD_TYPE_ID(studio, (studio::video_facts))

CAF_END_TYPE_ID_BLOCK(studio)

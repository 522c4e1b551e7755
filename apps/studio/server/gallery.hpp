/// The videos that are finished, for pages that are opened later.
#pragma once

#include <string_view>

#include "database/database.hpp"
#include "web/reply.hpp"

namespace studio {

/// Answers from the database. Thread-safe.
class gallery {
public:
  explicit gallery(const database& from) : database_(from) {
    // nop
  }

  /// The latest videos, at most 200, the latest one first: `{"videos": [{"id":
  /// ..., "times": [...], ...}]}`, by the names that events have. Thumbnail `n`
  /// is at `times[n]`, in ms.
  void list(web::responder respond) const;

  /// A thumbnail, of a video that need not be finished.
  /// @param name `ID/N.jpg`, as it stands in the request
  void picture(std::string_view name, web::responder respond) const;

private:
  const database& database_;
};

} // namespace studio

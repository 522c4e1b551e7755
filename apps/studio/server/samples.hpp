/// The sample videos, made when they are first asked for.
#pragma once

#include <cstdint>
#include <filesystem>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <flame/pool.hpp>

#include "video/sample_video.hpp"
#include "web/reply.hpp"

namespace studio {

/// Makes each sample once, on a runner, and keeps it. Thread-safe.
class samples {
public:
  /// @param directory where they are kept
  samples(caf::actor_system& system, flame::pool where,
          std::filesystem::path directory, std::uint32_t seconds);

  /// Waits until nothing more is written.
  ~samples();

  samples(const samples&) = delete;
  samples& operator=(const samples&) = delete;

  /// Answers with a video, once it is made.
  void answer(const sample_info& which, web::responder respond) const;

private:
  caf::actor maker_;
};

} // namespace studio

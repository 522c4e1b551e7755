/// The database of the studio, an actor.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include "database/database_url.hpp"
#include "database/repository.hpp"

namespace studio {

/// Where runners write to: an actor of the parent, or a server that each of them
/// connects to. An argument of calls, which is how a password gets to a runner.
using video_storage = std::variant<caf::actor, std::string>;

/// On the parent: owns the repository, and asks it on a thread of its own.
/// Thread-safe.
class database {
public:
  /// Opens the database.
  /// @param scratch where one is made that nobody has named
  /// @throws database_error
  database(caf::actor_system& system, const database_url& which,
           const std::filesystem::path& scratch);

  /// Waits for what has been asked.
  ~database();

  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// For runners.
  const video_storage& storage() const noexcept {
    return storage_;
  }

  /// Calls `what` later, on the thread of the database. It throws nothing.
  void ask(std::function<void(repository&)> what) const;

private:
  caf::actor server_;
  video_storage storage_;
};

/// What a runner writes with.
/// @throws database_error
std::shared_ptr<video_writer> open_storage(const video_storage& where);

} // namespace studio

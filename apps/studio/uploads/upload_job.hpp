/// What there is of an upload, whoever works on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <caf/actor.hpp>

#include "uploads/board.hpp"
#include "uploads/upload_view.hpp"
#include "video/spool_file.hpp"

namespace studio {

/// An upload outlives the actor that looks after it: when a runner or that
/// actor is lost, the next one begins anew with what has arrived so far.
///
/// The browser's connection appends to `spool` and says so in `received`; the
/// actor reads, and says in `taken` how far it is. The members that are atomic
/// are for both; `view` is for the actor.
struct upload_job {
  upload_job(upload_view what, std::shared_ptr<board> its_place,
             const std::filesystem::path& directory)
    : spool(directory),
      view(std::move(what)),
      place_(std::move(its_place)) {
    // nop
  }

  /// However the upload ended, it takes no place any more.
  ~upload_job() {
    place_->remove(view.id);
  }

  upload_job(const upload_job&) = delete;
  upload_job& operator=(const upload_job&) = delete;

  spool_file spool;
  /// Bytes in the spool file.
  std::atomic<std::uint64_t> received = 0;
  /// Whether that is all of the video.
  std::atomic<bool> is_complete = false;
  /// Bytes that are on their way to a runner.
  std::atomic<std::uint64_t> taken = 0;

  /// Stands for the browser. When it ends, so does the upload.
  caf::actor owner;
  /// Called, in any thread, when `taken` has changed.
  std::function<void()> on_taken;

  upload_view view;

private:
  std::shared_ptr<board> place_;
};

} // namespace studio

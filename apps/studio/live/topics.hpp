/// The topics by which browsers hear of what happens to uploads and pool.
#pragma once

namespace studio::topic {

/// What is published in both is a `live_event`.
inline constexpr const char* uploads = "studio/uploads";
inline constexpr const char* pool = "studio/pool";

} // namespace studio::topic

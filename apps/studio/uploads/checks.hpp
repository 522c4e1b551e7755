/// What may be uploaded: pure checks.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace studio {

/// What a browser says of a file before it sends it.
struct announcement {
  std::string name;
  std::uint64_t size = 0;
};

/// Reads `{"name": "...", "size": 123}`.
/// @returns nothing if it is something else
std::optional<announcement> parse_announcement(std::string_view text);

/// A name as it can be shown: the last part of a path, valid UTF-8, without
/// control characters and such that change the direction of writing, at most
/// 120 characters. Never empty.
std::string clean_name(std::string_view name);

/// Why a file of this size is refused, for people; empty if it is not.
std::string problem_of_size(std::uint64_t size, std::uint64_t most);

/// Whether a file may be a video, by its first bytes: those of the containers
/// that ffmpeg is allowed to read.
bool looks_like_video(std::string_view first_bytes);

/// `"30 s"` or `"1.5 s"`, for people.
std::string format_time(std::chrono::milliseconds span);

/// `"1.5 GB"`, for people.
std::string format_size(std::uint64_t bytes);

} // namespace studio

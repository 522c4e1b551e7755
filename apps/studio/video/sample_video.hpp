/// Videos that the studio makes itself, for who has none at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <flame/stream.hpp>

namespace studio {

enum class sample_kind : unsigned char {
  /// A test picture with a clock, as an MPEG transport stream.
  clock,
  /// A way into the Mandelbrot set, as a fragmented MP4.
  zoom,
};

struct sample_info {
  sample_kind kind;
  std::string_view file_name;
  std::string_view content_type;
};

/// By the name of its file.
std::optional<sample_info> find_sample(std::string_view file_name);

/// Makes a sample, on a runner; both kinds can be read before all of them is
/// there.
/// @throws std::runtime_error if ffmpeg fails
void make_sample(std::stop_token stop, flame::emitter<std::vector<char>>& out,
                 sample_kind kind, std::uint32_t seconds);

} // namespace studio

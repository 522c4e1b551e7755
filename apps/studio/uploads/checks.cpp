#include "uploads/checks.hpp"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace studio {

namespace {

constexpr std::size_t max_name = 120;

/// The length of the UTF-8 sequence that `text` begins with; 0 if it is none.
std::size_t sequence_length(std::string_view text) {
  auto byte = [&](std::size_t at) {
    return static_cast<unsigned char>(text[at]);
  };
  auto lead = byte(0);
  std::size_t length = lead < 0x80                    ? 1
                       : lead >= 0xc2 && lead <= 0xdf ? 2
                       : lead >= 0xe0 && lead <= 0xef ? 3
                       : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                      : 0;
  if (length == 0 || length > text.size())
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Longer than need be, surrogates, beyond the last one.
  if (length > 2) {
    auto second = byte(1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)
        || (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
      return 0;
  }
  return length;
}

/// Control characters, and those that would make a name look like another one:
/// marks of direction, and such without width.
bool is_unprintable(std::string_view sequence) {
  if (sequence.size() == 1)
    return static_cast<unsigned char>(sequence[0]) < 0x20
           || sequence[0] == 0x7f;
  if (sequence.size() == 2)
    return sequence[0] == '\xc2'
           && static_cast<unsigned char>(sequence[1]) < 0xa0;
  if (!sequence.starts_with("\xe2\x80") && !sequence.starts_with("\xe2\x81"))
    return sequence == "\xef\xbb\xbf";
  auto last = static_cast<unsigned char>(sequence[2]);
  if (sequence[1] == '\x80')
    return (last >= 0x8b && last <= 0x8f) || (last >= 0xa8 && last <= 0xae);
  return last >= 0xa0 && last <= 0xaf;
}

std::string_view without_directories(std::string_view name) {
  auto slash = name.find_last_of("/\\");
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

bool has_at(std::string_view bytes, std::size_t at, std::string_view what) {
  return bytes.size() >= at + what.size()
         && bytes.substr(at, what.size()) == what;
}

/// Packets of 188 bytes, or of 192 with a time stamp before each (as cameras
/// write them).
bool is_transport_stream(std::string_view bytes) {
  for (auto [first, distance] :
       {std::array<std::size_t, 2>{0, 188}, std::array<std::size_t, 2>{4, 192}})
    if (bytes.size() > first + distance && bytes[first] == 'G'
        && bytes[first + distance] == 'G')
      return true;
  return false;
}

/// A box of the ISO family, by the type that follows its length.
bool is_iso_media(std::string_view bytes) {
  for (auto* type : {"ftyp", "styp", "moov", "mdat", "wide", "free", "skip"})
    if (has_at(bytes, 4, type))
      return true;
  return false;
}

} // namespace

std::optional<announcement> parse_announcement(std::string_view text) {
  auto root = nlohmann::json::parse(text, nullptr, false);
  if (!root.is_object())
    return std::nullopt;
  auto name = root.find("name");
  auto size = root.find("size");
  if (name == root.end() || !name->is_string() || size == root.end()
      || !size->is_number_unsigned())
    return std::nullopt;
  return announcement{name->get<std::string>(), size->get<std::uint64_t>()};
}

std::string clean_name(std::string_view name) {
  name = without_directories(name);
  std::string result;
  std::size_t characters = 0;
  while (!name.empty() && characters < max_name) {
    auto length = sequence_length(name);
    auto sequence = name.substr(0, std::max<std::size_t>(length, 1));
    name.remove_prefix(sequence.size());
    if (length == 0)
      result += "\xef\xbf\xbd";
    else if (is_unprintable(sequence))
      continue;
    else
      result += sequence;
    ++characters;
  }
  auto first = result.find_first_not_of(' ');
  if (first == std::string_view::npos)
    return "video";
  return result.substr(first, result.find_last_not_of(' ') - first + 1);
}

std::string format_time(std::chrono::milliseconds span) {
  return fmt::format("{} s", static_cast<double>(span.count()) / 1000);
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array units{"bytes", "KB", "MB", "GB", "TB"};
  if (bytes < 1000)
    return fmt::format("{} {}", bytes, bytes == 1 ? "byte" : units[0]);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return value < 9.95 ? fmt::format("{:.1f} {}", value, units[unit])
                      : fmt::format("{:.0f} {}", value, units[unit]);
}

std::string problem_of_size(std::uint64_t size, std::uint64_t most) {
  if (size == 0)
    return "This file is empty.";
  if (size > most)
    return fmt::format("This video is too large: {}, and at most {} are taken.",
                       format_size(size), format_size(most));
  return {};
}

bool looks_like_video(std::string_view bytes) {
  using namespace std::string_view_literals;
  return is_iso_media(bytes)
         || is_transport_stream(bytes)
         // Matroska and WebM
         || has_at(bytes, 0, "\x1a\x45\xdf\xa3"sv)
         // AVI
         || (has_at(bytes, 0, "RIFF"sv) && has_at(bytes, 8, "AVI "sv))
         || has_at(bytes, 0, "OggS"sv)
         || has_at(bytes, 0, "FLV\x01"sv)
         // MPEG program streams, and MPEG video
         || has_at(bytes, 0, "\0\0\1\xba"sv)
         || has_at(bytes, 0, "\0\0\1\xb3"sv)
         // ASF and WMV
         || has_at(bytes, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv);
}

} // namespace studio

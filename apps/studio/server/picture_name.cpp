#include "server/picture_name.hpp"

#include <charconv>

namespace studio {

namespace {

constexpr std::size_t id_length = 16;

/// More than any video has thumbnails.
constexpr std::size_t most_index_digits = 6;

bool consists_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

} // namespace

std::optional<picture_name> parse_picture_name(std::string_view name) {
  constexpr std::string_view ending = ".jpg";
  if (name.size() < id_length + 1 + ending.size() || name[id_length] != '/'
      || !name.ends_with(ending))
    return std::nullopt;
  auto id = name.substr(0, id_length);
  auto number = name.substr(id_length + 1);
  number.remove_suffix(ending.size());
  auto has_one_form = number == "0" || !number.starts_with('0');
  if (!consists_of(id, "0123456789abcdef") || number.empty()
      || number.size() > most_index_digits || !consists_of(number, "0123456789")
      || !has_one_form)
    return std::nullopt;
  picture_name result{std::string{id}, 0};
  std::from_chars(number.data(), number.data() + number.size(), result.index);
  return result;
}

} // namespace studio

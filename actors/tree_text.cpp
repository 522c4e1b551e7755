#include <array>
#include <chrono>

#include <fmt/format.h>

#include "flame/tree.hpp"

namespace flame {

namespace {

/// The two largest units: `1min 12s`.
std::string rounded(duration age) {
  using namespace std::chrono;
  constexpr std::array<std::pair<const char*, seconds>, 4> units{{
    {"d", seconds{86'400}},
    {"h", seconds{3'600}},
    {"min", seconds{60}},
    {"s", seconds{1}},
  }};
  if (age < seconds{1})
    return fmt::format("{}ms", duration_cast<milliseconds>(age).count());
  auto left = duration_cast<seconds>(age);
  std::string result;
  int shown = 0;
  for (auto& [name, length] : units) {
    auto count = left / length;
    left -= count * length;
    if (count == 0 && shown == 0)
      continue;
    if (count != 0)
      result += fmt::format("{}{}{}", shown > 0 ? " " : "", count, name);
    if (++shown == 2)
      break;
  }
  return result;
}

void write(std::string& out, const tree_entry& what, const std::string& indent,
           const char* branch, const char* below) {
  out += indent;
  out += branch;
  out += to_string(what.kind);
  if (!what.name.empty())
    out += ' ' + what.name;
  if (!what.state.empty())
    out += ' ' + what.state;
  if (what.age > duration{0})
    out += ' ' + rounded(what.age);
  if (what.restarts > 0)
    out += fmt::format(" restarts={}", what.restarts);
  for (auto& [name, value] : what.facts)
    out += fmt::format(" {}={}", name, value);
  out += '\n';
  auto deeper = indent + below;
  for (auto& each : what.children) {
    auto is_last = &each == &what.children.back();
    write(out, each, deeper, is_last ? "└─ " : "├─ ", is_last ? "   " : "│  ");
  }
}

} // namespace

const char* to_string(tree_kind value) noexcept {
  switch (value) {
    case tree_kind::node:
      return "node";
    case tree_kind::gateway:
      return "gateway";
    case tree_kind::pool:
      return "pool";
    case tree_kind::runner:
      return "runner";
    case tree_kind::supervisor:
      return "supervisor";
    case tree_kind::child:
      return "child";
  }
  return "unknown";
}

std::string to_string(const tree_entry& tree) {
  std::string result;
  write(result, tree, {}, "", "");
  return result;
}

} // namespace flame

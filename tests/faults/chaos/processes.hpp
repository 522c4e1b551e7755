/// The processes that a parent has, by their places below it.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <unistd.h>

namespace chaos {

/// All processes below this one: `result[pid]` is the parent of `pid`.
inline std::map<int, int> descendants() {
  std::map<int, int> parents;
  std::error_code ec;
  for (auto& entry : std::filesystem::directory_iterator{"/proc", ec}) {
    auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos)
      continue;
    std::ifstream file{entry.path() / "stat"};
    std::string line;
    std::getline(file, line);
    auto end = line.rfind(") ");
    if (end == line.npos || line[end + 2] == 'Z')
      continue;
    parents[std::stoi(name)] = std::atoi(line.c_str() + end + 4);
  }
  std::map<int, int> result;
  for (auto [pid, parent] : parents)
    for (auto above = parent; above > 1; above = parents[above])
      if (above == ::getpid()) {
        result[pid] = parent;
        break;
      }
  return result;
}

/// Those so many steps below this process: runners 1, zygotes 2, workers 3.
inline std::vector<int> processes_at(std::size_t depth) {
  auto parents = descendants();
  std::vector<int> result;
  for (auto [pid, parent] : parents) {
    std::size_t steps = 1;
    for (auto above = parent; above != ::getpid(); above = parents[above])
      ++steps;
    if (steps == depth)
      result.push_back(pid);
  }
  return result;
}

inline std::size_t entries_of(const char* folder) {
  std::error_code ec;
  std::size_t result = 0;
  for (auto& entry : std::filesystem::directory_iterator{folder, ec}) {
    static_cast<void>(entry);
    ++result;
  }
  return result;
}

} // namespace chaos

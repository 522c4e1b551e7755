#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <csignal>
#include <unistd.h>

namespace tests {

/// Whether a process runs: it exists, and is not one that has ended and waits
/// to be reaped.
inline bool is_running(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string line;
  if (!std::getline(file, line))
    return false;
  auto state = line.find(") ");
  return state != line.npos && line[state + 2] != 'Z' && line[state + 2] != 'X';
}

/// Whether every thread of a process has been stopped: the signal reaches them
/// one by one.
inline bool is_stopped(int pid) {
  std::error_code ec;
  auto tasks = std::filesystem::path{"/proc"} / std::to_string(pid) / "task";
  for (auto& entry : std::filesystem::directory_iterator{tasks, ec}) {
    std::ifstream file{entry.path() / "stat"};
    std::string line;
    std::getline(file, line);
    auto state = line.rfind(") ");
    if (state == line.npos || line[state + 2] != 'T')
      return false;
  }
  return !ec;
}

/// The memory that this process holds, in KiB.
inline std::size_t resident_kib() {
  std::ifstream file{"/proc/self/status"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmRSS:"))
      return std::stoul(line.substr(6));
  return 0;
}

/// The sockets that a process has open, by inode.
inline std::vector<std::string> socket_inodes(int pid) {
  std::vector<std::string> result;
  std::error_code ec;
  auto fds = std::filesystem::path{"/proc"} / std::to_string(pid) / "fd";
  for (auto& entry : std::filesystem::directory_iterator{fds, ec}) {
    auto target = std::filesystem::read_symlink(entry.path(), ec).string();
    if (target.starts_with("socket:["))
      result.push_back(target.substr(8, target.size() - 9));
  }
  return result;
}

/// The lines of /proc/net that are listening sockets of a process, and its
/// sockets of the internet family in any state.
inline std::vector<std::string> reachable_sockets(int pid) {
  std::vector<std::string> result;
  auto inodes = socket_inodes(pid);
  auto is_ours = [&](const std::string& inode) {
    for (auto& each : inodes)
      if (each == inode)
        return true;
    return false;
  };
  for (std::string table : {"tcp", "tcp6", "udp", "udp6"}) {
    std::ifstream file{"/proc/net/" + table};
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields{line};
      std::vector<std::string> all;
      for (std::string field; fields >> field;)
        all.push_back(field);
      if (all.size() > 9 && is_ours(all[9]))
        result.push_back(table + " " + line);
    }
  }
  // 00010000 in the flags of /proc/net/unix is a socket that listens.
  std::ifstream file{"/proc/net/unix"};
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields{line};
    std::vector<std::string> all;
    for (std::string field; fields >> field;)
      all.push_back(field);
    if (all.size() > 6 && all[3] == "00010000" && is_ours(all[6]))
      result.push_back("unix " + line);
  }
  return result;
}

} // namespace tests

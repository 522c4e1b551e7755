/// Processes that the benchmark starts, and how it holds CPUs still.
#pragma once

#include <string>
#include <vector>

#include <sched.h>
#include <sys/types.h>

namespace bench {

/// Owns a file descriptor.
class descriptor {
public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {
    // nop
  }

  descriptor(descriptor&& other) noexcept;
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor();

  int get() const noexcept {
    return fd_;
  }

private:
  int fd_;
};

struct descriptor_pair {
  descriptor first;
  descriptor second;
};

/// A pair of connected unix sockets, blocking, closed on exec.
descriptor_pair make_sockets();

/// A pipe: its reading end, its writing end.
descriptor_pair make_pipe();

/// The path of this program.
std::string own_program();

/// Another process, started in the way in which the process backend starts
/// runners. Its destructor ends it.
class peer {
public:
  /// @param command the program and its arguments
  /// @param inherited descriptors that it gets as 3, 4 and so on
  peer(std::vector<std::string> command, const std::vector<int>& inherited);

  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  ~peer();

private:
  pid_t pid_ = -1;
};

/// Keeps all threads of this process on some CPUs, while it exists. Processes
/// that are started meanwhile stay there for good.
class pinned {
public:
  explicit pinned(const std::vector<int>& cpus);

  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;

  ~pinned();

private:
  cpu_set_t before_;
};

/// The CPUs that this process may use.
std::vector<int> usable_cpus();

/// The memory of a process, of which pages that others use too count in part.
/// @throws std::runtime_error if it cannot be read
double pss_mib(int pid);

/// Waits until process `pid`, which somebody else reaps, has ended.
void await_end(pid_t pid);

} // namespace bench

/// Backends: what boots, watches and ends the instances that runners live in.
///
/// `local` and `process` come with the library. A program adds its own by
/// name, see `node_options::backends`, and pools choose by that name.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <caf/expected.hpp>

#include "flame/detail/export.hpp"
#include "flame/detail/unique_fd.hpp"
#include "flame/fwd.hpp"

namespace flame {

/// How an instance ended.
struct exit_info {
  enum class kind {
    /// By itself; `status` is its exit status.
    exited,
    /// By a signal; `status` is its number.
    signaled,
    /// The backend cannot tell.
    unknown,
  };

  kind how = kind::unknown;
  int status = 0;

  /// What else the backend knows, e.g. that memory ran out.
  std::string detail;

  /// The last lines that the instance wrote to its standard error, oldest
  /// first; at most 20.
  std::vector<std::string> last_lines;
};

/// One line for people: `"killed by signal 9 (Killed)"` and the like, followed
/// by detail and last lines.
FLAME_EXPORT std::string to_string(const exit_info& info);

/// What the parent connects to a runner with. The backend hands both
/// descriptors to the instance; they are the runner's ends.
struct runner_sockets {
  /// Carries the control plane. The runner inherits it as descriptor 3.
  detail::unique_fd control;
  /// Carries lanes, and the end of which is the end of the parent. The runner
  /// inherits it as descriptor 4.
  detail::unique_fd lanes;
};

/// What a backend is asked to boot.
struct boot_request {
  /// The pool that the runner is for, and the runner's own name.
  std::string pool;
  std::string runner;

  /// The boot has failed when it is not complete by then.
  std::chrono::steady_clock::time_point deadline;

  /// Set when the boot is not wanted any more. A backend that can, gives up.
  std::stop_token cancelled;

  /// The program with its arguments: the runner is started with the same.
  std::vector<std::string> command;

  /// Variables to add to the environment, beside those of the parent.
  std::map<std::string, std::string> environment;

  /// `backend_options::settings` of the pool.
  std::map<std::string, std::string> settings;

  runner_sockets sockets;

  /// Serves as a runner inside this process, on these sockets, until they
  /// end. For backends that boot nothing. Does not block; the function that is
  /// passed is called when it has ended. Throws a `call_error`, of
  /// `out_of_resources`, when it cannot start; then the function is not called.
  std::function<void(runner_sockets, std::function<void()>)> serve_here;

  /// Called once when the instance has ended, after a boot that succeeded. Any
  /// thread, must not block.
  std::function<void(exit_info)> on_exit;

  /// A line of the instance's output. Any thread.
  std::function<void(const std::string&)> on_output;
};

/// What a backend booted. Its destructor ends what still runs. Thread-safe.
class FLAME_EXPORT instance {
public:
  virtual ~instance();

  /// How the provider calls it: a process id, a container's id.
  virtual std::string id() const = 0;

  /// Ends the instance at once, with everything that it started. Does not
  /// block; `boot_request::on_exit` follows. May be called more than once.
  virtual void terminate() = 0;
};

/// A setting that a backend cannot do with, as `backend::check` tells it.
struct setting_mistake {
  std::string key;

  /// What is wrong, without the key's name, e.g. "`x` is not a number".
  std::string text;
};

/// Tells each setting whose key is none of `known`, with the nearest of them.
FLAME_EXPORT std::vector<setting_mistake> unknown_settings(
  const std::map<std::string, std::string>& settings,
  const std::vector<std::string_view>& known);

/// Boots instances. Thread-safe.
class FLAME_EXPORT backend {
public:
  using boot_result = caf::expected<std::shared_ptr<instance>>;

  virtual ~backend();

  /// Whether runners live in the parent's process, by `serve_here`. They need
  /// no control connection then.
  virtual bool is_in_process() const noexcept;

  /// What is wrong with the settings of a pool. Asked when a pool starts, which
  /// is refused then, and by `--check-config`; must reach nothing outside. By
  /// default nothing is wrong, and `boot` finds out.
  virtual std::vector<setting_mistake> check(
    const std::map<std::string, std::string>& settings) const;

  /// Boots an instance without blocking.
  /// @param done called once, on any thread, perhaps before this returns: with
  ///        the instance once it has been started (the runner in it announces
  ///        itself later), or with an error of category `flame`. The code
  ///        `invalid_configuration` says that trying again is of no use.
  virtual void boot(boot_request request,
                    std::function<void(boot_result)> done) = 0;
};

/// Backends by name. Not thread-safe: filled before the node starts.
class FLAME_EXPORT backend_registry {
public:
  using factory = std::function<std::shared_ptr<backend>()>;

  /// A registry with the backends that come with the library.
  backend_registry();

  /// Adds a backend, or replaces the one of that name. It is made when the
  /// first pool uses it, or when its settings are checked.
  void add(std::string name, factory make);

  bool has(const std::string& name) const;

  std::vector<std::string> names() const;

  /// @throws call_error `invalid_configuration` for an unknown name
  std::shared_ptr<backend> make(const std::string& name) const;

private:
  std::map<std::string, factory> factories_;
};

namespace detail {

/// Adds `local` and `process`. Implemented beside them, so that the layers
/// below need not know which backends there are.
void add_standard_backends(backend_registry& registry);

} // namespace detail
} // namespace flame

/// Settings of node and pools from a YAML file, the environment and the command
/// line, over what the program itself gives; trees of supervisors from the file.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flame/detail/export.hpp"
#include "flame/options.hpp"

namespace flame {

namespace detail {

struct configuration_state;
struct configuration_access;

} // namespace detail

/// Where a setting came from, weakest first: a later one overrides.
enum class origin : unsigned char {
  /// Given nowhere: the default of the option.
  standard,
  /// Options in the program.
  code,
  /// The configuration file.
  file,
  /// A variable `FLAME_POOLS_<NAME>_<KEY>` or `FLAME_NODE_<KEY>`.
  environment,
  /// A flag `--pools.<name>.<key>` or `--node.<key>`.
  flag,
};

/// What a node is, by the names that configuration files use too.
struct node_settings {
  /// The node's name in log lines: letters, digits, `_`, `-` and `.`, at
  /// most 63.
  std::string name = "flame";

  /// Threads of CAF's scheduler. 0 to 1,024; 0: chosen by the number of CPUs.
  std::size_t scheduler_threads = 0;

  /// Lowest level of what the node logs: `trace`, `debug`, `info`, `warn`,
  /// `error` or `off`.
  std::string log = "info";

  friend bool operator==(const node_settings&, const node_settings&) = default;
};

/// What `configuration::load` reads. Empty: the process's environment, and the
/// file that `FLAME_CONFIG` names, if it does.
struct configuration_source {
  /// Path of a YAML file of at most 1 MiB. Not set: the variable
  /// `FLAME_CONFIG`.
  std::optional<std::string> file = std::nullopt;

  /// Variables by name. Not set: those of the process.
  std::optional<std::map<std::string, std::string>> environment = std::nullopt;

  /// Keys and values as in `{"pools.ffmpeg.max", "3"}`. Of one key given twice,
  /// the last one counts.
  std::vector<std::pair<std::string, std::string>> flags = {};
};

/// The settings of a program, as its user gave them.
///
/// Options are looked for in flags, then the environment, then the file, then
/// the program's own options, then the defaults:
///
/// ```cpp
/// auto flags = flame::parse_command_line(argc, argv);
/// auto config = flame::configuration::load(flags.source());
/// if (flags.print_config)
///   std::cout << config.print();
/// auto options = config.pool("ffmpeg", {.max = 10});
/// ```
///
/// A setting of a backend is merged into those of the layers below, unless the
/// layer names another backend: settings of that one are dropped then.
///
/// A key `<key>_file` among the settings of a backend gives the value of `<key>`
/// in a file of at most 64 KiB, less the line break at its end. A relative path
/// starts at the folder of the configuration file, in a flag at the working
/// directory. One source cannot have both keys. What the program itself gives is
/// not looked at in this way.
///
/// An immutable value: copies are cheap, and all members may be used from any
/// thread.
class FLAME_EXPORT configuration {
public:
  /// No source at all: defaults only.
  configuration();

  /// Reads all sources.
  ///
  /// Reads the process's environment unless `source` has one, and must not run
  /// while another thread changes that.
  ///
  /// @throws call_error with `errc::invalid_configuration`. Its text has one
  /// line for each mistake: `file:line:column: text`, `VARIABLE: text` or
  /// `--flag: text`. Where the file is no YAML, only its first mistake is told.
  static configuration load(const configuration_source& source = {});

  /// The settings of the node.
  const node_settings& node() const noexcept;

  /// The options of a pool: `defaults` under what the sources say.
  ///
  /// An empty `backend.name` means that nobody chose: the node decides, by
  /// `FLAME_BACKEND`.
  ///
  /// @throws call_error with `errc::invalid_configuration`, one line for each
  /// mistake, when the name or the merged options are not valid. A `min` above
  /// `max` is found here, where one of them may be the program's.
  pool_options pool(const std::string& name,
                    const pool_options& defaults = {}) const;

  /// The pools that a source mentions, sorted. One that only the environment
  /// mentions goes by its name in lower case, as in `FLAME_POOLS_<NAME>_MAX`.
  std::vector<std::string> pool_names() const;

  /// Whether a source has something for this pool.
  bool has_pool(const std::string& name) const;

  /// The trees that the file has, sorted, see `node::supervisor`. What they start
  /// is checked there, and by `--check-config`.
  std::vector<std::string> supervisor_names() const;

  /// Where the value that `pool` gives for an option came from.
  ///
  /// @param key an option as the file names it, e.g. `max_queue` or `backend`;
  /// for a setting of the backend e.g. `backend.executable`
  origin origin_of(const std::string& pool, const std::string& key,
                   const pool_options& defaults = {}) const;

  /// Everything in force as YAML that `load` reads again: defaults too, each
  /// line with its origin as comment.
  ///
  /// Settings of a backend whose key ends in `token`, `password`, `secret` or
  /// `key` are left out, with a comment that says so. Of one that was read from
  /// a file, the path is shown and never the value. A pool without a backend is
  /// shown with the one of `FLAME_BACKEND`, or `local`. Arguments of children are
  /// shown as they are.
  std::string print() const;

  /// The same, for the program's own pools too.
  /// @param code_pools what the program gives as `defaults`, by pool
  std::string print(
    const std::map<std::string, pool_options>& code_pools) const;

private:
  friend struct detail::configuration_access;

  explicit configuration(
    std::shared_ptr<const detail::configuration_state> state);

  std::shared_ptr<const detail::configuration_state> state_;
};

/// Checks the options of a pool, and its name: a letter, then letters, digits,
/// `_` and `-`, at most 63.
///
/// @throws call_error with `errc::invalid_configuration`: one line for each
/// mistake
FLAME_EXPORT void validate(const std::string& pool_name,
                           const pool_options& options);

/// A command line, without what is meant for flame.
struct FLAME_EXPORT command_line {
  std::string program;

  /// Value of `--config`.
  std::optional<std::string> config_file;

  /// Whether `--print-config` is there.
  bool print_config = false;

  /// Whether `--check-config` is there.
  bool check_config = false;

  /// Keys and values of `--node.KEY` and `--pools.NAME.KEY`, in their order.
  std::vector<std::pair<std::string, std::string>> overrides;

  /// Everything else in its order: from `--` on, all of it, `--` included.
  std::vector<std::string> rest;

  /// What `configuration::load` takes, with the environment of the process.
  configuration_source source() const;
};

/// Takes `--config FILE`, `--print-config`, `--check-config`, `--node.KEY VALUE`
/// and `--pools.NAME.KEY VALUE` out of a command line. A value may follow `=`,
/// or be the next argument where that does not begin with `--`.
///
/// Keys and values of overrides are checked by `configuration::load`.
///
/// @throws call_error with `errc::invalid_configuration` that names the flag: a
/// value is missing or not expected, or `--config` is there twice
FLAME_EXPORT command_line parse_command_line(int argc, const char* const* argv);

/// What to print for `--help`: the flags of `parse_command_line`, and the keys
/// with unit, range and default.
FLAME_EXPORT std::string command_line_help();

/// Reads a time span: `250ms`, `30s`, `5min`, `2h`, `1d`, `1.5s` or
/// `infinite`. Units are ns, us, ms, s, min, h and d.
///
/// @throws call_error with `errc::invalid_configuration`, also for a number
/// without unit, and for what is finer than a nanosecond
FLAME_EXPORT duration parse_duration(std::string_view text);

/// Reads a number of bytes: `64MiB`, `1.5GiB`, `1kB` (1,000 bytes) or `1024`.
/// Units are B, kB, MB, GB, TB, and KiB, MiB, GiB, TiB.
///
/// @throws call_error with `errc::invalid_configuration`
FLAME_EXPORT std::size_t parse_size(std::string_view text);

/// The time span in the largest unit that has it whole; `parse_duration` gives
/// it back.
FLAME_EXPORT std::string format_duration(duration value);

/// The size in the largest binary unit that has it whole; `parse_size` gives it
/// back.
FLAME_EXPORT std::string format_size(std::size_t value);

} // namespace flame

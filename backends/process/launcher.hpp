#pragma once

#include <map>
#include <string>
#include <vector>

// Boost 1.81 forgets this one.
#include <boost/optional.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/system/error_code.hpp>

namespace flame {

using child_process =
  boost::process::v2::basic_process<boost::asio::any_io_executor>;

/// Starts processes by `posix_spawn`, in place of Boost.Process's default
/// launcher, for three reasons: fork of a parent with 2 GiB takes 90 ms,
/// `posix_spawn` does not depend on its size; the default launcher leaves
/// descriptors open below its own; and a failed exec runs the parent's static
/// destructors in its child.
///
/// The child has a process group of its own, no blocked or handled signals, and
/// the descriptors of `keep` as 0, 1, 2, ... and none else.
struct spawn_launcher {
  std::vector<int> keep;
  std::map<std::string, std::string> environment;

  /// @param ec set when there is no child, also when it could be started and
  ///        not be watched
  /// @param command program with its arguments; the program is a path
  child_process operator()(boost::asio::any_io_executor executor,
                           boost::system::error_code& ec,
                           const std::vector<std::string>& command) const;
};

} // namespace flame

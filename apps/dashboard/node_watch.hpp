/// What is known of a node.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include <flame/node.hpp>

#include "pool_watch.hpp"

namespace flame::dash {

/// Looks at a node, and says what has been seen. Thread-safe.
class node_watch {
public:
  /// @param every the time between two looks
  node_watch(node& of, duration every);

  /// Looks at pools, runners and calls, which takes no time worth mentioning.
  void look();

  /// Looks at the supervision tree. A supervisor that does not answer takes 1 s.
  void look_at_tree();

  /// All there is, as an object; its `"rows"` are those after look `number`.
  /// @param number that of the last look, afterwards
  nlohmann::json state(std::uint64_t& number) const;

  /// The same as a server-sent event; nothing if there has been no look after
  /// `number`.
  std::string news(std::uint64_t& number) const;

private:
  node& node_;
  const duration every_;
  mutable std::mutex mutex_;
  std::uint64_t looks_ = 0;
  std::int64_t at_ = 0;
  std::map<std::string, pool_watch> pools_;
  nlohmann::json tree_;
};

} // namespace flame::dash

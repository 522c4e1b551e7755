/// Server-sent events: what all who listen are told.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace web {

/// Tells whoever listens what is new. Nothing is queued for anyone: who is
/// still busy with the last news is told later, and then all that is new since.
///
/// Thread-safe. It has to outlive the server that it is given to.
class event_feed {
public:
  /// Says what is new, as events on their way: `"data: ...\n\n"`. Called by
  /// several threads at a time.
  /// @param told how far the listener has been told, 0 at first; `news` sets it
  /// @returns nothing if there is nothing new
  using news = std::function<std::string(std::uint64_t& told)>;

  explicit event_feed(news what) : news_(std::move(what)) {
    // nop
  }

  /// There is something new.
  void ring();

  bool has_listeners() const;

  std::string tell(std::uint64_t& told) const {
    return news_(told);
  }

  /// Who listens, for as long as it is there.
  class listener {
  public:
    virtual ~listener() = default;

    /// There is something new. Must not wait.
    virtual void rung() = 0;
  };

  void add(std::weak_ptr<listener> who);

private:
  const news news_;
  mutable std::mutex mutex_;
  std::list<std::weak_ptr<listener>> listeners_;
};

} // namespace web

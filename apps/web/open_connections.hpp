/// Which connections are open.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace web {

/// Bounds how many connections there are, and closes them all in the end.
/// Thread-safe.
///
/// A connection lives for as long as somebody refers to it, and actors may: so
/// a server has to wait until the last one is gone before it takes away what
/// connections run on.
class open_connections {
public:
  class ticket;

  /// @param most connections at a time
  explicit open_connections(std::size_t most) : most_(most) {
    // nop
  }

  /// @returns what a connection holds for as long as it lives; null if there
  ///          are as many as there may be, or all are being closed
  std::unique_ptr<ticket> enter();

  /// Closes all, and waits until none is left. Not for a thread that
  /// connections need to come to their end.
  void close();

private:
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable empty_;
  std::list<std::function<void()>> closers_;
  bool is_closing_ = false;
};

/// A place among the open connections, given back by its destructor. Has to be
/// the last of a connection that is destroyed: its first member.
class open_connections::ticket {
public:
  /// @private
  ticket(open_connections& of, std::list<std::function<void()>>::iterator where)
    : of_(of),
      where_(where) {
    // nop
  }

  ticket(const ticket&) = delete;
  ticket& operator=(const ticket&) = delete;

  ~ticket();

  /// Says how to close whoever holds the ticket now. It may be called in any
  /// thread, also at once, and must not wait.
  void on_close(std::function<void()> close);

private:
  open_connections& of_;
  std::list<std::function<void()>>::iterator where_;
};

} // namespace web

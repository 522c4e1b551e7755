#include "lane_server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "failure.hpp"
#include "flame/detail/invocation.hpp"
#include "flame/detail/operation.hpp"
#include "flame/detail/thunk.hpp"
#include "lane.hpp"
#include "saved_call.hpp"
#include "threads.hpp"

namespace flame::detail {

namespace {

enum : std::uint64_t { key_of_quit = 0, key_of_lanes = 1, first_lane_key = 2 };

unique_fd make_epoll() {
  unique_fd result{::epoll_create1(EPOLL_CLOEXEC)};
  if (!result)
    throw call_error{errc::out_of_resources,
                     fmt::format("cannot make an epoll to watch lanes with: {} "
                                 "(see ulimit -n)",
                                 std::strerror(errno))};
  return result;
}

void watch_fd(int epoll, int fd, std::uint32_t events, std::uint64_t key) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

/// A text that does not fit into a frame arrives in part.
void cut(std::string& text, std::uint64_t longest) {
  if (text.size() > longest)
    text.resize(static_cast<std::size_t>(longest));
}

void write_failure(buffer& out, const remote_failure& failure,
                   std::uint16_t flags, std::uint64_t call_id) {
  open_frame(out);
  writer to{out};
  encode(to, failure);
  close_frame(out, frame_type::failure, flags, call_id);
}

} // namespace

void refuse_lane(int fd, const remote_failure& why) {
  buffer out;
  write_failure(out, why, last_frame, 0);
  frame_sender{out.bytes()}.send(fd, MSG_DONTWAIT);
}

item_channel::~item_channel() = default;

/// One lane and the thread that serves it.
class lane_server::served_lane final : private item_channel {
public:
  served_lane(lane_server& parent, unique_fd fd, std::uint64_t id)
    : parent_(parent),
      fd_(std::move(fd)),
      id_(id),
      in_(parent.options_.max_body) {
    // nop
  }

  /// @throws std::system_error when there is no thread to be had
  void start() {
    thread_ = std::thread{[this] {
      take_signals();
      pthread_setname_np(pthread_self(), "flame.lane");
      serve();
      ended_ = true;
      // Wakes the watcher up, which joins this thread.
      parent_.quit_.wake();
    }};
  }

  ~served_lane() override {
    if (thread_.joinable())
      thread_.join();
  }

  std::uint64_t id() const noexcept {
    return id_;
  }

  /// Whether its threads can be joined without waiting.
  bool ended() const noexcept {
    return ended_ && stopping_ == 0;
  }

  /// Says why the lane cannot be served.
  void refuse_service(const std::string& why,
                      errc code = errc::out_of_resources) {
    write_failure(out_, {code, why, {}}, last_frame, 0);
    send_answer();
  }

  /// The parent will not send more; it may still want an answer.
  void half_closed() {
    std::lock_guard guard{mutex_};
    is_cancelled_ = true;
    stop_function();
  }

  void request_stop(bool unlinked_too) {
    std::lock_guard guard{mutex_};
    if (unlinked_too || !is_unlinked_)
      stop_function();
  }

  /// No further request, no answer; a function that runs is not disturbed.
  void close() noexcept {
    ::shutdown(fd_.get(), SHUT_RDWR);
  }

private:
  /// For threads that run what users wrote: the watcher, which starts them,
  /// blocks nearly all signals.
  void take_signals() {
    auto blocked = without_faults(parent_.options_.blocked_signals);
    pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
  }

  /// Wakes up a function that waits for its lane.
  struct stop_bell {
    explicit stop_bell(std::stop_token stop)
      : callback(std::move(stop), [this] {
          bell.wake();
        }) {
      // nop
    }

    waker bell;
    std::stop_callback<std::function<void()>> callback;
  };

  void serve() {
    try {
      while (receive_request())
        if (!answer())
          break;
    } catch (const std::exception& error) {
      out_of_memory(error);
    }
    ::shutdown(fd_.get(), SHUT_RDWR);
  }

  /// For a frame: the lane ends, the runner does not.
  void out_of_memory(const std::exception& error) noexcept {
    try {
      in_.take();
      out_ = buffer{};
      refuse_service(fmt::format("the runner has no memory for a message: {}",
                                 error.what()));
    } catch (const std::exception&) {
      // Not even for that.
    }
  }

  bool receive_request() {
    await_request();
    switch (in_.receive(fd_.get())) {
      case io_status::done:
        if (in_.header().type == frame_type::request)
          return true;
        refuse("another frame, where a request was due");
        return false;
      case io_status::bad_frame:
        refuse(in_.problem());
        return false;
      default:
        return false;
    }
  }

  void refuse(const std::string& problem) {
    write_failure(out_, {errc::bad_frame, "the runner got " + problem, {}},
                  last_frame, 0);
    send_answer();
  }

  /// @returns whether the lane can carry another call
  bool answer() {
    auto header = in_.header();
    call_id_ = header.call_id;
    is_last_call_ = ++calls_ == parent_.options_.max_calls;
    has_frame_ = true;
    input_is_open_ = false;
    auto is_unlinked = (header.flags & unlinked) != 0;
    parent_.call_began(is_unlinked);
    begin(is_unlinked);
    std::optional<call_record> record;
    if (auto* folder = folder_of_failed_calls())
      record.emplace(*folder, parent_.options_.runner, header.call_id,
                     in_.body());
    try {
      run();
      check_length(out_, "result", "return");
      close_frame(out_, frame_type::result, answer_flags(), header.call_id);
    } catch (...) {
      if (record)
        record->keep();
      auto failure = describe_current_exception();
      auto& note = parent_.options_.memory_note;
      if (failure.remote_type == "std::bad_alloc" && !note.empty())
        failure.message += " (" + note + ')';
      cut(failure.message, parent_.options_.max_body / 2);
      cut(failure.remote_type, parent_.options_.max_body / 4);
      write_failure(out_, failure, answer_flags(), header.call_id);
    }
    if (record && is_cancelled())
      record->keep();
    end();
    record.reset();
    if (has_frame_)
      in_.next();
    parent_.call_ended(is_unlinked);
    mark sending{parent_.options_.state, &serving_state::is_sending};
    if (parent_.options_.state)
      parent_.options_.state->is_busy = false;
    send_answer();
    out_.shrink(kept_request);
    return !is_last();
  }

  void run() {
    reader in{in_.body(), parent_.options_.handles.get()};
    thunk_token token{};
    in.raw(&token, sizeof(token));
    auto* code = find_thunk(token);
    if (!code || code->kind != thunk_kind::function)
      throw call_error{errc::unknown_function,
                       unknown_thunk(token, "function")};
    open_frame(out_);
    writer out{out_, parent_.options_.handles.get()};
    invocation job{in, out,
                   code->takes_stop_token ? stop_token() : std::stop_token{},
                   *this};
    reinterpret_cast<function_entry>(code->entry)(job);
  }

  void check_length(const buffer& message, const char* what,
                    const char* instead) const {
    auto length = message.size() - frame_header::size;
    if (length > parent_.options_.max_body)
      throw call_error{
        errc::message_too_large,
        fmt::format("the {} takes {} bytes, and max_message is {}: {} less, or "
                    "raise max_message",
                    what, length, parent_.options_.max_body, instead)};
  }

  // -- streams: called by the function that runs ------------------------------

  void open(buffer& item) override {
    open_frame(item);
  }

  void send(buffer& item) override {
    throw_if_stopped();
    check_length(item, "item", "send");
    close_frame(item, frame_type::item, 0, call_id_);
    frame_sender out{item.bytes()};
    mark sending{parent_.options_.state, &serving_state::is_sending};
    for (;;) {
      switch (out.send(fd_.get(), MSG_DONTWAIT)) {
        case io_status::done:
          sending.clear();
          return;
        case io_status::blocked:
          wait(POLLOUT, send_bell_);
          break;
        default:
          throw_cancelled();
      }
    }
  }

  void expect_input() override {
    input_is_open_ = true;
    in_.widen();
  }

  std::optional<std::span<const std::byte>> receive_item() {
    if (has_frame_)
      in_.next();
    has_frame_ = false;
    for (;;) {
      switch (in_.receive(fd_.get(), MSG_DONTWAIT)) {
        case io_status::done:
          has_frame_ = true;
          if (in_.header().type == frame_type::item)
            return in_.body();
          if (in_.header().type != frame_type::end_of_items)
            throw call_error{errc::bad_frame,
                             "the runner got something else than an item"};
          input_is_open_ = false;
          return std::nullopt;
        case io_status::blocked:
          wait(POLLIN, receive_bell_);
          break;
        case io_status::bad_frame:
          throw call_error{errc::bad_frame, "the runner got " + in_.problem()};
        default:
          throw_cancelled();
      }
    }
  }

  std::optional<std::span<const std::byte>> receive() override {
    if (!input_is_open_)
      return std::nullopt;
    throw_if_stopped();
    return receive_item();
  }

  codec_context* context() const noexcept override {
    return parent_.options_.handles.get();
  }

  /// Until the lane is ready, or the function is to stop. Each direction has a
  /// bell of its own, as a function may use them from two threads.
  void wait(short events, std::optional<stop_bell>& bell) {
    if (!bell)
      bell.emplace(stop_->get_token());
    pollfd fds[] = {{bell->bell.fd(), POLLIN, 0}, {fd_.get(), events, 0}};
    while (::poll(fds, 2, -1) < 0 && errno == EINTR)
      continue;
    throw_if_stopped();
  }

  void throw_if_stopped() const {
    if (stop_->stop_requested())
      throw_cancelled();
  }

  [[noreturn]] static void throw_cancelled() {
    throw call_error{errc::cancelled,
                     "the stream is over: its caller has left it, or its time "
                     "is up"};
  }

  /// What has not been read of the caller's items would be taken for requests.
  bool is_last() const noexcept {
    return input_is_open_ || is_last_call_;
  }

  std::uint16_t answer_flags() const noexcept {
    return is_last() ? std::uint16_t{last_frame} : std::uint16_t{0};
  }

  // -- a call -----------------------------------------------------------------

  std::stop_token stop_token() {
    std::lock_guard guard{mutex_};
    stop_.emplace();
    if (is_cancelled_ || parent_.stopping_all_
        || (parent_.stopping_linked_ && !is_unlinked_))
      stop_->request_stop();
    return stop_->get_token();
  }

  void begin(bool is_unlinked) {
    std::lock_guard guard{mutex_};
    is_unlinked_ = is_unlinked;
  }

  void end() {
    // Waits for their callbacks, which the mutex is not needed for.
    send_bell_.reset();
    receive_bell_.reset();
    std::lock_guard guard{mutex_};
    stop_.reset();
  }

  /// By its caller, or because its time is up.
  bool is_cancelled() {
    std::lock_guard guard{mutex_};
    return is_cancelled_;
  }

  /// With the mutex held. What a function does when it is asked to stop runs on
  /// a thread of its own: it may take its time, or never end, and must keep
  /// neither other calls nor the end of the runner waiting.
  void stop_function() {
    if (!stop_ || stop_->stop_requested())
      return;
    ++stopping_;
    try {
      stoppers_.emplace_back([this, stop = *stop_]() mutable {
        take_signals();
        pthread_setname_np(pthread_self(), "flame.stop");
        stop.request_stop();
        --stopping_;
        parent_.quit_.wake();
      });
    } catch (const std::exception&) {
      --stopping_;
      stop_->request_stop();
    }
  }

  /// Says what the server is at, until it is cleared.
  class mark {
  public:
    mark(serving_state* where, std::atomic<bool> serving_state::*what) noexcept
      : flag_(where ? &(where->*what) : nullptr) {
      if (flag_)
        *flag_ = true;
    }

    void clear() noexcept {
      if (flag_)
        *flag_ = false;
    }

  private:
    std::atomic<bool>* flag_;
  };

  void send_answer() {
    mark sending{parent_.options_.state, &serving_state::is_sending};
    if (frame_sender{out_.bytes()}.send(fd_.get()) == io_status::done)
      sending.clear();
  }

  /// Only where somebody wants to know that a request was taken.
  void await_request() {
    if (!parent_.options_.state)
      return;
    pollfd request{fd_.get(), POLLIN, 0};
    while (::poll(&request, 1, -1) < 0 && errno == EINTR)
      continue;
    parent_.options_.state->is_busy = true;
  }

  lane_server& parent_;
  unique_fd fd_;
  const std::uint64_t id_;
  frame_receiver in_;
  buffer out_;
  std::uint64_t call_id_ = 0;
  std::size_t calls_ = 0;
  bool is_last_call_ = false;
  /// Whether the receiver holds a frame that has been used.
  bool has_frame_ = false;
  /// Whether the caller may still send items.
  bool input_is_open_ = false;
  std::optional<stop_bell> send_bell_;
  std::optional<stop_bell> receive_bell_;
  std::mutex mutex_;
  std::optional<std::stop_source> stop_;
  bool is_unlinked_ = false;
  bool is_cancelled_ = false;
  std::atomic<bool> ended_ = false;
  /// Threads that tell functions to stop, and how many of them still do.
  std::list<std::jthread> stoppers_;
  std::atomic<std::size_t> stopping_ = 0;
  std::thread thread_;
};

lane_server::lane_server(unique_fd lanes, options opts, callbacks calls)
  : options_(std::move(opts)),
    calls_(std::move(calls)),
    lanes_(std::move(lanes)),
    epoll_(make_epoll()) {
  watch_fd(epoll_.get(), quit_.fd(), EPOLLIN, key_of_quit);
  watch_fd(epoll_.get(), lanes_.get(), EPOLLIN | EPOLLRDHUP, key_of_lanes);
  watcher_ = start_thread("flame.watch", [this] {
    watch();
  });
}

lane_server::~lane_server() {
  request_stop(true);
  {
    std::lock_guard guard{mutex_};
    quitting_ = true;
    for (auto& each : served_)
      each->close();
  }
  quit_.wake();
  watcher_.join();
  served_.clear();
}

void lane_server::request_stop(bool unlinked_too) {
  // First the flags: a function that begins meanwhile looks at them.
  stopping_linked_ = true;
  if (unlinked_too)
    stopping_all_ = true;
  std::lock_guard guard{mutex_};
  for (auto& each : served_)
    each->request_stop(unlinked_too);
}

std::size_t lane_server::running_unlinked() const noexcept {
  return running_unlinked_;
}

std::size_t lane_server::running() const noexcept {
  return running_.load(std::memory_order_relaxed);
}

void lane_server::watch() {
  epoll_event events[32];
  for (;;) {
    auto count = ::epoll_wait(epoll_.get(), events, std::size(events), -1);
    for (int i = 0; i < count; ++i) {
      switch (events[i].data.u64) {
        case key_of_quit:
          quit_.drain();
          reap();
          break;
        case key_of_lanes:
          accept_lanes();
          break;
        default:
          lane_changed(events[i].events, events[i].data.u64);
          break;
      }
    }
    std::lock_guard guard{mutex_};
    if (quitting_)
      return;
  }
}

void lane_server::accept_lanes() {
  for (;;) {
    auto got = receive_descriptor(lanes_.get(), MSG_DONTWAIT);
    if (got.size < 0 && errno == EAGAIN)
      return;
    if (got.size <= 0) {
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, lanes_.get(), nullptr);
      if (options_.watch_parent)
        calls_.on_parent_gone();
      return;
    }
    if (!got.fd) {
      if (got.data == order_to_stop || got.data == order_to_stop_linked)
        request_stop(got.data == order_to_stop);
    } else if (got.data == lane_to_worker) {
      pass_on(std::move(got.fd));
    } else {
      adopt(std::move(got.fd));
    }
  }
}

void lane_server::pass_on(unique_fd fd) {
  if (auto why = calls_.on_worker_lane(fd.get()))
    refuse_lane(fd.get(), *why);
}

void lane_server::adopt(unique_fd fd) {
  std::lock_guard guard{mutex_};
  // The destructor has closed all lanes, and would wait for this one.
  if (quitting_)
    return;
  auto raw = fd.get();
  auto id = first_lane_key + last_id_++;
  served_.push_back(std::make_unique<served_lane>(*this, std::move(fd), id));
  try {
    // Only hang-ups, edge-triggered: requests must not wake this thread up.
    watch_fd(epoll_.get(), raw, EPOLLRDHUP | EPOLLET, id);
    served_.back()->start();
  } catch (const std::system_error& error) {
    served_.back()->refuse_service(
      fmt::format("the runner cannot serve another lane: {}", error.what()));
    served_.pop_back();
  }
}

void lane_server::lane_changed(std::uint32_t events, std::uint64_t id) {
  // All of the lane ends when the parent process does; that the parent is gone
  // is told by the `lanes` socket, which decides about unlinked calls too.
  auto whole = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (whole && !options_.watch_parent)
    return;
  std::lock_guard guard{mutex_};
  for (auto& each : served_)
    if (each->id() == id) {
      if (whole)
        each->request_stop(false);
      else
        each->half_closed();
      return;
    }
}

void lane_server::reap() {
  std::list<std::unique_ptr<served_lane>> ended;
  {
    std::lock_guard guard{mutex_};
    for (auto i = served_.begin(); i != served_.end();) {
      auto next = std::next(i);
      if ((*i)->ended())
        ended.splice(ended.end(), served_, i);
      i = next;
    }
    if (ended.empty() || !served_.empty())
      return;
  }
  calls_.on_last_lane_ended();
}

void lane_server::call_began(bool is_unlinked) {
  running_.fetch_add(1, std::memory_order_relaxed);
  if (is_unlinked && running_unlinked_++ == 0)
    calls_.on_unlinked_began();
}

void lane_server::call_ended(bool was_unlinked) {
  running_.fetch_sub(1, std::memory_order_relaxed);
  if (was_unlinked && --running_unlinked_ == 0)
    calls_.on_unlinked_done();
}

} // namespace flame::detail

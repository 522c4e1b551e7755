#include <deque>

#include "async_call.hpp"
#include "call_common.hpp"

namespace flame::detail {

actor_stream::~actor_stream() = default;

namespace {

/// How many bytes of items an actor is given at a time. More is not read from
/// the lane until it has handled these: what it has not handled is in the
/// socket, and stops the function once that is full.
constexpr std::size_t batch_size = 64 * 1024;

/// How many bytes of items wait to be sent before the actor is told that there
/// is no room for more.
constexpr std::size_t input_room = 1024 * 1024;

/// Items that have arrived together, one after the other.
class item_batch {
public:
  void add(std::span<const std::byte> item) {
    bytes_.append(item.data(), item.size());
    ends_.push_back(bytes_.size());
  }

  bool empty() const noexcept {
    return ends_.empty();
  }

  bool is_full() const noexcept {
    return bytes_.size() >= batch_size;
  }

  /// Calls `use` with each, until it returns false.
  template <class F>
  bool for_each(F use) const {
    std::size_t begin = 0;
    for (auto end : ends_) {
      if (!use(bytes_.bytes().subspan(begin, end - begin)))
        return false;
      begin = end;
    }
    return true;
  }

private:
  buffer bytes_;
  std::vector<std::size_t> ends_;
};

/// What of a stream is used in the context of its actor only. The end of the
/// stream holds it, and takes it along: callbacks of users are destroyed where
/// they are called, and what they hold of the stream makes no circle.
struct actor_side {
  caf::scheduled_actor* self = nullptr;
  std::shared_ptr<stream_consumer> consumer;
  std::function<void()> on_room;
  /// Why the actor does not want any more.
  std::optional<call_error> left;
};

/// The end of a stream.
class last_arrival final : public completion {
public:
  explicit last_arrival(std::shared_ptr<actor_side> side)
    : side_(std::move(side)) {
    // nop
  }

  void complete(outcome&& result) override {
    side_->on_room = nullptr;
    // The function may have ended at that very moment.
    if (side_->left)
      result.error = side_->left;
    side_->consumer->complete(std::move(result));
  }

private:
  std::shared_ptr<actor_side> side_;
};

/// A call whose items go to an actor.
///
/// It reads the lane only while the actor has nothing to handle. `busy_` says
/// that it has: then there is a batch on its way to the actor, which goes on
/// reading when it is done with it.
class async_stream final : public async_call {
public:
  async_stream(std::shared_ptr<pool_core> where, buffer request,
               const call_options& options, std::shared_ptr<caller_port> port,
               caller_port::ticket ticket,
               const std::shared_ptr<actor_side>& side)
    : async_call(std::move(where), std::move(request), options,
                 port->deliver(ticket, std::make_unique<last_arrival>(side))),
      port_(std::move(port)),
      side_(side) {
    link_to(port_, ticket);
  }

  bool send_item(buffer item) {
    check_length(*pool(), item);
    return put(std::move(item), frame_type::item);
  }

  void end_input() {
    buffer end;
    open_frame(end);
    put(std::move(end), frame_type::end_of_items);
  }

  /// In the actor's context.
  void quit(call_error why) {
    if (auto side = side_.lock(); side && !side->left)
      side->left = why;
    give_up(std::move(why));
  }

  /// In the actor's context.
  void on_room(std::function<void()> callback) {
    if (auto side = side_.lock())
      side->on_room = std::move(callback);
  }

  codec_context* context() const noexcept {
    return pool()->handles.get();
  }

private:
  struct input_frame {
    buffer bytes;
    frame_type type;
  };

  class arrival;
  class room_signal;

  /// @returns whether there is room for more
  bool put(buffer item, frame_type type) {
    auto has_room = false;
    step([&] {
      if (now() > phase::working || input_has_ended_)
        return;
      input_has_ended_ = type == frame_type::end_of_items;
      waiting_ += item.size();
      input_.push_back({std::move(item), type});
      pump();
      has_room = waiting_ < input_room;
      wants_room_ = !has_room;
    });
    return has_room;
  }

  void request_sent() override {
    its_lane()->in().widen();
    is_open_ = true;
    pump();
    receive();
  }

  void receive() override {
    item_batch batch;
    for (;;) {
      if (batch.is_full())
        return deliver(std::move(batch));
      auto& in = its_lane()->in();
      auto status = in.receive(its_lane()->fd());
      if (status != io_status::done || in.header().type != frame_type::item)
        return pause(std::move(batch), status);
      batch.add(in.body());
      in.next();
    }
  }

  /// No further item for now.
  void pause(item_batch batch, io_status status) {
    auto is_handled = batch.empty();
    if (!is_handled)
      deliver(std::move(batch));
    switch (status) {
      case io_status::done:
        finish();
        break;
      case io_status::closed:
        if (auto why = pool()->table.loss_of(*this))
          fail(why->to_exception());
        else
          lane_closed();
        break;
      case io_status::bad_frame:
        bad_frame();
        break;
      case io_status::blocked:
        if (auto why = pool()->table.loss_of(*this))
          fail(why->to_exception());
        else if (is_handled)
          await_answer();
        break;
    }
  }

  void deliver(item_batch batch);

  /// The actor has handled a batch.
  void handled() {
    step([&] {
      busy_ = false;
      if (now() == phase::working && its_lane())
        receive();
    });
  }

  /// What the runner has sent before its end still arrives.
  void lost() override {
    if (now() != phase::working || !its_lane() || !is_open_)
      async_call::lost();
    else if (!busy_)
      receive();
  }

  void pump() {
    while (is_open_ && !is_writing_ && !input_.empty() && its_lane()) {
      auto& next = input_.front();
      if (!is_begun_) {
        close_frame(next.bytes, next.type, 0, its_lane()->call_id());
        sender_ = frame_sender{next.bytes.bytes()};
        is_begun_ = true;
      }
      if (sender_.send(its_lane()->fd()) == io_status::blocked) {
        is_writing_ = true;
        wait(boost::asio::posix::stream_descriptor::wait_write, [this] {
          is_writing_ = false;
          if (now() == phase::working)
            pump();
        });
        return;
      }
      // Also when the runner takes no more: the answer says why.
      waiting_ -= next.bytes.size();
      input_.pop_front();
      is_begun_ = false;
      signal_room();
    }
  }

  void signal_room();

  const std::shared_ptr<caller_port> port_;
  const std::weak_ptr<actor_side> side_;
  // With the mutex held.
  /// The request is on its way: the lane is free for items.
  bool is_open_ = false;
  bool busy_ = false;
  std::deque<input_frame> input_;
  /// Bytes in it.
  std::size_t waiting_ = 0;
  /// Of the first of it.
  frame_sender sender_{{}};
  bool is_begun_ = false;
  bool is_writing_ = false;
  bool input_has_ended_ = false;
  bool wants_room_ = false;
};

/// A batch on its way to the actor.
class async_stream::arrival final : public completion {
public:
  arrival(boost::intrusive_ptr<async_stream> of,
          std::shared_ptr<actor_side> side, item_batch items)
    : of_(std::move(of)),
      side_(std::move(side)),
      items_(std::move(items)) {
    // nop
  }

  void complete(outcome&&) override {
    auto all = items_.for_each([this](std::span<const std::byte> body) {
      if (!is_wanted())
        return false;
      if (auto problem = side_->consumer->item(body, of_->context()))
        of_->quit(std::move(*problem));
      return is_wanted();
    });
    if (all)
      of_->handled();
  }

private:
  bool is_wanted() const {
    return !side_->left && !caller_port::has_quit(side_->self);
  }

  boost::intrusive_ptr<async_stream> of_;
  std::shared_ptr<actor_side> side_;
  item_batch items_;
};

class async_stream::room_signal final : public completion {
public:
  explicit room_signal(std::shared_ptr<actor_side> side)
    : side_(std::move(side)) {
    // nop
  }

  void complete(outcome&&) override {
    // A copy: the callback may set another one.
    if (auto callback = side_->on_room; callback && !side_->left)
      callback();
  }

private:
  std::shared_ptr<actor_side> side_;
};

void async_stream::deliver(item_batch batch) {
  busy_ = true;
  if (auto side = side_.lock())
    port_->post(
      std::make_unique<arrival>(this, std::move(side), std::move(batch)));
}

void async_stream::signal_room() {
  if (!wants_room_ || waiting_ > input_room / 2)
    return;
  wants_room_ = false;
  if (auto side = side_.lock())
    port_->post(std::make_unique<room_signal>(std::move(side)));
}

/// What the actor holds of its stream.
class stream_end final : public actor_stream {
public:
  stream_end(boost::intrusive_ptr<async_stream> of, bool has_input)
    : of_(std::move(of)),
      has_input_(has_input) {
    // nop
  }

  ~stream_end() override {
    if (has_input_)
      of_->end_input();
  }

  void open(buffer& item) override {
    open_frame(item);
  }

  bool send(buffer item) override {
    return of_->send_item(std::move(item));
  }

  void end_input() override {
    of_->end_input();
  }

  void on_room(std::function<void()> callback) override {
    of_->on_room(std::move(callback));
  }

  void cancel() override {
    of_->quit(call_error{errc::cancelled, "the actor has left the stream"});
  }

  codec_context* context() const noexcept override {
    return of_->context();
  }

private:
  boost::intrusive_ptr<async_stream> of_;
  bool has_input_;
};

} // namespace

std::shared_ptr<actor_stream> stream_for_actor(
  caf::scheduled_actor* self, const std::shared_ptr<pool_core>& pool,
  buffer request, const call_options& options, bool has_input,
  std::shared_ptr<stream_consumer> consumer) {
  check_length(*pool, request);
  auto port = pool->ports->of(self);
  auto ticket = port->expect(self, false);
  auto side = std::make_shared<actor_side>();
  side->self = self;
  side->consumer = std::move(consumer);
  // Nobody else would take the items.
  auto linked = options;
  linked.link = true;
  linked.idempotent = false;
  boost::intrusive_ptr<async_stream> stream{new async_stream(
    pool, std::move(request), linked, std::move(port), ticket, side)};
  stream->start();
  return std::make_shared<stream_end>(std::move(stream), has_input);
}

} // namespace flame::detail

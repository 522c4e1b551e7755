#include "terminator.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "flame/detail/child.hpp"

namespace flame::detail {

namespace {

/// Says to the parent what became of child `id`.
class report final : public child_report {
public:
  report(caf::actor news, std::uint64_t id) : news_(std::move(news)), id_(id) {
    // nop
  }

  void started(caf::actor child) override {
    caf::anon_send(news_, place_atom::value, id_, std::move(child));
  }

  void failed(caf::error why) override {
    caf::anon_send(news_, place_atom::value, id_, std::move(why));
  }

private:
  caf::actor news_;
  std::uint64_t id_;
};

} // namespace

terminator::terminator(caf::actor_config& cfg, welcome self_info,
                       caf::actor gateway,
                       std::shared_ptr<codec_context> handles, callbacks calls)
  : event_based_actor(cfg),
    welcome_(std::move(self_info)),
    gateway_(std::move(gateway)),
    handles_(std::move(handles)),
    calls_(std::move(calls)) {
  // nop
}

const char* terminator::name() const {
  return "flame.terminator";
}

caf::behavior terminator::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    if (down.source == gateway_.address())
      calls_.on_parent_gone();
    else
      child_ended(down.source);
  });
  if ((welcome_.signs & by_monitor) != 0)
    monitor(gateway_);
  join();
  return {
    [this](place_atom, std::uint64_t id, const std::vector<char>& request,
           bool is_linked, const caf::actor& news) {
      place(id, request, is_linked, news);
    },
    // From this process: only the parent knows what is on its way here.
    [this](leave_atom) {
      send(gateway_, drain_atom::value, welcome_.id);
    },
    // From the parent.
    [this](drain_atom) {
      stop_children();
      calls_.on_drain();
    },
    [this](stop_atom) {
      stop_children();
      calls_.on_stop();
      quit();
    },
  };
}

void terminator::join() {
  hello mine{::getpid(), thunk_modules()};
  request(gateway_, welcome_.boot_timeout, join_atom::value, welcome_.id,
          to_bytes(mine))
    .then(
      [this] {
        calls_.on_joined();
      },
      [this](caf::error& why) {
        calls_.on_refused(why);
      });
}

void terminator::place(std::uint64_t id, const std::vector<char>& request,
                       bool is_linked, const caf::actor& news) {
  auto to_parent = std::make_shared<report>(news, id);
  try {
    reader in{std::as_bytes(std::span{request}), handles_.get()};
    thunk_token token{};
    in.raw(&token, sizeof(token));
    auto* code = find_thunk(token);
    if (!code || code->kind != thunk_kind::child)
      throw call_error{
        errc::unknown_function,
        fmt::format("the runner has no actor {:016x}+{:x}: it stands in a "
                    "module that the parent has loaded and the runner has not",
                    token.module, token.offset)};
    child_start job{in, system(), to_parent};
    auto made = reinterpret_cast<child_entry>(code->entry)(job);
    children_.emplace(made.address(), child{id, is_linked, news});
    if (!is_linked)
      calls_.on_unlinked(++unlinked_);
    // Fires at once if the child has ended already.
    monitor(made);
  } catch (...) {
    to_parent->failed_with_current_exception();
  }
}

void terminator::child_ended(const caf::actor_addr& which) {
  auto i = children_.find(which);
  if (i == children_.end())
    return;
  send(i->second.news, ended_atom::value, i->second.id);
  auto was_linked = i->second.is_linked;
  children_.erase(i);
  if (!was_linked)
    calls_.on_unlinked(--unlinked_);
}

void terminator::stop_children() {
  for (auto& [address, each] : children_)
    if (auto alive = caf::actor_cast<caf::actor>(address))
      send_exit(alive, caf::exit_reason::user_shutdown);
}

} // namespace flame::detail

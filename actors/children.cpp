#include "children.hpp"

#include "flame/detail/child.hpp"

namespace flame::detail {

/// Says to the parent what becomes of one child.
class children::report final : public child_report {
public:
  report(std::shared_ptr<children> home, std::uint64_t id, bool is_linked,
         caf::actor news)
    : home_(std::move(home)),
      id_(id),
      is_linked_(is_linked),
      news_(std::move(news)) {
    // nop
  }

  void made(const caf::actor& child) override {
    home_->add(id_, child, is_linked_);
    // Fires at once if it has ended already, and never before `started`.
    child->attach_functor([home = home_, id = id_, is_linked = is_linked_,
                           news = news_](const caf::error& reason) {
      home->remove(id, is_linked);
      caf::anon_send(news, ended_atom::value, id, reason);
    });
  }

  void started(caf::actor child) override {
    caf::anon_send(news_, place_atom::value, id_, std::move(child));
  }

  void failed(caf::error why) override {
    caf::anon_send(news_, place_atom::value, id_, std::move(why));
  }

private:
  const std::shared_ptr<children> home_;
  const std::uint64_t id_;
  const bool is_linked_;
  const caf::actor news_;
};

children::children(caf::actor_system& system,
                   std::shared_ptr<codec_context> handles,
                   std::function<void(std::size_t)> on_unlinked)
  : system_(system),
    handles_(std::move(handles)),
    on_unlinked_(std::move(on_unlinked)) {
  // nop
}

children::~children() = default;

void children::place(std::uint64_t id, std::vector<char> request,
                     bool is_linked, const caf::actor& news) {
  auto to_parent =
    std::make_shared<report>(shared_from_this(), id, is_linked, news);
  try {
    reader in{std::as_bytes(std::span{request})};
    thunk_token token{};
    in.raw(&token, sizeof(token));
    auto* code = find_thunk(token);
    if (!code || code->kind != thunk_kind::child)
      throw call_error{errc::unknown_function, unknown_thunk(token, "actor")};
    reinterpret_cast<child_entry>(code->entry)(child_start{
      system_, std::move(request), sizeof(token), handles_, to_parent});
  } catch (...) {
    to_parent->failed_with_current_exception();
  }
}

void children::stop() {
  std::vector<caf::actor> ending;
  {
    std::lock_guard guard{mutex_};
    stopped_ = true;
    for (auto& [id, address] : all_)
      if (auto alive = caf::actor_cast<caf::actor>(address))
        ending.push_back(std::move(alive));
  }
  for (auto& each : ending)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}

void children::add(std::uint64_t id, const caf::actor& child, bool is_linked) {
  auto too_late = false;
  {
    std::lock_guard guard{mutex_};
    all_.emplace(id, child.address());
    if (!is_linked)
      on_unlinked_(++unlinked_);
    too_late = stopped_;
  }
  if (too_late)
    caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
}

void children::remove(std::uint64_t id, bool is_linked) {
  std::lock_guard guard{mutex_};
  all_.erase(id);
  if (!is_linked)
    on_unlinked_(--unlinked_);
}

} // namespace flame::detail

#include "async_call.hpp"
#include "hooks.hpp"
#include "logging.hpp"

namespace flame::detail {

namespace {

/// What is done with the outcome of a cast: nothing, unless it has failed. Then
/// the log has it, the program's hook, and the actor that is linked to it.
class forget final : public completion {
public:
  explicit forget(std::shared_ptr<pool_core> pool,
                  std::shared_ptr<caller_port> linked = nullptr,
                  caf::strong_actor_ptr owner = nullptr)
    : pool_(std::move(pool)),
      linked_(std::move(linked)),
      owner_(std::move(owner)) {
    // nop
  }

  bool is_quick() const noexcept override {
    return true;
  }

  void complete(outcome&& result) override {
    // Stopped with the actor that it is linked to, as it should be.
    if (!result.error || (linked_ && linked_->is_gone()))
      return;
    pool_->log->error("cast failed pool={} runner={} code={} {}", pool_->name,
                      result.runner, to_string(result.error->code()),
                      result.error->what());
    if (linked_)
      linked_->tell_owner(caf::make_message(
        caf::exit_msg{caf::actor_addr{}, result.error->to_error()}));
    if (pool_->options.on_cast_error)
      pool_->loop->run_aside([pool = pool_, error = *result.error] {
        run_hook(*pool, "on_cast_error", [&] {
          pool->options.on_cast_error(error);
        });
      });
  }

private:
  std::shared_ptr<pool_core> pool_;
  std::shared_ptr<caller_port> linked_;
  /// As CAF's links do, this keeps the actor that would get the exit message:
  /// one that nobody refers to would be ended by CAF, and the cast with it.
  caf::strong_actor_ptr owner_;
};

} // namespace

void cast(const std::shared_ptr<pool_core>& pool, buffer request,
          const call_options& options) {
  call_async(pool, std::move(request), options, std::make_unique<forget>(pool));
}

void cast_for_actor(caf::scheduled_actor* self,
                    const std::shared_ptr<pool_core>& pool, buffer request,
                    const call_options& options) {
  if (!options.link)
    return cast(pool, std::move(request), options);
  auto port = pool->ports->of(self);
  boost::intrusive_ptr<async_call> call{new async_call(
    pool, std::move(request), options,
    std::make_unique<forget>(pool, port, caf::strong_actor_ptr{self->ctrl()}))};
  call->link_to(port, port->next_ticket());
  call->start();
}

} // namespace flame::detail

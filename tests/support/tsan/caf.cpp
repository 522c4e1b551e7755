// What ThreadSanitizer has to know of CAF, which distributions build without
// it: mailboxes and references are atomic operations that it does not see, so
// that each message would be a race between who sends and who handles it.
//
// These do what CAF does (0.17.6), and say so. Nothing else is added: a race
// between two of our handlers stays one.
#include <caf/all.hpp>

#include "support/tsan/original.hpp"

namespace {

using tests::original;

// Two addresses in an actor that stand for its mailbox and for its state.
void* mailbox_of(caf::abstract_actor* actor) {
  return actor;
}

void* state_of(caf::abstract_actor* actor) {
  return reinterpret_cast<char*>(actor) + sizeof(void*);
}

} // namespace

namespace caf {

// -- References ---------------------------------------------------------------

void intrusive_ptr_release(actor_control_block* x) {
  if (x->strong_refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  x->data_dtor(x->get());
  intrusive_ptr_release_weak(x);
}

void intrusive_ptr_release_weak(actor_control_block* x) {
  if (x->weak_refs == 1
      || x->weak_refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
    x->block_dtor(x);
}

void ref_counted::deref() const noexcept {
  if (unique())
    request_deletion(false);
  else if (rc_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    request_deletion(true);
}

// -- Mailboxes ----------------------------------------------------------------

void scheduled_actor::enqueue(mailbox_element_ptr what, execution_unit* host) {
  static auto* const real =
    original<void(scheduled_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_"
      "elementENS_6detail8disposerEEPNS_14execution_unitE");
  __tsan_release(mailbox_of(this));
  real(this, std::move(what), host);
}

scheduled_actor::activation_result scheduled_actor::reactivate(
  mailbox_element& what) {
  static auto* const real =
    original<activation_result(scheduled_actor*, mailbox_element&)>(
      "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE");
  __tsan_acquire(mailbox_of(this));
  return real(this, what);
}

void blocking_actor::enqueue(mailbox_element_ptr what, execution_unit* host) {
  static auto* const real =
    original<void(blocking_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf14blocking_actor7enqueueESt10unique_ptrINS_15mailbox_"
      "elementENS_6detail8disposerEEPNS_14execution_unitE");
  __tsan_release(mailbox_of(this));
  real(this, std::move(what), host);
}

intrusive::task_result blocking_actor::mailbox_visitor::operator()(
  mailbox_element& what) {
  static auto* const real =
    original<intrusive::task_result(mailbox_visitor*, mailbox_element&)>(
      "_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE");
  __tsan_acquire(mailbox_of(self));
  return real(this, what);
}

// -- State: one thread after the other runs an actor --------------------------
//
// The next one may begin before `resume` returns, so that each part of it that
// touches the state says when it is done.

bool scheduled_actor::activate(execution_unit* host) {
  static auto* const real = original<bool(scheduled_actor*, execution_unit*)>(
    "_ZN3caf15scheduled_actor8activateEPNS_14execution_unitE");
  __tsan_acquire(state_of(this));
  auto result = real(this, host);
  __tsan_release(state_of(this));
  return result;
}

intrusive::task_result scheduled_actor::mailbox_visitor::operator()(
  mailbox_element& what) {
  static auto* const real =
    original<intrusive::task_result(mailbox_visitor*, mailbox_element&)>(
      "_ZN3caf15scheduled_actor15mailbox_visitorclERNS_15mailbox_elementE");
  // The actor may be gone when this returns, but not what stands for it.
  auto* state = state_of(self);
  auto result = real(this, what);
  __tsan_release(state);
  return result;
}

bool scheduled_actor::finalize() {
  static auto* const real =
    original<bool(scheduled_actor*)>("_ZN3caf15scheduled_actor8finalizeEv");
  auto result = real(this);
  __tsan_release(state_of(this));
  return result;
}

// What is left in a mailbox is thrown away.
bool scheduled_actor::cleanup(error&& reason, execution_unit* host) {
  static auto* const real =
    original<bool(scheduled_actor*, error&&, execution_unit*)>(
      "_ZN3caf15scheduled_actor7cleanupEONS_5errorEPNS_14execution_unitE");
  __tsan_acquire(mailbox_of(this));
  return real(this, std::move(reason), host);
}

// -- The registry, which has a lock of CAF's own ------------------------------

strong_actor_ptr actor_registry::get_impl(actor_id key) const {
  static auto* const real =
    original<strong_actor_ptr(const actor_registry*, actor_id)>(
      "_ZNK3caf14actor_registry8get_implEm");
  auto result = real(this, key);
  __tsan_acquire(const_cast<actor_registry*>(this));
  return result;
}

void actor_registry::put_impl(actor_id key, strong_actor_ptr value) {
  static auto* const real =
    original<void(actor_registry*, actor_id, strong_actor_ptr)>(
      "_ZN3caf14actor_registry8put_implEmNS_13intrusive_ptrINS_19actor_control_"
      "blockEEE");
  __tsan_release(this);
  real(this, key, std::move(value));
}

} // namespace caf

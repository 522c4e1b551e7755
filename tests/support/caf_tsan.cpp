// What ThreadSanitizer has to know of CAF, which distributions build without
// it: mailboxes and references are atomic operations that it does not see, so
// that each message would be a race between who sends and who handles it.
//
// A definition in a program comes before that of a library. These do what CAF
// does (0.17.6), and say so. Nothing else is added: a race between two of our
// handlers stays one.
#include <caf/all.hpp>

#include <dlfcn.h>

#include <cstdlib>

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace {

/// CAF's own definition of what is defined here.
template <class Function>
Function* original(const char* symbol) {
  auto* found = ::dlsym(RTLD_NEXT, symbol);
  if (found == nullptr)
    std::abort();
  return reinterpret_cast<Function*>(found);
}

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

resumable::resume_result scheduled_actor::resume(execution_unit* host,
                                                 size_t most) {
  static auto* const real =
    original<resume_result(scheduled_actor*, execution_unit*, size_t)>(
      "_ZN3caf15scheduled_actor6resumeEPNS_14execution_unitEm");
  __tsan_acquire(state_of(this));
  auto result = real(this, host, most);
  __tsan_release(state_of(this));
  return result;
}

} // namespace caf

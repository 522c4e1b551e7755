/// CAF adds a time span to the present without a look at the sum, and one that
/// never ends would be over at once.
#pragma once

#include "flame/detail/caf.hpp"
#include "timing.hpp"

namespace flame::detail {

/// Sends `what` to `self` itself after `time`: never, where that never ends.
template <class Self, class What>
void send_after(Self* self, duration time, const What& what) {
  if (!is_endless(time))
    self->delayed_send(self, time, what);
}

/// `time` as CAF's requests take it.
inline caf::duration request_timeout(duration time) {
  return is_endless(time) ? caf::duration{caf::infinite} : caf::duration{time};
}

} // namespace flame::detail

#include "flame/backend.hpp"
#include "local/local_backend.hpp"
#include "process/process_backend.hpp"

namespace flame::detail {

void add_standard_backends(backend_registry& registry) {
  registry.add("local", make_local_backend);
  registry.add("process", make_process_backend);
}

} // namespace flame::detail

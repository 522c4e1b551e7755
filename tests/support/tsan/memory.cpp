// What ThreadSanitizer has to know of pages that move: it does not see `mremap`,
// and takes what is there afterwards for what was there before, the stack of a
// thread that has ended, say.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

/// Always moves, and copies.
extern "C" void* mremap(void* from, size_t old_size, size_t size, int flags,
                        ...) {
  // With other flags there is one more argument, and nobody uses them.
  if (flags != MREMAP_MAYMOVE)
    std::abort();
  auto* to = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (to == MAP_FAILED)
    return MAP_FAILED;
  std::memcpy(to, from, std::min(old_size, size));
  ::munmap(from, old_size);
  return to;
}

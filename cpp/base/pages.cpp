#include "base/pages.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace randrelu {
namespace {

constexpr std::size_t kKept = std::size_t{3}
                              << 30;  // a deferred trial at width 10⁷ takes two thirds

struct Pages {
  void* data;
  std::size_t bytes;
};

void* allocate(std::size_t bytes) {
  void* pages = ::operator new(bytes, std::align_val_t{kHugePage});
#if defined(__linux__)
  madvise(pages, bytes, MADV_HUGEPAGE);  // advice: failing changes nothing
#endif
  return pages;
}
void deallocate(Pages pages) { ::operator delete(pages.data, std::align_val_t{kHugePage}); }

// Whether the kernel may now take the pages, which keep their addresses.
bool mark_free([[maybe_unused]] Pages pages) {
#if defined(__linux__) && defined(MADV_FREE) && !defined(__SANITIZE_ADDRESS__)
  return madvise(pages.data, pages.bytes, MADV_FREE) == 0;
#else
  return false;
#endif
}

// Oldest first. Never destroyed: networks may outlive static objects.
struct Cache {
  std::mutex mutex;
  std::deque<Pages> kept;
  std::size_t bytes = 0;
};
Cache& cache() {
  static Cache& cache = *new Cache;
  return cache;
}

}  // namespace

// Both only try the lock: in a forked child it may be held by a thread that was never copied.

void* take_pages(std::size_t bytes) {
  Cache& c = cache();
  if (const std::unique_lock lock(c.mutex, std::try_to_lock); lock) {
    const auto fits = std::find_if(c.kept.rbegin(), c.kept.rend(),
                                   [&](const Pages& p) { return p.bytes == bytes; });
    if (fits != c.kept.rend()) {
      void* data = fits->data;
      c.kept.erase(std::next(fits).base());
      c.bytes -= bytes;
      return data;
    }
  }
  return allocate(bytes);
}

void give_pages(void* data, std::size_t bytes) noexcept {
  try {
    if (bytes > kKept || !mark_free({data, bytes})) return deallocate({data, bytes});
    Cache& c = cache();
    const std::unique_lock lock(c.mutex, std::try_to_lock);
    if (!lock) return deallocate({data, bytes});
    c.kept.push_back({data, bytes});
    c.bytes += bytes;
    for (; c.bytes > kKept; c.kept.pop_front()) {
      c.bytes -= c.kept.front().bytes;
      deallocate(c.kept.front());
    }
  } catch (const std::bad_alloc&) {  // no room to remember it
    deallocate({data, bytes});
  }
}

}  // namespace randrelu

// Large memory, on huge pages where the system has them, and kept for the next one that asks: a fresh
// page is cleared by the kernel before it is handed out, which takes longer than drawing the weights
// that fill it, and experiments draw one network after another.
#pragma once

#include <cstddef>

namespace randrelu {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

// `bytes`, a multiple of kHugePage, aligned to it; not cleared. Throws std::bad_alloc.
void* take_pages(std::size_t bytes);

// Gives them back: up to 3 GiB is kept, marked as free for the kernel to take when memory is short.
void give_pages(void* pages, std::size_t bytes) noexcept;

}  // namespace randrelu

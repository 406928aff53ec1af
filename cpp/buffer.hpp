// Memory for numbers: not cleared, aligned for vectors, and on huge pages where it is large, because
// faulting in ordinary pages takes longer than generating the weights that fill them.
#pragma once

#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "types.hpp"

namespace randrelu {

template <class T>
class Buffer {
 public:
  explicit Buffer(Index size) : bytes_(static_cast<std::size_t>(size) * sizeof(T)) {
    data_ = static_cast<T*>(::operator new(bytes_, alignment()));
#if defined(__linux__)
    if (is_large()) madvise(data_, bytes_, MADV_HUGEPAGE);  // advice: failing changes nothing
#endif
  }
  ~Buffer() {
    if (data_) ::operator delete(data_, alignment());
  }
  Buffer(Buffer&& other) noexcept
      : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Buffer& operator=(Buffer&&) = delete;

  T* get() const { return data_; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{1} << 21;
  bool is_large() const { return bytes_ >= 2 * kHugePage; }
  std::align_val_t alignment() const { return std::align_val_t{is_large() ? kHugePage : 64}; }

  std::size_t bytes_;
  T* data_;
};

}  // namespace randrelu

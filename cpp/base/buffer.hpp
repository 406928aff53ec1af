// Memory for numbers: not cleared, and aligned for vectors. None for no numbers.
#pragma once

#include <new>
#include <utility>

#include "base/pages.hpp"
#include "base/types.hpp"

namespace randrelu {

template <class T>
class Buffer {
 public:
  explicit Buffer(Index size) : bytes_(static_cast<std::size_t>(size) * sizeof(T)) {
    if (is_large()) bytes_ = (bytes_ + kHugePage - 1) / kHugePage * kHugePage;
    if (size > 0)
      data_ = static_cast<T*>(is_large() ? take_pages(bytes_) : ::operator new(bytes_, kAlignment));
  }
  ~Buffer() {
    if (!data_) return;
    if (is_large())
      give_pages(data_, bytes_);
    else
      ::operator delete(data_, kAlignment);
  }
  Buffer(Buffer&& other) noexcept
      : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
    return *this;
  }

  T* get() const { return data_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  bool is_large() const { return bytes_ >= kHugePage; }

  std::size_t bytes_;
  T* data_ = nullptr;
};

}  // namespace randrelu

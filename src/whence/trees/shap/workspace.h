#pragma once
// Memory and processor state for kernels.

#include <cstdint>
#include <new>
#include <utility>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace whence::trees {

/// Memory aligned for vectors, not initialised.
template <class T>
class Aligned {
  public:
    explicit Aligned(int64_t count)
        : data_(static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64}))) {}
    ~Aligned() { ::operator delete (data_, std::align_val_t{64}); }
    Aligned(Aligned&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    Aligned(const Aligned&) = delete;
    Aligned& operator=(const Aligned&) = delete;
    [[nodiscard]] T* data() const { return data_; }

  private:
    T* data_;
};

/// Numbers too small to be normal become zero while it lives: processors take a hundred times
/// longer over them, and products of many small shares make them.
class FlushTiny {
  public:
#if defined(__SSE2__)
    FlushTiny() : before_(_mm_getcsr()) {
        _mm_setcsr(before_ | 0x8040);
    }
    ~FlushTiny() {
        _mm_setcsr(before_);
    }
    FlushTiny(const FlushTiny&) = delete;
    FlushTiny& operator=(const FlushTiny&) = delete;

  private:
    unsigned before_;
#else
    FlushTiny() {}
#endif
};

}  // namespace whence::trees

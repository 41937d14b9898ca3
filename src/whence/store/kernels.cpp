#include "whence/store/kernels.h"

#include "whence/core/vector_clones.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define WHENCE_X86_KERNELS
#include <immintrin.h>
#endif

namespace whence::store {
namespace {

#define WHENCE_INTO_LOOPS inline __attribute__((always_inline))

// One loop over rows for each way to multiply; the rows to come are fetched meanwhile.
#define WHENCE_ROW_LOOPS(NAME, TARGET)                                                      \
    TARGET void NAME##_rows(const uint8_t* query, const int8_t* rows, int64_t bytes,        \
                            int64_t stride, int64_t count, int32_t* out) {                  \
        for (int64_t i = 0; i < count; ++i) out[i] = NAME(query, rows + i * stride, bytes); \
    }                                                                                       \
    TARGET void NAME##_some(const uint8_t* query, const int8_t* rows, int64_t bytes,        \
                            int64_t stride, const uint32_t* numbers, int64_t count,         \
                            int32_t* out) {                                                 \
        constexpr int64_t ahead = 3;                                                        \
        for (int64_t i = 0; i < count && i < ahead; ++i)                                    \
            fetch(rows + numbers[i] * stride, stride);                                      \
        for (int64_t i = 0; i < count; ++i) {                                               \
            if (i + ahead < count) fetch(rows + numbers[i + ahead] * stride, stride);       \
            out[i] = NAME(query, rows + numbers[i] * stride, bytes);                        \
        }                                                                                   \
    }

WHENCE_INTO_LOOPS void fetch(const int8_t* row, int64_t stride) {
    for (int64_t at = 0; at < stride; at += 64) __builtin_prefetch(row + at);
}

WHENCE_INTO_LOOPS int32_t plain(const uint8_t* query, const int8_t* row, int64_t bytes) {
    int32_t sum = 0;
    for (int64_t j = 0; j < bytes; ++j) sum += int32_t{query[j]} * int32_t{row[j]};
    return sum;
}
WHENCE_ROW_LOOPS(plain, )

#ifdef WHENCE_X86_KERNELS

#define WHENCE_AVX2 __attribute__((target("avx2")))
WHENCE_AVX2 WHENCE_INTO_LOOPS int32_t avx2(const uint8_t* query, const int8_t* row, int64_t bytes) {
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int64_t j = 0; j < bytes; j += 32)
        for (int half = 0; half < 2; ++half) {
            const int64_t at = j + 16 * half;
            const __m256i a =
                _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query + at)));
            const __m256i b =
                _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + at)));
            sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(a, b));
        }
    const __m256i all = _mm256_add_epi32(sums[0], sums[1]);
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtsi128_si32(four);
}
WHENCE_ROW_LOOPS(avx2, WHENCE_AVX2)

#define WHENCE_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))
WHENCE_VNNI WHENCE_INTO_LOOPS int32_t vnni(const uint8_t* query, const int8_t* row, int64_t bytes) {
    __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
    int64_t j = 0;
    for (; j + 128 <= bytes; j += 128) {
        even =
            _mm512_dpbusd_epi32(even, _mm512_loadu_si512(query + j), _mm512_loadu_si512(row + j));
        odd = _mm512_dpbusd_epi32(odd, _mm512_loadu_si512(query + j + 64),
                                  _mm512_loadu_si512(row + j + 64));
    }
    if (j < bytes)
        even =
            _mm512_dpbusd_epi32(even, _mm512_loadu_si512(query + j), _mm512_loadu_si512(row + j));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}
WHENCE_ROW_LOOPS(vnni, WHENCE_VNNI)

#endif

std::vector<ByteKernels> detect() {
    std::vector<ByteKernels> found{{"plain", plain_rows, plain_some}};
#ifdef WHENCE_X86_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) found.push_back({"avx2", avx2_rows, avx2_some});
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
        found.push_back({"avx512vnni", vnni_rows, vnni_some});
#endif
    return found;
}

}  // namespace

const std::vector<ByteKernels>& byte_kernels() {
    static const std::vector<ByteKernels> found = detect();
    return found;
}

WHENCE_VECTOR_CLONES
void shift(const int8_t* __restrict from, int64_t bytes, uint8_t* __restrict to) {
    for (int64_t j = 0; j < bytes; ++j)
        to[j] = static_cast<uint8_t>(static_cast<uint8_t>(from[j]) ^ 0x80u);
}

WHENCE_VECTOR_CLONES
float dot(const float* a, const float* b, int64_t width) {
    typedef float Sixteen __attribute__((vector_size(64), aligned(4), may_alias));
    constexpr int64_t lanes = 16, parts = 4;
    Sixteen sums[parts] = {};
    int64_t j = 0;
    for (; j + parts * lanes <= width; j += parts * lanes)
        for (int64_t p = 0; p < parts; ++p)
            sums[p] += *reinterpret_cast<const Sixteen*>(a + j + p * lanes) *
                       *reinterpret_cast<const Sixteen*>(b + j + p * lanes);
    float lane[lanes];
    *reinterpret_cast<Sixteen*>(lane) = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (int64_t half = lanes / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half; ++i) lane[i] += lane[i + half];
    float sum = lane[0];
    for (; j < width; ++j) sum += a[j] * b[j];
    return sum;
}

}  // namespace whence::store

#pragma once
// Vectors of rows: one lane, one row. For kernels.inc alone, which names the namespace WHENCE_ISA,
// so that code compiled for one processor never stands in for another's.
//
// Float and Double have the same members:
//   V, M        a vector of numbers, a mask of lanes
//   width       lanes of V
//   fma(a,b,c)  a b + c
//   add_where(m, a, b)  a + b where m, else a
//   at_most(column, rank)  lanes whose number in `column` is <= rank
//   in_bits(bits)          lane i is bit i
//   I           a whole number for each lane: counts and patterns of bits
//   add_bits(a, m, x), drop_bits(a, m, x)  a | x and a & ~x where m, else a
//   look_up(table, i)      table[i] of each lane
//   look_up_few(table, i)  the same for i < width, from a table with that many numbers: no gather

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace whence::trees::WHENCE_ISA {

#if defined(__AVX512F__)

struct Float {
    using Scalar = float;
    using V = __m512;
    using M = __mmask16;
    static constexpr int width = 16;
    static V set(float x) { return _mm512_set1_ps(x); }
    static V zero() { return _mm512_setzero_ps(); }
    static V load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
    static V add(V a, V b) { return _mm512_add_ps(a, b); }
    static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V select(M m, V a, V b) { return _mm512_mask_blend_ps(m, b, a); }
    static V keep(M m, V a) { return _mm512_maskz_mov_ps(m, a); }
    static V add_where(M m, V a, V b) { return _mm512_mask_add_ps(a, m, a, b); }
    static M at_most(const int32_t* column, int32_t rank) {
        return _mm512_cmple_epi32_mask(_mm512_loadu_si512(column), _mm512_set1_epi32(rank));
    }
    static M in_bits(uint32_t bits) { return static_cast<M>(bits); }
    static M both(M a, M b) { return static_cast<M>(a & b); }
    static M without(M a, M b) { return static_cast<M>(a & ~b); }
    static M all() { return 0xFFFF; }
    static bool any(M m) { return m != 0; }
    using I = __m512i;
    static I no_bits() { return _mm512_setzero_si512(); }
    static I increment(I a, M m) { return _mm512_mask_add_epi32(a, m, a, _mm512_set1_epi32(1)); }
    static I add_bits(I a, M m, int32_t x) {
        return _mm512_mask_or_epi32(a, m, a, _mm512_set1_epi32(x));
    }
    static I drop_bits(I a, M m, int32_t x) {
        return _mm512_mask_andnot_epi32(a, m, _mm512_set1_epi32(x), a);
    }
    static V look_up(const float* table, I i) { return _mm512_i32gather_ps(i, table, 4); }
    static V look_up_few(const float* table, I i) { return _mm512_permutexvar_ps(i, load(table)); }
    static void store(int32_t* p, I i) { _mm512_storeu_si512(p, i); }
};

struct Double {
    using Scalar = double;
    using V = __m512d;
    using M = __mmask8;
    static constexpr int width = 8;
    static V set(double x) { return _mm512_set1_pd(x); }
    static V zero() { return _mm512_setzero_pd(); }
    static V load(const double* p) { return _mm512_loadu_pd(p); }
    static void store(double* p, V v) { _mm512_storeu_pd(p, v); }
    static V add(V a, V b) { return _mm512_add_pd(a, b); }
    static V sub(V a, V b) { return _mm512_sub_pd(a, b); }
    static V mul(V a, V b) { return _mm512_mul_pd(a, b); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
    static V select(M m, V a, V b) { return _mm512_mask_blend_pd(m, b, a); }
    static V keep(M m, V a) { return _mm512_maskz_mov_pd(m, a); }
    static V add_where(M m, V a, V b) { return _mm512_mask_add_pd(a, m, a, b); }
    static M at_most(const int32_t* column, int32_t rank) {
        const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(column));
        return _mm256_cmple_epi32_mask(values, _mm256_set1_epi32(rank));
    }
    static M in_bits(uint32_t bits) { return static_cast<M>(bits); }
    static M both(M a, M b) { return static_cast<M>(a & b); }
    static M without(M a, M b) { return static_cast<M>(a & ~b); }
    static M all() { return 0xFF; }
    static bool any(M m) { return m != 0; }
    using I = __m256i;
    static I no_bits() { return _mm256_setzero_si256(); }
    static I increment(I a, M m) { return _mm256_mask_add_epi32(a, m, a, _mm256_set1_epi32(1)); }
    static I add_bits(I a, M m, int32_t x) {
        return _mm256_mask_or_epi32(a, m, a, _mm256_set1_epi32(x));
    }
    static I drop_bits(I a, M m, int32_t x) {
        return _mm256_mask_andnot_epi32(a, m, _mm256_set1_epi32(x), a);
    }
    static V look_up(const double* table, I i) { return _mm512_i32gather_pd(i, table, 8); }
    static V look_up_few(const double* table, I i) {
        return _mm512_permutexvar_pd(_mm512_cvtepi32_epi64(i), load(table));
    }
    static void store(int32_t* p, I i) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), i); }
};

#elif defined(__AVX2__)

struct Float {
    using Scalar = float;
    using V = __m256;
    using M = __m256;  // a lane's bits are all ones or all zeros
    static constexpr int width = 8;
    static V set(float x) { return _mm256_set1_ps(x); }
    static V zero() { return _mm256_setzero_ps(); }
    static V load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
    static V add(V a, V b) { return _mm256_add_ps(a, b); }
    static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
    static V select(M m, V a, V b) { return _mm256_blendv_ps(b, a, m); }
    static V keep(M m, V a) { return _mm256_and_ps(m, a); }
    static V add_where(M m, V a, V b) { return _mm256_add_ps(a, _mm256_and_ps(m, b)); }
    static M at_most(const int32_t* column, int32_t rank) {
        const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(column));
        const __m256i above = _mm256_cmpgt_epi32(values, _mm256_set1_epi32(rank));
        return _mm256_castsi256_ps(_mm256_xor_si256(above, _mm256_set1_epi32(-1)));
    }
    static M in_bits(uint32_t bits) {
        const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        const __m256i here = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lanes);
        return _mm256_castsi256_ps(_mm256_cmpeq_epi32(here, lanes));
    }
    static M both(M a, M b) { return _mm256_and_ps(a, b); }
    static M without(M a, M b) { return _mm256_andnot_ps(b, a); }
    static M all() { return _mm256_castsi256_ps(_mm256_set1_epi32(-1)); }
    static bool any(M m) { return _mm256_movemask_ps(m) != 0; }
    using I = __m256i;
    static I no_bits() { return _mm256_setzero_si256(); }
    static I increment(I a, M m) { return _mm256_sub_epi32(a, _mm256_castps_si256(m)); }
    static I add_bits(I a, M m, int32_t x) {
        return _mm256_or_si256(a, _mm256_and_si256(_mm256_castps_si256(m), _mm256_set1_epi32(x)));
    }
    static I drop_bits(I a, M m, int32_t x) {
        return _mm256_andnot_si256(_mm256_and_si256(_mm256_castps_si256(m), _mm256_set1_epi32(x)),
                                   a);
    }
    static V look_up(const float* table, I i) { return _mm256_i32gather_ps(table, i, 4); }
    static V look_up_few(const float* table, I i) {
        return _mm256_permutevar8x32_ps(load(table), i);
    }
    static void store(int32_t* p, I i) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), i); }
};

struct Double {
    using Scalar = double;
    using V = __m256d;
    using M = __m256d;
    static constexpr int width = 4;
    static V set(double x) { return _mm256_set1_pd(x); }
    static V zero() { return _mm256_setzero_pd(); }
    static V load(const double* p) { return _mm256_loadu_pd(p); }
    static void store(double* p, V v) { _mm256_storeu_pd(p, v); }
    static V add(V a, V b) { return _mm256_add_pd(a, b); }
    static V sub(V a, V b) { return _mm256_sub_pd(a, b); }
    static V mul(V a, V b) { return _mm256_mul_pd(a, b); }
    static V fma(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
    static V select(M m, V a, V b) { return _mm256_blendv_pd(b, a, m); }
    static V keep(M m, V a) { return _mm256_and_pd(m, a); }
    static V add_where(M m, V a, V b) { return _mm256_add_pd(a, _mm256_and_pd(m, b)); }
    static M at_most(const int32_t* column, int32_t rank) {
        const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(column));
        const __m128i above = _mm_cmpgt_epi32(values, _mm_set1_epi32(rank));
        const __m256i wide = _mm256_cvtepi32_epi64(above);
        return _mm256_castsi256_pd(_mm256_xor_si256(wide, _mm256_set1_epi64x(-1)));
    }
    static M in_bits(uint32_t bits) {
        const __m256i lanes = _mm256_setr_epi64x(1, 2, 4, 8);
        const __m256i here = _mm256_and_si256(_mm256_set1_epi64x(bits), lanes);
        return _mm256_castsi256_pd(_mm256_cmpeq_epi64(here, lanes));
    }
    static M both(M a, M b) { return _mm256_and_pd(a, b); }
    static M without(M a, M b) { return _mm256_andnot_pd(b, a); }
    static M all() { return _mm256_castsi256_pd(_mm256_set1_epi64x(-1)); }
    static bool any(M m) { return _mm256_movemask_pd(m) != 0; }
    using I = __m256i;  // of 64 bits a lane
    static I no_bits() { return _mm256_setzero_si256(); }
    static I increment(I a, M m) { return _mm256_sub_epi64(a, _mm256_castpd_si256(m)); }
    static I add_bits(I a, M m, int32_t x) {
        return _mm256_or_si256(a, _mm256_and_si256(_mm256_castpd_si256(m), _mm256_set1_epi64x(x)));
    }
    static I drop_bits(I a, M m, int32_t x) {
        return _mm256_andnot_si256(_mm256_and_si256(_mm256_castpd_si256(m), _mm256_set1_epi64x(x)),
                                   a);
    }
    static V look_up(const double* table, I i) { return _mm256_i64gather_pd(table, i, 8); }
    static V look_up_few(const double* table, I i) { return look_up(table, i); }
    static void store(int32_t* p, I i) {
        alignas(32) int64_t wide[width];
        _mm256_store_si256(reinterpret_cast<__m256i*>(wide), i);
        for (int lane = 0; lane < width; ++lane) p[lane] = static_cast<int32_t>(wide[lane]);
    }
};

#else

/// Vectors of 16 bytes in the compiler's own notation: SSE2, NEON or plain registers.
template <class T, class Integer>
struct Plain {
    using Scalar = T;
    typedef T V __attribute__((vector_size(16)));
    typedef Integer M __attribute__((vector_size(16)));
    static constexpr int width = 16 / sizeof(T);
    static V set(T x) { return V{} + x; }
    static V zero() { return V{}; }
    static V load(const T* p) {
        V v;
        __builtin_memcpy(&v, p, sizeof v);
        return v;
    }
    static void store(T* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
    static V add(V a, V b) { return a + b; }
    static V sub(V a, V b) { return a - b; }
    static V mul(V a, V b) { return a * b; }
    static V fma(V a, V b, V c) { return a * b + c; }
    static V select(M m, V a, V b) { return m ? a : b; }
    static V keep(M m, V a) { return m ? a : V{}; }
    static V add_where(M m, V a, V b) { return a + keep(m, b); }
    static M at_most(const int32_t* column, int32_t rank) {
        M m;
        for (int i = 0; i < width; ++i) m[i] = column[i] <= rank ? -1 : 0;
        return m;
    }
    static M in_bits(uint32_t bits) {
        M m;
        for (int i = 0; i < width; ++i) m[i] = (bits >> i & 1) ? -1 : 0;
        return m;
    }
    static M both(M a, M b) { return a & b; }
    static M without(M a, M b) { return a & ~b; }
    static M all() { return ~M{}; }
    static bool any(M m) {
        bool found = false;
        for (int i = 0; i < width; ++i) found |= m[i] != 0;
        return found;
    }
    using I = M;
    static I no_bits() { return I{}; }
    static I increment(I a, M m) { return a - m; }
    static I add_bits(I a, M m, int32_t x) { return a | (m & x); }
    static I drop_bits(I a, M m, int32_t x) { return a & ~(m & x); }
    static V look_up(const T* table, I i) {
        V v;
        for (int lane = 0; lane < width; ++lane) v[lane] = table[i[lane]];
        return v;
    }
    static V look_up_few(const T* table, I i) { return look_up(table, i); }
    static void store(int32_t* p, I i) {
        for (int lane = 0; lane < width; ++lane) p[lane] = static_cast<int32_t>(i[lane]);
    }
};

using Float = Plain<float, int32_t>;
using Double = Plain<double, int64_t>;

#endif

}  // namespace whence::trees::WHENCE_ISA

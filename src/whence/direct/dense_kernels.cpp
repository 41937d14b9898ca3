#include "whence/direct/dense_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "whence/core/vector_clones.h"

namespace whence::direct {
namespace {

// e^x by 2^n e^r, |r| <= log(2) / 2, the polynomial of Cephes (Moshier 1992, "expf.c"); x is
// clamped to what float32 holds. Written without branches, so that loops over it become vectors.
inline float exponential(float x) {
    x = std::min(88.0f, std::max(-87.0f, x));
    const float shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to nearest
    const float n = shifted - 12582912.0f;
    const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t power = (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(12582912.0f))
                          << 23;
    return std::bit_cast<float>(std::bit_cast<int32_t>(p) + power);
}

}  // namespace

WHENCE_VECTOR_CLONES
void add_sums(const float* tables, const uint8_t* index, int64_t groups, int64_t width,
              int64_t rows, float* out) {
    const int64_t table = group_sums * width;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < width; j += lanes) {
            Floats sum = {};
            for (int64_t g = 0; g < groups; ++g)
                sum += floats_at(tables + g * table + index[r * groups + g] * width + j);
            floats_at(out + r * width + j) = sum;
        }
}

WHENCE_VECTOR_CLONES
void multiply(const float* in, const float* weights, const float* bias, int64_t deep, int64_t width,
              int64_t rows, float* out) {
    for (int64_t j = 0; j < width; j += lanes) {
        int64_t r = 0;
        // Four rows at once: each weight is loaded once for all of them.
        for (; r + 4 <= rows; r += 4) {
            const float* a = in + r * deep;
            Floats one = floats_at(bias + j), two = one, three = one, four = one;
            for (int64_t k = 0; k < deep; ++k) {
                const Floats w = floats_at(weights + k * width + j);
                one += a[k] * w;
                two += a[deep + k] * w;
                three += a[2 * deep + k] * w;
                four += a[3 * deep + k] * w;
            }
            float* to = out + r * width + j;
            floats_at(to) = one;
            floats_at(to + width) = two;
            floats_at(to + 2 * width) = three;
            floats_at(to + 3 * width) = four;
        }
        for (; r < rows; ++r) {
            Floats sum = floats_at(bias + j);
            for (int64_t k = 0; k < deep; ++k)
                sum += in[r * deep + k] * floats_at(weights + k * width + j);
            floats_at(out + r * width + j) = sum;
        }
    }
}

WHENCE_VECTOR_CLONES
void multiply_narrow(const float* in, const float* turned, const float* bias, int64_t deep,
                     int64_t outputs, int64_t width, int64_t rows, float* out) {
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t o = 0; o < outputs; ++o) {
            Floats sum = {};
            for (int64_t k = 0; k < deep; k += lanes)
                sum += floats_at(in + r * deep + k) * floats_at(turned + o * deep + k);
            float parts[lanes];
            floats_at(parts) = sum;
            for (int64_t half = lanes / 2; half > 0; half /= 2)
                for (int64_t l = 0; l < half; ++l) parts[l] += parts[l + half];
            out[r * width + o] = parts[0] + bias[o];
        }
        for (int64_t o = outputs; o < width; ++o) out[r * width + o] = 0;
    }
}

WHENCE_VECTOR_CLONES
void relu(float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) values[i] = values[i] > 0 ? values[i] : 0;
}

// A rational function of x on [-9, 9], beyond which tanh is 1 in float32 (the one of Eigen, and of
// ONNX Runtime's own kernels).
WHENCE_VECTOR_CLONES
void tanh(float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const float x = std::min(9.0f, std::max(-9.0f, values[i])), s = x * x;
        float p = -2.76076847742355e-16f;
        p = p * s + 2.00018790482477e-13f;
        p = p * s + -8.60467152213735e-11f;
        p = p * s + 5.12229709037114e-08f;
        p = p * s + 1.48572235717979e-05f;
        p = p * s + 6.37261928875436e-04f;
        p = p * s + 4.89352455891786e-03f;
        float q = 1.19825839466702e-06f;
        q = q * s + 1.18534705686654e-04f;
        q = q * s + 2.26843463243900e-03f;
        q = q * s + 4.89352518554385e-03f;
        values[i] = x * p / q;
    }
}

WHENCE_VECTOR_CLONES
void sigmoid(float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) values[i] = 1.0f / (1.0f + exponential(-values[i]));
}

WHENCE_VECTOR_CLONES
void softmax(float* values, int64_t classes, int64_t width, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
        float* row = values + r * width;
        const float top = *std::max_element(row, row + classes);
        for (int64_t c = 0; c < classes; ++c) row[c] = exponential(row[c] - top);
        float sum = 0;
        for (int64_t c = 0; c < classes; ++c) sum += row[c];
        for (int64_t c = 0; c < classes; ++c) row[c] /= sum;
    }
}

}  // namespace whence::direct

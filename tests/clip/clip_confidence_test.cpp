#include "whence/clip/confidence.h"

#include <gtest/gtest.h>

#include "embeddings.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

using namespace testing;

// The formulas as they are written down, with no thought for overflow.
double plain_softmax(const std::vector<Vector>& texts, size_t wanted, double scale,
                     const Vector& e) {
    double sum = 0;
    for (const Vector& t : texts)
        sum += std::exp(scale * (dot(unit(t), unit(e)) - dot(unit(texts[wanted]), unit(e))));
    return 1 / sum;
}

void expect_gradient(const Confidence& confidence, const Vector& e) {
    const Vector gradient = confidence.gradient(e);
    constexpr double h = 1e-5;
    for (size_t i = 0; i < e.size(); ++i) {
        Vector up = e, down = e;
        up[i] += h;
        down[i] -= h;
        // Central differences: error of order h^2 times the third derivative (scale^3), and of
        // roundings over h.
        EXPECT_NEAR(gradient[i], (confidence.value(up) - confidence.value(down)) / (2 * h), 1e-6);
    }
    EXPECT_NEAR(dot(gradient, e), 0, 1e-12);
}

TEST(ClipConfidence, SoftmaxIsTheFormula) {
    Rng rng(1, 0, 0);
    for (const size_t count : {1, 2, 3, 30}) {
        const auto texts = random_texts(rng, count, 16);
        for (const double scale : {1.0, 14.3, 100.0}) {
            const auto confidence =
                Confidence::softmax(rows_of(texts), static_cast<int64_t>(count / 2), scale);
            const Vector e = random_unit(rng, 16);
            EXPECT_NEAR(confidence.value(e), plain_softmax(texts, count / 2, scale, e), 1e-13);
            // Lengths do not count, of either.
            EXPECT_NEAR(confidence.value(scaled(e, 7)), confidence.value(e), 1e-13);
        }
    }
}

TEST(ClipConfidence, EvidenceIsTheLogOdds) {
    Rng rng(2, 0, 0);
    const auto texts = random_texts(rng, 5, 8);
    const auto confidence = Confidence::softmax(rows_of(texts), 1, 10);
    const Vector e = random_unit(rng, 8);
    const double p = confidence.value(e);
    EXPECT_NEAR(confidence.evidence(e), std::log(p / (1 - p)), 1e-11);
    std::vector<double> weights;
    EXPECT_NEAR(confidence.evidence(e, weights), confidence.evidence(e), 1e-12);
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-12);
    EXPECT_NEAR(confidence.confidence_of(confidence.evidence_of(0.37)), 0.37, 1e-15);
}

TEST(ClipConfidence, AFloorCutsOnlyWhatLiesBelow) {
    Rng rng(3, 0, 0);
    const auto confidence = Confidence::softmax(rows_of(random_texts(rng, 6, 8)), 0, 20);
    for (int i = 0; i < 200; ++i) {
        const Vector e = random_unit(rng, 8);
        const double whole = confidence.evidence(e), cut = confidence.evidence(e, -3);
        if (whole >= -3) {
            EXPECT_EQ(cut, whole);
        } else {
            EXPECT_LT(cut, -3);
        }
    }
}

TEST(ClipConfidence, GradientsAreThoseOfFiniteDifferences) {
    Rng rng(4, 0, 0);
    const auto texts = random_texts(rng, 4, 6);
    const Vector e = scaled(random_unit(rng, 6), 2.5);
    expect_gradient(Confidence::softmax(rows_of(texts), 2, 5), e);
    expect_gradient(Confidence::softmax(rows_of(texts), 2, 20), plus(texts[2], texts[1]));
    expect_gradient(Confidence::sigmoid(rows_of({texts[0]}), 10, -2), e);
    expect_gradient(Confidence::cosine(rows_of({texts[0]})), e);
    // The negative control: of another text it is another one.
    const Vector wrong = Confidence::cosine(rows_of({texts[1]})).gradient(e),
                 right = Confidence::cosine(rows_of({texts[0]})).gradient(e);
    EXPECT_GT(std::abs(wrong[0] - right[0]), 1e-4);
}

TEST(ClipConfidence, SigmoidAndCosineAreTheFormulas) {
    const Tensor text = Tensor::of<float>({2}, std::vector<float>{3, 4});
    const Vector e = {1, 0};
    EXPECT_NEAR(Confidence::cosine(text).value(e), 0.6, 1e-12);
    EXPECT_NEAR(Confidence::sigmoid(text, 10, -5).value(e), 1 / (1 + std::exp(-1.0)), 1e-7);
}

TEST(ClipConfidence, OneTextAloneIsCertain) {
    const auto confidence = Confidence::softmax(rows_of({{1, 0}}), 0, 100);
    EXPECT_EQ(confidence.value(Vector{-1, 0}), 1);
    EXPECT_EQ(confidence.gradient(Vector{-1, 0}), (Vector{0, 0}));
}

TEST(ClipConfidence, RefusesWhatHasNoDirection) {
    const auto kind = [](auto&& make) {
        try {
            make();
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(kind([&] { (void)Confidence::cosine(rows_of({{nan, 1}})); }), ErrorKind::input);
    EXPECT_EQ(kind([] { (void)Confidence::cosine(rows_of({{0, 0}})); }), ErrorKind::input);
    EXPECT_EQ(kind([] {
                  (void)Confidence::softmax(Tensor(ElementType::float32, {0, 4}), 0, 1);
              }),
              ErrorKind::input);
    EXPECT_EQ(kind([] { (void)Confidence::softmax(rows_of({{1, 0}}), 1, 1); }), ErrorKind::usage);
    EXPECT_EQ(kind([] { (void)Confidence::softmax(rows_of({{1, 0}}), 0, 0); }), ErrorKind::usage);
    EXPECT_EQ(kind([] { (void)Confidence::cosine(rows_of({{1, 0}, {0, 1}})); }), ErrorKind::usage);
    const auto confidence = Confidence::cosine(rows_of({{1, 0}}));
    EXPECT_EQ(kind([&] { (void)confidence.value(Vector{0, 0}); }), ErrorKind::input);
    EXPECT_EQ(kind([&] { (void)confidence.value(Vector{1, 0, 0}); }), ErrorKind::input);
    EXPECT_EQ(kind([&] { (void)confidence.evidence_of(1.01); }), ErrorKind::usage);
    EXPECT_EQ(kind([&] { (void)confidence.evidence_of(nan); }), ErrorKind::usage);
    // Numbers too large to be squared still have a direction.
    EXPECT_NEAR(confidence.value(Vector{1e200, 1e200}), std::sqrt(0.5), 1e-12);
}

}  // namespace
}  // namespace whence::clip

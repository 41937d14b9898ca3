#include "whence/mask/masked_game.h"

#include <gtest/gtest.h>

#include <cmath>

#include "perturb/fake_models.h"
#include "whence/core/error.h"

namespace whence {
namespace {

using testing::FormulaModel;

const Tensor input = Tensor::of<double>({1, 3}, std::vector<double>{0.5, 0.25, 0.125});
const Tensor background =
    Tensor::of<double>({2, 3}, std::vector<double>{0.1, 0.2, 0.3, 0.0, 0.05, 0.01});

FormulaModel product_plus_sum(int64_t batch) {
    return {{-1, 3}, ElementType::float64,
            [](std::span<const double> x) { return x[0] * x[1] + x[2]; }, batch};
}

// The definition, one row at a time.
double slow_value(const std::vector<uint8_t>& present, const std::vector<double>& weights) {
    double sum = 0;
    for (int64_t way = 0; way < 2; ++way) {
        double x[3];
        for (int64_t j = 0; j < 3; ++j)
            x[j] = present[j] ? input.as<double>()[j] : background.as<double>()[way * 3 + j];
        sum += weights[way] * (x[0] * x[1] + x[2]);
    }
    return sum;
}

std::vector<uint8_t> all_coalitions() {
    std::vector<uint8_t> bits;
    for (int code = 0; code < 8; ++code)
        for (int j = 0; j < 3; ++j) bits.push_back(code >> j & 1);
    return bits;
}

// Batches of 3 rows end in the middle of a coalition's two fillings.
TEST(MaskedGame, IsTheWeightedMeanOverTheBackground) {
    const std::vector<uint8_t> bits = all_coalitions();
    for (const int64_t batch : {1, 3, 64})
        for (const std::vector<double>& weights :
             {std::vector<double>{}, std::vector<double>{1, 3}}) {
            const FormulaModel model = product_plus_sum(batch);
            const LabelMasker masker("x", input, background, {0, 1, 2}, {}, weights);
            const Batch row({{"x", input}});
            const MaskedGame game(model, {.output = "y"}, masker, row);
            const std::vector<double> values = game.values({bits.data(), 8, 3}, whence::Run{});
            for (int c = 0; c < 8; ++c)
                EXPECT_DOUBLE_EQ(
                    values[c],
                    slow_value({bits.begin() + c * 3, bits.begin() + c * 3 + 3},
                               weights.empty() ? std::vector{0.5, 0.5} : std::vector{0.25, 0.75}))
                    << "coalition " << c << ", batches of " << batch;
            EXPECT_EQ(model.asked, 16);
            EXPECT_EQ(game.rows_per_value(), 2);
        }
}

// Many fillings and short segments are laid over whole: the same rows as the definition, wherever a
// batch cuts a coalition's fillings, with columns of no player and of shared ones.
TEST(LabelMasker, ManyFillingsAreTheDefinition) {
    const std::vector<int32_t> labels{0, -1, 1, 1, 2, 0, 3};
    for (const ElementType type : {ElementType::float64, ElementType::float32, ElementType::uint8}) {
        std::vector<double> x, b;
        for (int i = 0; i < 7; ++i) x.push_back(100 + i);
        for (int i = 0; i < 7 * 5; ++i) b.push_back(i);
        const Tensor row = Tensor::of<double>({1, 7}, x).cast(type);
        const LabelMasker masker("x", row, Tensor::of<double>({5, 7}, b).cast(type), labels);
        std::vector<uint8_t> bits;
        for (int code = 0; code < 16; ++code)
            for (int j = 0; j < 4; ++j) bits.push_back(code >> j & 1);
        for (const int64_t first : {0, 3, 11}) {
            Batch rows({{"x", Tensor(type, {16 * 5 - first, 7})}});
            masker.apply({bits.data(), 16, 4}, first, rows, whence::Run{});
            const std::vector<double> found = rows.at("x").to_doubles();
            for (int64_t r = 0; r < 16 * 5 - first; ++r)
                for (int64_t i = 0; i < 7; ++i) {
                    const int64_t code = (first + r) / 5, way = (first + r) % 5;
                    const bool keep = labels[i] < 0 || (code >> labels[i] & 1);
                    EXPECT_EQ(found[r * 7 + i], keep ? x[i] : b[way * 7 + i]);
                }
        }
    }
}

TEST(MaskedGame, LinksTheMeanNotEachAnswer) {
    const FormulaModel model = product_plus_sum(64);
    const LabelMasker masker("x", input, background, {0, 1, 2});
    const Batch row({{"x", input}});
    const std::vector<uint8_t> nobody{0, 0, 0};
    const double p = slow_value(nobody, {0.5, 0.5});
    const auto value = [&](Link link) {
        return MaskedGame(model, {.output = "y"}, masker, row, link)
            .values({nobody.data(), 1, 3}, whence::Run{})[0];
    };
    EXPECT_DOUBLE_EQ(value(Link::logit), std::log(p / (1 - p)));
    EXPECT_DOUBLE_EQ(value(Link::log_loss), -std::log(p));
}

TEST(Link, NamesAndEnds) {
    for (const Link link : {Link::identity, Link::logit, Link::log_loss})
        EXPECT_EQ(parse_link(name(link)), link);
    EXPECT_THROW((void)parse_link("probit"), Error);
    EXPECT_EQ(apply_link(Link::log_loss, 1), 0);
    for (const double wrong : {0.0, 1.0, -0.5, 2.0, std::nan("")})
        EXPECT_THROW((void)apply_link(Link::logit, wrong), Error) << wrong;
    for (const double wrong : {0.0, 1.5, std::nan("")})
        EXPECT_THROW((void)apply_link(Link::log_loss, wrong), Error) << wrong;
}

TEST(LabelMasker, RefusesWeightsThatAreNone) {
    const auto make = [](std::vector<double> weights) {
        LabelMasker("x", input, background, {0, 1, 2}, {}, std::move(weights));
    };
    EXPECT_NO_THROW(make({0, 2}));
    EXPECT_THROW(make({1}), Error);
    EXPECT_THROW(make({1, -1}), Error);
    EXPECT_THROW(make({0, 0}), Error);
    EXPECT_THROW(make({1, std::nan("")}), Error);
}

}  // namespace
}  // namespace whence

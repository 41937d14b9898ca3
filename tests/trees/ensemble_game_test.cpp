// Games of whole ensembles against the model itself, asked about every mixed row.

#include "whence/trees/shap/ensemble_game.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "trees/shap_compare.h"
#include "trees/shap_ensembles.h"
#include "trees/shap_oracle.h"
#include "whence/core/error.h"
#include "whence/trees/shap/interventional.h"

namespace whence::trees::testing {
namespace {

/// The second class where there are two, else the first; as log-probability or probability.
Worth worth_of(const EnsembleModel& model, Scale scale) {
    const TensorInfo& output = model.outputs()[0];
    return [target = ResolvedTarget{.output = output.name,
                                    .index = output.shape[1] > 1 ? 1 : 0,
                                    .scale = scale,
                                    .output_scale = output.scale,
                                    .classes = output.shape[1]}](const Batch& answers) {
        return target_values(target, answers);
    };
}

Ensemble with_link(const EnsembleRecipe& recipe, Link link) {
    EnsembleParts parts = EnsembleMaker(recipe).parts();
    parts.link = link;
    return Ensemble::build(std::move(parts));
}

struct Setting {
    EnsembleModel model;
    Worth worth;
    std::vector<double> row, background, weights;

    explicit Setting(const EnsembleRecipe& recipe, Link link = Link::logistic,
                     Scale scale = Scale::probability, int64_t rows = 7)
        : model(with_link(recipe, link)),
          worth(worth_of(model, scale)),
          row(make_rows(1, recipe.features, recipe.seed)),
          background(make_rows(rows, recipe.features, recipe.seed + 1)) {
        for (int64_t b = 0; b < rows; ++b) weights.push_back(static_cast<double>(b));
    }

    [[nodiscard]] EnsembleGame game() const {
        return {model, worth, row, view(background, std::ssize(row)), weights};
    }

    /// v(S): the model asked.
    [[nodiscard]] double value(const EnsembleGame& game, uint64_t coalition) const {
        const int64_t features = std::ssize(row), rows = std::ssize(weights);
        Tensor mixed = Tensor::of<double>({rows, features}, background);
        for (int64_t b = 0; b < rows; ++b)
            for (int64_t j = 0; j < game.players(); ++j)
                if (coalition >> j & 1)
                    mixed.as<double>()[b * features + game.features()[j]] = row[game.features()[j]];
        const std::vector<double> each = worth(model.predict(Batch(mixed), {}));
        double sum = 0, total = 0;
        for (int64_t b = 0; b < rows; ++b) sum += weights[b] * each[b], total += weights[b];
        return sum / total;
    }
};

void expect_equal(const Setting& setting) {
    const EnsembleGame game = setting.game();
    const int64_t players = game.players(), size = int64_t{1} << players;
    std::vector<uint8_t> coalitions;
    std::vector<double> want;
    for (int64_t s = 0; s < size; ++s) {
        for (int64_t j = 0; j < players; ++j) coalitions.push_back(s >> j & 1);
        want.push_back(setting.value(game, s));
    }
    EXPECT_LT(error_of(game.table({}), want), 1e-12);
    EXPECT_LT(error_of(game.values({coalitions.data(), size, players}, {}), want), 1e-12);
    // nobody and everyone are the background and the row
    const auto row = Tensor::of<double>({1, std::ssize(setting.row)}, setting.row);
    EXPECT_NEAR(want.back(), setting.worth(setting.model.predict(Batch(row), {}))[0], 1e-12);
}

TEST(EnsembleGame, EqualsTheModelForEveryLink) {
    for (const Link link : {Link::identity, Link::logistic, Link::exponential, Link::softplus,
                            Link::signed_square, Link::step})
        expect_equal(Setting({.trees = 6, .depth = 5, .features = 6}, link,
                             link == Link::logistic ? Scale::probability : Scale::raw));
    expect_equal(Setting({.trees = 6, .features = 6}, Link::logistic, Scale::log_probability));
}

TEST(EnsembleGame, EqualsTheModelWithManyOutputs) {
    for (const bool vectors : {false, true})
        for (const Scale scale : {Scale::probability, Scale::log_probability})
            expect_equal(
                Setting({.trees = 5, .features = 5, .outputs = 3, .vector_leaves = vectors},
                        Link::softmax, scale));
}

TEST(EnsembleGame, EqualsTheModelWithCategoriesMissingValuesAndRepeats) {
    for (const uint64_t seed : {1, 2, 3, 4}) {
        expect_equal(Setting({.depth = 7, .features = 4, .category_chance = 0.4, .seed = seed}));
        expect_equal(Setting({.depth = 6, .float_inputs = false, .seed = seed}));
    }
    expect_equal(Setting({.trees = 3, .depth = 12, .features = 12, .chain = true}));
}

TEST(EnsembleGame, SampledCoalitionsEqualTheModelForManyPlayers) {
    const Setting setting({.trees = 40, .depth = 6, .features = 40});
    const EnsembleGame game = setting.game();
    ASSERT_GT(game.players(), EnsembleGame::most_tabulated);
    Rng rng(1, 2, 3);
    const int64_t count = 700;  // more than walk together
    std::vector<uint8_t> coalitions(count * game.players());
    for (uint8_t& there : coalitions) there = rng.uniform() < 0.5;
    const MatrixView<const uint8_t> view{coalitions.data(), count, game.players()};
    const std::vector<double> have = game.values(view, {.threads = 1});
    for (int64_t i = 0; i < count; ++i) {
        uint64_t coalition = 0;
        for (int64_t j = 0; j < game.players(); ++j) coalition |= uint64_t{view(i, j)} << j;
        ASSERT_NEAR(have[i], setting.value(game, coalition), 1e-12);
    }
    for (const int threads : {2, 8}) EXPECT_EQ(have, game.values(view, {.threads = threads}));
    EXPECT_THROW((void)game.table({}), Error);
}

TEST(EnsembleGame, OfTheMarginHasTheInterventionalValues) {
    const Setting setting({.trees = 20, .features = 8}, Link::identity, Scale::raw);
    const EnsembleGame game = setting.game();
    const int n = static_cast<int>(game.players());
    const std::vector<double> table = game.table({});
    std::vector<double> phi(8, 0);
    for (int p = 0; p < n; ++p)
        for (uint32_t s = 0; s < table.size(); ++s)
            if (!(s >> p & 1))
                phi[game.features()[p]] +=
                    shapley_weight(n - 1, std::popcount(s)) * (table[s | 1U << p] - table[s]);
    const InterventionalShap shap(setting.model.ensemble(), view(setting.background, 8),
                                  setting.weights, {.precision = Precision::float64});
    EXPECT_LT(error_of(shap.values(view(setting.row, 8), {}).values, phi), 1e-10);
}

TEST(EnsembleGame, SameBitsOnAnyNumberOfThreads) {
    const Setting setting({.trees = 20, .features = 9}, Link::logistic, Scale::probability, 50);
    const EnsembleGame game = setting.game();
    const std::vector<double> one = game.table({.threads = 1});
    for (const int threads : {2, 8}) EXPECT_EQ(one, game.table({.threads = threads}));
}

TEST(EnsembleGame, OfARowLikeItsBackgroundHasNoPlayers) {
    Setting setting({}, Link::logistic, Scale::probability, 1);
    setting.weights = {1};
    setting.background = setting.row;
    const EnsembleGame game = setting.game();
    EXPECT_EQ(game.players(), 0);
    EXPECT_EQ(game.table({}).size(), 1);
    EXPECT_NEAR(game.table({})[0], setting.value(game, 0), 1e-15);
}

TEST(EnsembleGame, Refuses) {
    Setting setting({});
    setting.weights = {1};
    EXPECT_THROW((void)setting.game(), Error);
    setting.weights.clear();
    setting.row.pop_back();
    EXPECT_THROW((void)setting.game(), Error);
}

}  // namespace
}  // namespace whence::trees::testing

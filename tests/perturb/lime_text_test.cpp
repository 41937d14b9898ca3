// LIME for texts against the lime package: tests/text/golden/lime_weights.json, made by make_lime_text_golden.py.

#include "whence/perturb/lime_players.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "perturb/fake_models.h"
#include "whence/core/error.h"
#include "whence/perturb/masked_samples.h"
#include "whence/perturb/occlusion.h"
#include "whence/text/word_masker.h"

namespace whence {
namespace {

using text::WordMasker;

// The formula of make_lime_text_golden.py.
class Formula : public Model {
  public:
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return batch; }
    [[nodiscard]] Batch predict(const Batch& rows, const Run&) const override {
        const auto texts = rows.at("text").as<std::string>();
        Tensor out(ElementType::float64, {rows.rows(), 2});
        for (int64_t r = 0; r < rows.rows(); ++r) {
            const double p = score(texts[r]);
            out.as<double>()[2 * r] = 1 - p;
            out.as<double>()[2 * r + 1] = p;
        }
        return Batch({{"p", std::move(out)}});
    }
    static double score(std::string text) {
        static const std::map<std::string, double> weights = {{"a", 0.1},     {"good", 0.9},  {"film", 0.2}, {"actors", 0.4},
                                                              {"bad", -1.1}, {"dull", -0.7}, {"plot", 0.05}};
        std::ranges::replace(text, ',', ' ');
        std::istringstream in(text);
        std::set<std::string> words;
        for (std::string word; in >> word;) words.insert(word);
        double sum = words.contains("not") && words.contains("bad") ? 0.8 : 0;
        for (const auto& [word, weight] : weights) sum += words.contains(word) ? weight : 0;
        return 1 / (1 + std::exp(-sum));
    }
    int64_t batch = 64;

  private:
    std::vector<TensorInfo> inputs_ = {{.name = "text", .type = ElementType::string, .shape = {-1}}};
    std::vector<TensorInfo> outputs_ = {{.name = "p", .type = ElementType::float64, .shape = {-1, 2}, .scale = Scale::probability}};
};

const std::string sentence = "a good film with good actors, not a bad plot and not dull";

Batch input() {
    return Batch(Tensor::of<std::string>({1}, std::vector<std::string>{sentence}));
}

Target positive() {
    Target target;
    target.index = 1;
    return target;
}

// Weights of both schemes within 4 standard errors of the package's mean.
TEST(LimeTextGolden, WeightsAreThePackagesWithinStandardErrors) {
    std::ifstream file(WHENCE_SOURCE_DIR "/tests/text/golden/lime_weights.json");
    const nlohmann::json golden = nlohmann::json::parse(file);
    ASSERT_EQ(golden["text"], sentence);
    const Formula model;
    for (const nlohmann::json& one : golden["cases"])
        for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
            SCOPED_TRACE(one["name"].get<std::string>() + " " + std::string(name(scheme)));
            const bool bow = one["bow"];
            const WordMasker masker(text::split_words(sentence, {.bow = bow}), bow ? std::nullopt : std::optional<std::string>("UNKWORDZ"));
            const LimePlayersOptions options{.num_samples = 20000, .kernel_width = one["kernel_width"], .ridge = 1,
                                          .feature_selection = FeatureSelection::none, .scheme = scheme};
            const Explanation e = LimePlayers(model, masker, "left out", options).explain(input(), positive(), {});
            const auto values = e.attribution.values.as<double>();
            const auto weights = one["weights"].get<std::vector<double>>(), spread = one["spread"].get<std::vector<double>>();
            ASSERT_EQ(weights.size(), values.size() + 1);
            const double runs = one["runs"];
            double largest = 0;
            for (const double w : weights) largest = std::max(largest, std::abs(w));
            for (size_t i = 0; i < values.size(); ++i) {
                // The ridge term weighs less against 20000 samples than against the package's 2000.
                const double ridge = 0.01 * largest;
                const double error = std::hypot(spread[i] / std::sqrt(runs), e.attribution.standard_errors[i]);
                EXPECT_NEAR(values[i], weights[i], 4 * error + ridge) << masker.names()[i];
                EXPECT_LT(4 * error, 0.3 * largest) << "the comparison can fail";
            }
        }
}

TEST(LimePlayers, ItsKernelIsTheImageKernelOfAHundredth) {
    const perturb::Kernel kernel{Distance::cosine, 0.25}, narrow{Distance::cosine, 1e-9};
    const auto kept = perturb::kept_distribution(10, kernel, perturb::Removal::number);
    EXPECT_NEAR(std::accumulate(kept.begin(), kept.end(), 0.0), 1, 1e-12);
    EXPECT_EQ(kept[10], 0);
    EXPECT_NEAR(kept[9] / kept[4], kernel.weight(9, 10) / kernel.weight(4, 10), 1e-12);
    EXPECT_EQ(perturb::kept_distribution(5, narrow, perturb::Removal::number)[4], 1)
        << "a kernel of no width leaves the nearest";
    EXPECT_GT(perturb::kept_distribution(1, kernel, perturb::Removal::number)[1], 0);
}

TEST(LimePlayers, CompatibleRemovesOneToAllWordsUniformly) {
    const WordMasker masker(text::split_words("a b c d e"));
    const perturb::Kernel kernel{Distance::cosine, 0.25};
    const perturb::CompatibleMaskedSamples samples(masker, kernel, perturb::Removal::number, 3);
    perturb::Design design = samples.blank(5001);
    Batch rows(Tensor(ElementType::string, {5001}));
    samples.draw(0, design, rows, {});
    std::vector<int> removed(6), of_word(5);
    for (int64_t r = 0; r < 5001; ++r) {
        int off = 0;
        for (int64_t j = 0; j < 5; ++j) {
            off += design.bits[r * 5 + j] == 0;
            of_word[j] += design.bits[r * 5 + j] == 0;
        }
        ++removed[off];
        if (r == 0) {
            EXPECT_EQ(off, 0);
        }
        EXPECT_EQ(design.weights[r], kernel.weight(5 - off, 5));
    }
    EXPECT_EQ(removed[0], 1);
    for (int k = 1; k <= 5; ++k) EXPECT_NEAR(removed[k], 1000, 4 * std::sqrt(800.0));
    for (const int n : of_word) EXPECT_NEAR(n, 3000, 4 * std::sqrt(1200.0));
}

TEST(LimePlayers, SameBitsOnAnyThreadsAndInAnyBatches) {
    Formula model;
    const WordMasker masker(text::split_words(sentence));
    for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
        std::optional<Tensor> first;
        for (const int threads : {1, 2, 8})
            for (const int64_t batch : {64, 7}) {
                model.batch = batch;
                ::whence::Run run;
                run.threads = threads;
                run.seed = 5;
                const Explanation e = LimePlayers(model, masker, "", {.num_samples = 700, .scheme = scheme}).explain(input(), positive(), run);
                if (!first) first = e.attribution.values;
                EXPECT_EQ(e.attribution.values, *first);
            }
    }
}

TEST(LimePlayers, KeepsTheFeaturesAskedForAndSaysWhatItAsked) {
    const Formula model;
    const WordMasker masker(text::split_words(sentence));
    const Explanation e = LimePlayers(model, masker, "left out", {.num_samples = 1000, .num_features = 3}).explain(input(), positive(), {});
    int64_t kept = 0;
    for (const double value : e.attribution.values.as<double>()) kept += value != 0;
    EXPECT_EQ(kept, 3);
    EXPECT_EQ(e.provenance.evaluations, 1002);
    EXPECT_EQ(e.target.baseline, "left out");
    EXPECT_NEAR(*e.target.baseline_value, 0.5, 1e-12);
    EXPECT_EQ(e.attribution.names, masker.names());
}

TEST(LimePlayers, OneWordAndNone) {
    const Formula model;
    const WordMasker one(text::split_words("good")), none(text::split_words("!!"));
    const Batch good(Tensor::of<std::string>({1}, std::vector<std::string>{"good"}));
    for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
        const Explanation e = LimePlayers(model, one, "", {.num_samples = 400, .ridge = 0, .scheme = scheme}).explain(good, positive(), {});
        EXPECT_NEAR(e.attribution.values.as<double>()[0], Formula::score("good") - 0.5, 1e-9);
    }
    EXPECT_THROW(LimePlayers(model, none, ""), Error);
    EXPECT_THROW(LimePlayers(model, one, "", {.kernel_width = 0}), Error);
}

TEST(OccludePlayers, LeavesOneWordOut) {
    const Formula model;
    const WordMasker masker(text::split_words(sentence));
    const Explanation e = occlude_players(model, masker, "left out", input(), positive(), {});
    const double whole = Formula::score(sentence);
    for (size_t i = 0; i < masker.names().size(); ++i) {
        std::vector<uint8_t> present(masker.names().size(), 1);
        present[i] = 0;
        EXPECT_NEAR(e.attribution.values.as<double>()[i], whole - Formula::score(masker.masked(present)), 1e-12);
    }
    EXPECT_EQ(e.provenance.evaluations, masker.players() + 2);
}

bool says(const Explanation& e, const std::string& part) {
    return std::ranges::any_of(e.diagnostics.notes, [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

// The samples that were answered are the whole explanation, as if no more had been wanted.
TEST(LimePlayers, WhatWasAnsweredBeforeAFailureIsKept) {
    const std::string text = "a good film with good actors, not a bad or dull plot";
    const WordMasker masker(text::split_words(text));
    const Batch input({{"text", Tensor::of<std::string>({1}, std::vector<std::string>{text})}});
    const Target target{.index = 1};
    const Formula model;
    for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
        const ::whence::Run run{.seed = 4};
        // Two rows for both ends, then batches of 64.
        const testing::LeavingModel leaving(model, 2 + 5 * 64 + 20);
        const Explanation early = LimePlayers(leaving, masker, "left out", {.scheme = scheme}).explain(input, target, run);
        const Explanation small = LimePlayers(model, masker, "left out", {.num_samples = 5 * 64, .scheme = scheme}).explain(input, target, run);
        EXPECT_EQ(early.attribution.values, small.attribution.values);
        EXPECT_EQ(early.attribution.standard_errors, small.attribution.standard_errors);
        EXPECT_EQ(early.diagnostics.converged, false);
        EXPECT_NE(small.diagnostics.converged, false);
        EXPECT_TRUE(says(early, "stopped early, after 320 samples: the endpoint is gone"));
    }
    const testing::LeavingModel gone(model, 2);
    EXPECT_THROW((void)LimePlayers(gone, masker, "left out").explain(input, target, {}), OutOfReach);
}

TEST(LimePlayers, EarlyEstimatesAreTold) {
    const std::string text = "a good film with good actors, not a bad or dull plot";
    const WordMasker masker(text::split_words(text));
    const Batch input({{"text", Tensor::of<std::string>({1}, std::vector<std::string>{text})}});
    const Formula model;
    std::vector<EarlyEstimate> told;
    const ::whence::Run watched{.seed = 4, .early = [&](const EarlyEstimate& early) { told.push_back(early); }};
    const LimePlayers method(model, masker, "left out");
    const Explanation e = method.explain(input, Target{.index = 1}, watched);
    EXPECT_EQ(e.attribution.values, method.explain(input, Target{.index = 1}, {.seed = 4}).attribution.values) << "watching changes nothing";
    ASSERT_EQ(told.size(), 7);  // 64, 128, ..., 4096 samples
    for (const EarlyEstimate& early : told) {
        EXPECT_EQ(early.name, masker.names()[early.feature]);
        EXPECT_GT(early.standard_error, 0);
    }
    EXPECT_NEAR(told.back().value, e.attribution.values.to_doubles()[told.back().feature], 5 * told.back().standard_error);
    EXPECT_LT(told.back().standard_error, told.front().standard_error);
}

}  // namespace
}  // namespace whence

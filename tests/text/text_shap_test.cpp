// Words as players: Shapley and Owen values against shap (golden/shap_text.json, made by make_shap_text_golden.py), anchors and
// removals against all coalitions.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "whence/anchors/anchors.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/counterfactual/sedc.h"
#include "whence/shapley/shap.h"
#include "whence/text/word_masker.h"

namespace whence::text {
namespace {

using Score = std::function<double(const std::string&)>;

// One number of each text.
class Formula final : public Model {
  public:
    Formula(Score score, Scale scale) : score_(std::move(score)) { outputs_[0].scale = scale; }
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 64; }
    [[nodiscard]] Batch predict(const Batch& rows, const ::whence::Run&) const override {
        Tensor out(ElementType::float64, {rows.rows(), 1});
        const auto texts = rows.at("text").as<std::string>();
        for (int64_t r = 0; r < rows.rows(); ++r) out.as<double>()[r] = score_(texts[r]);
        return Batch({{"y", std::move(out)}});
    }

  private:
    Score score_;
    std::vector<TensorInfo> inputs_ = {{.name = "text", .type = ElementType::string, .shape = {-1}}};
    std::vector<TensorInfo> outputs_ = {{.name = "y", .type = ElementType::float64, .shape = {-1, 1}}};
};

Batch input_of(const std::string& text) {
    return Batch({{"text", Tensor::of<std::string>({1}, std::vector<std::string>{text})}});
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

// The formula of make_shap_text_golden.py.
double golden_score(const std::string& text) {
    static const std::map<std::string, double> weights = {{"good", 1.0}, {"bad", -2.0}, {"film", 0.25}};
    const std::vector<std::string> words = words_of(text);
    double score = 0.01 * static_cast<double>(words.size());
    for (size_t i = 0; i < words.size(); ++i) {
        const double sign = i > 0 && words[i - 1] == "not" ? -1.5 : 1;
        score += weights.contains(words[i]) ? sign * weights.at(words[i]) : 0;
        score += words[i] == "UNKWORDZ" ? 0.125 * static_cast<double>(i % 3) : 0;
    }
    return std::tanh(0.5 * score);
}

Explanation shap_of(const nlohmann::json& one, const ShapMethod& method) {
    const Formula model(golden_score, Scale::raw);
    const WordMasker masker(split_words(one["text"], {.bow = false}), "UNKWORDZ");
    return shap_of_players(model, masker, "UNKWORDZ", method, Link::identity, input_of(one["text"]), Target{},
                           {.seed = 3});
}

TEST(ShapOfWords, ExactAndOwenValuesAreThePackages) {
    std::ifstream file(WHENCE_SOURCE_DIR "/tests/text/golden/shap_text.json");
    const nlohmann::json cases = nlohmann::json::parse(file);
    ASSERT_EQ(cases.size(), 4);
    const auto near = [](const Explanation& e, const nlohmann::json& theirs) {
        const std::vector<double> ours = e.attribution.values.to_doubles();
        ASSERT_EQ(ours.size(), theirs.size());
        for (size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], theirs[i].get<double>(), 1e-9) << i;
    };
    for (const nlohmann::json& one : cases) {
        SCOPED_TRACE(one["text"].get<std::string>());
        if (one.contains("exact")) {
            const Explanation e = shap_of(one, ExactShap{});
            near(e, one["exact"]);
            EXPECT_DOUBLE_EQ(e.target.value, one["f"].get<double>());
            EXPECT_EQ(e.attribution.names, words_of(one["text"]));
            EXPECT_EQ(e.target.baseline, "UNKWORDZ");
            near(shap_of(one, KernelShap{}), one["exact"]);  // all coalitions fit the budget
        }
        if (!one.contains("partition")) continue;
        Hierarchy tree;
        for (const auto& merge : one["merges"]) tree.merges.push_back({merge[0].get<int32_t>(), merge[1].get<int32_t>()});
        near(shap_of(one, PartitionShap{.hierarchy = tree, .budget = {.coalitions = 100000}}), one["partition"]);
    }
    // The control: another hierarchy is another question.
    const Explanation other = shap_of(cases[0], PartitionShap{.budget = {.coalitions = 100000}});
    double apart = 0;
    for (size_t i = 0; i < cases[0]["partition"].size(); ++i)
        apart = std::max(apart, std::abs(other.attribution.values.to_doubles()[i] - cases[0]["partition"][i].get<double>()));
    EXPECT_GT(apart, 1e-4);
}

TEST(ShapOfWords, EveryMethodGivesTheSameBitsOnAnyNumberOfThreads) {
    const std::string text = "a very good very long and not so bad story of a film about many other good old films and bad plots";
    const Formula model(golden_score, Scale::raw);
    const WordMasker masker(split_words(text));
    const auto values = [&](const ShapMethod& method, int threads) {
        return shap_of_players(model, masker, "left out", method, Link::identity, input_of(text), Target{},
                               {.seed = 5, .threads = threads})
            .attribution.values.to_doubles();
    };
    for (const ShapMethod& method : {ShapMethod(KernelShap{}), ShapMethod(PermutationShap{}), ShapMethod(SamplingShap{}),
                                     ShapMethod(PartitionShap{}), ShapMethod(ShapInteractions{}), ShapMethod(Banzhaf{})}) {
        SCOPED_TRACE(std::string(name(method)));
        const std::vector<double> one = values(method, 1);
        EXPECT_EQ(values(method, 2), one);
        EXPECT_EQ(values(method, 8), one);
        if (std::holds_alternative<Banzhaf>(method)) continue;
        EXPECT_NEAR(std::accumulate(one.begin(), one.end(), 0.0), golden_score(text) - golden_score(""), 1e-9);
    }
}

TEST(ShapOfWords, PairsOfWordsThatActTogether) {
    const Formula model([](const std::string& text) { return text.find("not bad") == std::string::npos ? 0.0 : 1.0; }, Scale::raw);
    const WordMasker masker(split_words("it is not bad"));
    const Explanation e = shap_of_players(model, masker, "left out", ShapInteractions{}, Link::identity, input_of("it is not bad"), Target{}, {});
    const std::vector<double> pairs = e.interactions->values.to_doubles();
    EXPECT_NEAR(pairs[2 * 4 + 3], 0.5, 1e-12);
    EXPECT_NEAR(pairs[0 * 4 + 3], 0, 1e-12);
}

// All texts of which the words of the rule stand: its exact precision.
double exact_precision(const Score& score, const WordMasker& masker, const Rule& rule) {
    const int64_t n = masker.players();
    int64_t good = 0, all = 0;
    const bool own = score(masker.words().text) > 0.5;
    for (int64_t code = 0; code < int64_t{1} << n; ++code) {
        std::vector<uint8_t> present(n);
        for (int64_t j = 0; j < n; ++j) present[j] = code >> j & 1;
        if (!std::ranges::all_of(rule.conditions, [&](const Rule::Condition& c) { return present[c.feature] == 1; })) continue;
        ++all;
        good += (score(masker.masked(present)) > 0.5) == own;
    }
    return static_cast<double>(good) / static_cast<double>(all);
}

TEST(AnchorsOfWords, PrecisionIsTheExactOne) {
    // Three words of which two suffice.
    const Score score = [](const std::string& text) {
        double sum = 0;
        for (const std::string& word : words_of(text)) sum += word == "great" || word == "fine" ? 0.3 : word == "dull" ? -0.2 : 0;
        return sum > 0.25 ? 0.9 : 0.1;
    };
    const std::string text = "a great film with a dull plot but a fine and great end";
    const Formula model(score, Scale::probability);
    const WordMasker masker(split_words(text, {.bow = false}), "UNK");
    const AnchorOptions options{.confirm_samples = 20000, .confidence = 0.9999};
    const auto explained = [&](int threads) {
        return anchor_players(model, masker, "UNK", options, input_of(text), Target{}, {.seed = 2, .threads = threads});
    };
    const Explanation e = explained(1);
    const double exact = exact_precision(score, masker, *e.rule);
    EXPECT_GE(e.rule->precision, 0.9);
    EXPECT_LE(e.rule->precision_low, exact);
    EXPECT_GE(e.rule->precision_high, exact);
    EXPECT_DOUBLE_EQ(e.rule->coverage, std::ldexp(1.0, -static_cast<int>(e.rule->conditions.size())));
    EXPECT_LT(exact_precision(score, masker, Rule{}), 0.9) << "the control: without a rule it does not hold";
    for (const Rule::Condition& c : e.rule->conditions) {
        EXPECT_EQ(e.attribution.values.to_doubles()[c.feature], 1);
        const bool twice = masker.names()[c.feature] == "great";
        EXPECT_EQ(c.text.find(" #") != std::string::npos, twice) << c.text;
    }
    EXPECT_EQ(to_json(explained(8)).substr(0, 200), to_json(e).substr(0, 200));
    EXPECT_EQ(explained(2).rule->precision, e.rule->precision);
}

TEST(SedcOfWords, FindsTheSmallestSetOfWords) {
    const Score score = [](const std::string& text) {
        double sum = -0.5;
        for (const std::string& word : words_of(text)) sum += word == "great" ? 1.0 : word == "fine" ? 0.7 : word == "nice" ? 0.6 : 0;
        return 1 / (1 + std::exp(-4 * sum));
    };
    const std::string text = "a fine film with a nice plot and one great great actor";
    const Formula model(score, Scale::probability);
    const WordMasker masker(split_words(text));
    const Explanation e = Sedc(model, masker).explain(input_of(text), Target{}, {});
    size_t smallest = 99;
    for (uint32_t code = 0; code < 1U << masker.players(); ++code) {
        std::vector<uint8_t> present(masker.players());
        for (size_t j = 0; j < present.size(); ++j) present[j] = code >> j & 1;
        if (score(masker.masked(present)) < 0.5)
            smallest = std::min<size_t>(smallest, masker.players() - std::popcount(code));
    }
    ASSERT_TRUE(e.counterfactuals);
    const Counterfactual& found = e.counterfactuals->found[0];
    EXPECT_TRUE(found.valid);
    EXPECT_EQ(found.changes.size(), smallest);
    EXPECT_EQ(found.values.as<std::string>()[0].find("great"), std::string::npos);
    EXPECT_DOUBLE_EQ(found.prediction, score(found.values.as<std::string>()[0]));
    const Explanation read = explanation_from_json(to_json(e));
    EXPECT_EQ(read.counterfactuals->found[0].values, found.values);
    std::string broken = to_json(e);
    broken.replace(broken.find("\"string\""), 8, "\"float32\"");
    EXPECT_THROW((void)explanation_from_json(broken), Error);
}

TEST(PlayersOfAText, NoneIsAnError) {
    const Formula model(golden_score, Scale::probability);
    const WordMasker masker(split_words("?!"));
    EXPECT_THROW((void)anchor_players(model, masker, "", {}, input_of("?!"), Target{}, {}), Error);
}

}  // namespace
}  // namespace whence::text

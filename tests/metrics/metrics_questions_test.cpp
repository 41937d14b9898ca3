// The evaluator: what is shared, in which batches, with which maskers.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metrics/support.h"
#include "whence/core/rng.h"
#include "whence/metrics/axioms.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/subsets.h"
#include "whence/text/word_masker.h"

namespace whence::metrics {
namespace {

using namespace test;

struct All {
    Deletion deletion{{.step = 1}};
    Insertion insertion{{.step = 1}};
    PixelFlipping flipping;
    RegionPerturbation regions;
    Monotonicity monotonicity;
    Sufficiency sufficiency;
    Comprehensiveness comprehensiveness;
    Irof irof;
    Completeness completeness;
    NonSensitivity non_sensitivity;
    SensitivityN sensitivity_n{{.samples = 10}};
    FaithfulnessCorrelation correlation{{.samples = 10}};
    Infidelity infidelity{{.samples = 10}};
    std::vector<const Metric*> list{
        &deletion,      &insertion,         &flipping,  &regions,      &monotonicity,
        &sufficiency,   &comprehensiveness, &irof,      &completeness, &non_sensitivity,
        &sensitivity_n, &correlation,       &infidelity};
};

TEST(Questions, EqualOnesAreAskedOnce) {
    const Example e = worked_example();
    const All all;
    // Deletion has 4 answers, insertion 2 more; the next three have them all.
    const Scores scores = evaluate(e.model, e.explained(), std::span(all.list).first(5), plain_run);
    EXPECT_EQ(scores.different, 6);
    EXPECT_GT(scores.questions, 6 + 9);
    EXPECT_EQ(scores.evaluations, 6);
    EXPECT_EQ(e.model.asked, 6);
}

// Explanations of one input are of one game: they share what they ask, and what is drawn for them.
TEST(Questions, OneGameIsAskedOnce) {
    const Example e = entangled_example(2, 8);
    const SensitivityN metric({.samples = 10});
    const Metric* const list[] = {&metric};
    std::vector<Explained> alone = e.explained();
    alone.resize(1);
    alone[0].game = 7;
    const Scores first = evaluate(e.model, alone, list, plain_run);
    std::vector<Explained> twice = {alone[0], alone[0]};
    std::ranges::reverse(twice[1].values);
    const Scores both = evaluate(e.model, twice, list, plain_run);
    EXPECT_EQ(both.different, first.different);
    EXPECT_EQ(both.of[0][0].curve, first.of[0][0].curve);
    EXPECT_NE(both.of[0][1].value, both.of[0][0].value);
    // Of different games nothing is shared, and other subsets are drawn.
    twice[1].game = 8;
    const Scores apart = evaluate(e.model, twice, list, plain_run);
    EXPECT_EQ(apart.different, 2 * first.different);
    EXPECT_NE(apart.of[0][1].value, both.of[0][1].value);
}

TEST(Questions, TogetherAsAlone) {
    const Example e = entangled_example(3, 8);
    const All all;
    const Scores together = evaluate(e.model, e.explained(), all.list, plain_run);
    for (size_t m = 0; m < all.list.size(); ++m) {
        const Scores alone = evaluate(e.model, e.explained(), {&all.list[m], 1}, plain_run);
        for (size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(together.of[m][i].value, alone.of[0][i].value) << all.list[m]->name();
            EXPECT_EQ(together.of[m][i].curve, alone.of[0][i].curve) << all.list[m]->name();
        }
    }
}

// Batches hold rows of several explanations, and end within one, and within its fillings.
TEST(Questions, TheSizeOfBatchesAndTheThreadsDoNotMatter) {
    Tensor background(ElementType::float64, {3, 8});
    for (int64_t i = 0; i < background.size(); ++i) background.as<double>()[i] = std::sin(9.0 * i);
    const All all;
    std::vector<double> first;
    for (const int64_t batch : {64, 1, 5, 7, 4096})
        for (const int threads : {1, 2, 8}) {
            const Example e = entangled_example(4, 8, batch, background);
            whence::Run run;
            run.threads = threads;
            const Scores scores = evaluate(e.model, e.explained(), all.list, run);
            std::vector<double> values;
            for (const auto& of_metric : scores.of)
                for (const Score& score : of_metric) values.push_back(score.value);
            if (first.empty()) first = values;
            EXPECT_EQ(values, first) << batch << " rows, " << threads << " threads";
        }
}

TEST(Questions, BatchesAreFull) {
    const Example e = entangled_example(5, 8, 10);
    int64_t calls = 0, rows = 0;
    whence::Run run;
    run.progress = [&](std::string_view, int64_t done, int64_t) {
        ++calls;
        rows = done;
    };
    const All all;
    const Scores scores = evaluate(e.model, e.explained(), all.list, run);
    EXPECT_EQ(rows, scores.evaluations);
    EXPECT_EQ(calls, (scores.evaluations + 9) / 10);
}

TEST(Questions, FillingsCountByTheirWeights) {
    const Tensor x = Tensor::of<double>({1, 2}, std::vector<double>{1, 1});
    const LabelMasker masker("x", x, Tensor::of<double>({2, 2}, std::vector<double>{0, 0, 10, 20}),
                             column_labels(2), {}, {3, 1});
    const FormulaModel model({-1, 2}, ElementType::float64,
                             [](std::span<const double> row) { return row[0] + row[1]; });
    const Batch input({{"x", x}});
    Questions questions(model, {{&input, {.output = "y"}, &masker, {2, 1}}});
    const Ticket none = questions.none(0), whole = questions.whole(0);
    const Ticket second = questions.without(questions.ranked(0), 1, 2);
    questions.ask(plain_run);
    EXPECT_EQ(questions.answer(none), 0.25 * 30);
    EXPECT_EQ(questions.answer(whole), 2);
    EXPECT_EQ(questions.answer(second), 1 + 0.25 * 20);
    EXPECT_EQ(questions.evaluations(), 5);  // the whole input has one way to be whole
    // Later questions are asked later, and known ones not again.
    const Ticket first = questions.without(questions.ranked(0), 0, 1), again = questions.none(0);
    questions.ask(plain_run);
    EXPECT_EQ(questions.answer(first), 1 + 0.25 * 10);
    EXPECT_EQ(questions.answer(again), 7.5);
    EXPECT_EQ(questions.evaluations(), 7);
}

// Each explanation has its own class, in one batch.
TEST(Questions, TargetsMayDiffer) {
    const Example e = entangled_example(2, 3);
    class TwoClasses final : public Model {
      public:
        explicit TwoClasses(const Model& inner) : inner_(inner) {}
        [[nodiscard]] const std::vector<TensorInfo>& inputs() const override {
            return inner_.inputs();
        }
        [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
            return inner_.outputs();
        }
        [[nodiscard]] int concurrency() const override { return 1; }
        [[nodiscard]] int64_t preferred_batch() const override { return 64; }
        [[nodiscard]] Batch predict(const Batch& in, const whence::Run& run) const override {
            const std::vector<double> f = inner_.predict(in, run).at("y").to_doubles();
            Tensor scores(ElementType::float64, {std::ssize(f), 2});
            for (size_t i = 0; i < f.size(); ++i) {
                scores.as<double>()[2 * i] = f[i];
                scores.as<double>()[2 * i + 1] = -2 * f[i];
            }
            return Batch({{"y", scores}});
        }

      private:
        const Model& inner_;
    };
    const TwoClasses model(e.model);
    std::vector<Explained> explained = e.explained();
    for (size_t i = 0; i < 2; ++i) {
        explained[i].target.classes = 2;
        explained[i].target.index = static_cast<int64_t>(i);
    }
    const Deletion deletion({.step = 1});
    const Metric* one = &deletion;
    const Scores scores = evaluate(model, explained, {&one, 1}, plain_run);
    const Scores plain = evaluate(e.model, e.explained(), {&one, 1}, plain_run);
    EXPECT_EQ(scores.of[0][0].value, plain.of[0][0].value);
    EXPECT_EQ(scores.of[0][1].value, -2 * plain.of[0][1].value);
}

// A model of texts: how many of its letters are 'o'. Texts of different explanations share batches.
class CountsO final : public Model {
  public:
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 4; }
    [[nodiscard]] Batch predict(const Batch& in, const Run&) const override {
        const auto texts = in.at("text").as<std::string>();
        Tensor scores(ElementType::float64, {std::ssize(texts), 1});
        for (size_t i = 0; i < texts.size(); ++i)
            scores.as<double>()[i] = static_cast<double>(std::ranges::count(texts[i], 'o'));
        return Batch({{"y", scores}});
    }

  private:
    std::vector<TensorInfo> inputs_{{.name = "text", .type = ElementType::string, .shape = {-1}}};
    std::vector<TensorInfo> outputs_{{.name = "y", .type = ElementType::float64, .shape = {-1, 1}}};
};

TEST(Questions, Words) {
    const CountsO model;
    std::vector<Batch> inputs;
    std::vector<std::unique_ptr<text::WordMasker>> maskers;
    for (const std::string line : {"foo go see", "no"}) {
        inputs.push_back(Batch({{"text", Tensor::of<std::string>({1}, std::vector{line})}}));
        maskers.push_back(std::make_unique<text::WordMasker>(text::split_words(line)));
    }
    const Deletion deletion({.step = 1});
    const Metric* one = &deletion;
    const Scores scores = evaluate(model,
                                   {{&inputs[0], {.output = "y"}, maskers[0].get(), {2, 1, 0}},
                                    {&inputs[1], {.output = "y"}, maskers[1].get(), {1}}},
                                   {&one, 1}, plain_run);
    EXPECT_EQ(scores.of[0][0].curve, (std::vector<double>{3, 1, 0, 0}));
    EXPECT_EQ(scores.of[0][1].curve, (std::vector<double>{1, 0}));
    EXPECT_EQ(scores.evaluations, 6);
}

TEST(Questions, Refusals) {
    const Example e = worked_example();
    const auto with = [&](auto change) {
        return error_of(ErrorKind::input, [&] {
            std::vector<Explained> explained = e.explained();
            change(explained[0]);
            return Questions(e.model, explained).size();
        });
    };
    testing::expect_within(with([](Explained& x) { x.values = {1, 2}; }), "2 values for 3 players");
    with([](Explained& x) { x.values[1] = NAN; });
    with([](Explained& x) { x.masker = nullptr; });
    const Batch two(Tensor(ElementType::float64, {2, 3}));
    with([&](Explained& x) { x.input = &two; });

    const Example nan({{1, 1}}, {{1, 2}},
                      [](std::span<const double> x) { return x[0] == 0 ? NAN : 1; });
    error_of(ErrorKind::model, [&] { return nan.score(Deletion()); });
    whence::Run stopped;
    std::stop_source source;
    stopped.stop = source.get_token();
    source.request_stop();
    error_of(ErrorKind::interrupted, [&] { return e.score(Deletion(), stopped); });
    const testing::LeavingModel leaving(e.model, 2);
    const Deletion deletion;
    const Metric* one = &deletion;
    EXPECT_THROW(evaluate(leaving, e.explained(), {&one, 1}, plain_run), OutOfReach);
    EXPECT_TRUE(evaluate(e.model, {}, {&one, 1}, plain_run).of[0].empty());
}

}  // namespace
}  // namespace whence::metrics

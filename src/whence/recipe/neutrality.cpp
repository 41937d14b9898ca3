#include "whence/recipe/neutrality.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/recipe/predict.h"

namespace whence::recipe {
namespace {

constexpr int64_t most_background_rows = 1000;

// What the model says of rows that stand in the input's place.
std::vector<Scores> scores_at(const Subject& subject, const Input& input, const Tensor& rows,
                              const std::string& output, const Run& run) {
    Input at = input;
    if (at.is_table())
        at.row = rows.cast(ElementType::float64);
    else
        at.batch[0].value = rows.cast(at.batch[0].value.type());
    const Batch outputs = predict(subject, at, run);
    std::vector<Scores> scores;
    for (int64_t row = 0; row < rows.rows(); ++row)
        scores.push_back(scores_of(subject, outputs.slice_rows(row, 1), output));
    return scores;
}

// Mean and standard deviation of every score over rows of the background.
struct Usual {
    std::vector<double> mean, deviation;
    int64_t rows = 0;
};

Usual usual_scores(const Subject& subject, const Input& input, const std::string& output,
                   const Run& run) {
    const auto matrix = subject.background_matrix();
    const Tensor& all = *matrix;
    Usual usual{.rows = std::min(all.rows(), most_background_rows)};
    const auto count = static_cast<double>(usual.rows);
    std::vector<double> squares;
    for (const Scores& scores :
         scores_at(subject, input, all.slice_rows(0, usual.rows), output, run)) {
        usual.mean.resize(scores.values.size());
        squares.resize(scores.values.size());
        for (size_t i = 0; i < scores.values.size(); ++i) {
            usual.mean[i] += scores.values[i] / count;
            squares[i] += scores.values[i] * scores.values[i] / count;
        }
    }
    for (size_t i = 0; i < squares.size(); ++i)
        usual.deviation.push_back(
            std::sqrt(std::max(0.0, squares[i] - usual.mean[i] * usual.mean[i])));
    return usual;
}

// Half the sum of the differences: the largest difference in the probability of any set of classes.
double total_variation(const std::vector<double>& p, const std::vector<double>& q) {
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) sum += std::abs(p[i] - q[i]);
    return sum / 2;
}

class Neutral {
  public:
    Neutral(const Subject& subject, const Input& input, const std::string& output, const Run& run)
        : subject_(subject), input_(input), output_(output), run_(run) {
        if (input.is_table() && subject.background())
            usual_ = usual_scores(subject, input, output, run);
        evaluations_ = usual_.rows;
    }
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }

    [[nodiscard]] std::optional<Neutrality> of(const Tensor& baseline) {
        const Scores scores = scores_at(subject_, input_, baseline, output_, run_).at(0);
        ++evaluations_;
        Neutrality out{.prediction = words(scores)};
        if (scores.classes) {
            const std::vector<double> equal(scores.values.size(),
                                            1.0 / static_cast<double>(scores.values.size()));
            out.distance = total_variation(scores.values, usual_.rows ? usual_.mean : equal);
        } else if (usual_.rows && scores.values.size() == 1 && usual_.deviation[0] > 0) {
            out.distance = std::abs(scores.values[0] - usual_.mean[0]) / usual_.deviation[0];
        } else {
            return std::nullopt;
        }
        if (!std::isfinite(out.distance)) return std::nullopt;
        out.compared_with = usual_.rows
                                ? fmt::format("the mean answer to {} background rows", usual_.rows)
                                : "equal probabilities";
        return out;
    }

  private:
    [[nodiscard]] std::string words(const Scores& scores) const {
        const NamedScore top = largest(subject_, scores, 1).at(0);
        return scores.classes ? fmt::format("{} {:.3g}", top.name, top.value)
                              : fmt::format("{:.4g}", scores.values.at(0));
    }

    const Subject& subject_;
    const Input& input_;
    const std::string& output_;
    const Run& run_;
    Usual usual_;
    int64_t evaluations_ = 0;
};

std::vector<std::string> candidates(const Subject& subject, const Input& input) {
    if (input.is_table())
        return subject.background() ? std::vector<std::string>{"mean", "zeros"}
                                    : std::vector<std::string>{"zeros"};
    if (!input.image()) return {"zeros"};
    std::vector<std::string> all = {"zeros", "mean", "value:0.5", "blur:10", "noise:0:1"};
    if (subject.kind() == data::InputKind::image) all.insert(all.begin() + 1, "model-zeros");
    return all;
}

}  // namespace

NeutralityFound neutrality(const Subject& subject, const Input& input, const Tensor& baseline,
                           const std::string& output, const Run& run) {
    Neutral neutral(subject, input, output, run);
    NeutralityFound found{.neutrality = neutral.of(baseline)};
    found.evaluations = neutral.evaluations();
    return found;
}

BaselineChoice choose_baseline(const Subject& subject, const Input& input,
                               const std::string& output, const Run& run) {
    Neutral neutral(subject, input, output, run);
    const Tensor& like = input.batch.empty() ? *input.row : input.batch[0].value;
    std::vector<std::pair<double, std::string>> found;
    for (const std::string& text : candidates(subject, input)) {
        const Baseline baseline = baseline_for(text, subject, input);
        if (const auto n = neutral.of(baseline_values(baseline, like, run)))
            found.emplace_back(n->distance, text);
    }
    if (found.empty())
        throw Error(ErrorKind::unsupported,
                    "baseline 'auto' needs classes, or --background rows to compare with; name a "
                    "baseline");
    std::ranges::stable_sort(found, {}, &std::pair<double, std::string>::first);
    std::string why;
    for (const auto& [distance, text] : found)
        why += fmt::format("{}{} {:.3g}", why.empty() ? "" : ", ", text, distance);
    return {found[0].second, "the most neutral baseline was chosen; distances: " + why,
            neutral.evaluations()};
}

}  // namespace whence::recipe

#include "whence/mask/masked_game.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

constexpr std::array<std::string_view, 3> link_names{"identity", "logit", "log-loss"};

// What one task puts together: its scores stay in a core's cache.
constexpr int64_t coalitions_per_task = 1024, ways_per_task = 32;
// Asked twice, to see whether the short way says the same: coalitions with this many rows, up to so
// many, two at least.
constexpr int64_t compared_rows = 512, compared_coalitions = 64;
constexpr uint64_t compared_stream = 0x6d61736b;

}  // namespace

std::string_view name(Link link) {
    return link_names[static_cast<size_t>(link)];
}

Link parse_link(std::string_view text) {
    for (size_t i = 0; i < link_names.size(); ++i)
        if (text == link_names[i]) return static_cast<Link>(i);
    throw Error(ErrorKind::usage, "there is no link '" + std::string(text) +
                                      "'; there are identity, logit, log-loss");
}

double apply_link(Link link, double value) {
    if (link == Link::identity) return value;
    const bool exists = link == Link::logit ? value > 0 && value < 1 : value > 0 && value <= 1;
    if (!exists)
        throw Error(ErrorKind::input,
                    "the link " + std::string(name(link)) + " does not exist at " +
                        std::to_string(value) +
                        ": it needs probabilities strictly between 0 and 1; explain the model's "
                        "raw scores, or use the link identity");
    return link == Link::logit ? std::log(value) - std::log1p(-value) : -std::log(value);
}

MaskedGame::MaskedGame(const Model& model, ResolvedTarget target, const Masker& masker,
                       const Batch& input, Link link)
    : model_(model), target_(std::move(target)), masker_(masker), input_(input), link_(link) {}

std::vector<double> MaskedGame::values(MatrixView<const uint8_t> coalitions, const Run& run) const {
    if (scores_) return linked(put_together(coalitions, run));
    std::vector<double> answers;
    std::optional<OutOfReach> cut;
    try {
        answers = asked(coalitions, run);
    } catch (const OutOfReach& why) {
        cut = why;
        answers = why.answered();
    }
    const int64_t ways = masker_.fillings(), count = std::ssize(answers) / ways;
    std::vector<double> sums(count);
    for (int64_t c = 0; c < count; ++c)
        for (int64_t way = 0; way < ways; ++way) sums[c] += answers[c * ways + way] * weight(way);
    std::vector<double> values = linked(std::move(sums));
    if (cut) throw OutOfReach(*cut, std::move(values));
    return values;
}

double MaskedGame::weight(int64_t way) const {
    return masker_.weights().empty() ? 1 : masker_.weights()[way];
}

std::vector<double> MaskedGame::linked(std::vector<double> sums) const {
    const double all = masker_.weights().empty() ? static_cast<double>(masker_.fillings()) : 1;
    for (double& value : sums) value = apply_link(link_, value / all);
    return sums;
}

std::vector<double> MaskedGame::asked(MatrixView<const uint8_t> coalitions, const Run& run) const {
    // The caller knows how many coalitions there are to come; progress is its affair.
    Run quiet = run;
    quiet.progress = nullptr;
    Evaluator evaluator(model_, target_, quiet);
    return evaluator.scores(
        input_, coalitions.rows * masker_.fillings(),
        [&](int64_t first, Batch& rows) { masker_.apply(coalitions, first, rows, run); }, "");
}

// [fillings][coalitions]
std::vector<double> MaskedGame::said(MatrixView<const uint8_t> coalitions, int64_t first,
                                     int64_t fillings) const {
    const int64_t classes = scores_->classes(), rows = fillings * coalitions.rows;
    Tensor scores(ElementType::float32, {rows, classes});
    scores_->scores(coalitions, first, fillings, scores.as<float>());
    if (target_.scale != target_.output_scale && target_.scale != Scale::raw)
        return target_values(target_, Batch({{target_.output, std::move(scores)}}));
    const float* score = scores.as<float>().data() + target_.index;
    std::vector<double> out(rows);
    if (target_.minus) {
        const int64_t other = *target_.minus - target_.index;
        for (int64_t r = 0; r < rows; ++r)
            out[r] = double{score[r * classes]} - double{score[r * classes + other]};
    } else {
        for (int64_t r = 0; r < rows; ++r) out[r] = double{score[r * classes]};
    }
    return out;
}

// Weighted sums over the fillings: first over those of one task, then over the tasks.
std::vector<double> MaskedGame::put_together(MatrixView<const uint8_t> coalitions,
                                             const Run& run) const {
    const int64_t ways = masker_.fillings(), count = coalitions.rows;
    const int64_t blocks = (count + coalitions_per_task - 1) / coalitions_per_task;
    const int64_t groups = (ways + ways_per_task - 1) / ways_per_task;
    std::vector<double> parts(groups * count);
    parallel_for(run, blocks * groups, 1, [&](int64_t task, int64_t) {
        const int64_t begin = task / groups * coalitions_per_task, group = task % groups;
        const int64_t rows = std::min(coalitions_per_task, count - begin);
        const int64_t first = group * ways_per_task,
                      fillings = std::min(ways_per_task, ways - first);
        const std::vector<double> answers =
            said({coalitions.data + begin * coalitions.columns, rows, coalitions.columns}, first,
                 fillings);
        double* sums = parts.data() + group * count + begin;
        for (int64_t way = 0; way < fillings; ++way) {
            const double share = weight(first + way), *answer = answers.data() + way * rows;
            for (int64_t r = 0; r < rows; ++r) sums[r] += answer[r] * share;
        }
    });
    for (int64_t group = 1; group < groups; ++group)
        for (int64_t c = 0; c < count; ++c) parts[c] += parts[group * count + c];
    parts.resize(count);
    return parts;
}

bool MaskedGame::use(const MaskedScores& scores, const Run& run) {
    if (scores.classes() != target_.classes) return false;
    const int64_t ways = masker_.fillings(), players = masker_.players();
    const int64_t coalitions = std::clamp<int64_t>(compared_rows / ways, 2, compared_coalitions);
    // Nobody, everybody, and some of each size between.
    std::vector<uint8_t> present(coalitions * players);
    Rng rng(run.seed, compared_stream, 0);
    for (int64_t c = 0; c < coalitions; ++c)
        for (int64_t j = 0; j < players; ++j)
            present[c * players + j] =
                c == 0 ? 0
                       : c == 1 || rng.uniform() * static_cast<double>(coalitions) <
                                       static_cast<double>(c);
    const MatrixView<const uint8_t> some{present.data(), coalitions, players};
    const std::vector<double> slow = asked(some, run);
    compared_ += coalitions * ways;
    scores_ = &scores;
    const std::vector<double> fast = said(some, 0, ways);
    double largest = 0;
    for (const double a : slow) largest = std::max(largest, std::abs(a));
    for (int64_t c = 0; c < coalitions; ++c)
        for (int64_t way = 0; way < ways; ++way) {
            const double apart = std::abs(slow[c * ways + way] - fast[way * coalitions + c]);
            if (!(apart <= agreement * largest)) {  // neither does NaN agree
                scores_ = nullptr;
                return false;
            }
        }
    return true;
}

}  // namespace whence

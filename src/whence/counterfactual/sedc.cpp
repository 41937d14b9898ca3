#include "whence/counterfactual/sedc.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence {
namespace {

using Removed = std::vector<int32_t>;  // players, sorted

// Asks about sets of removed players.
class Removals {
  public:
    Removals(const Model& model, const Masker& masker, const Batch& input, const Target& target,
             const SedcOptions& options, const Run& run)
        : model_(model), masker_(masker), input_(input), run_(run), budget_(options.budget) {
        if (input.rows() != 1) throw Error(ErrorKind::input, "one row is explained at a time");
        const ResolvedTarget resolved = resolve(target, model, input, Scale::probability, run);
        const Batch outputs = model.predict(input, run);
        evaluations_ = target.index ? 1 : 2;
        judge_.emplace(resolved, options.wanted, outputs);
        value_ = target_values(resolved, outputs)[0];
    }

    struct Answer {
        Verdict verdict;
        double value = 0;  // the target's, a mean over fillings
    };
    [[nodiscard]] std::vector<Answer> ask(const std::vector<Removed>& sets) {
        std::vector<uint8_t> present(sets.size() * static_cast<size_t>(masker_.players()), 1);
        for (size_t i = 0; i < sets.size(); ++i)
            for (const int32_t player : sets[i])
                present[i * static_cast<size_t>(masker_.players()) + static_cast<size_t>(player)] =
                    0;
        const MatrixView<const uint8_t> view{present.data(), static_cast<int64_t>(sets.size()),
                                             masker_.players()};
        const int64_t ways = masker_.fillings(), rows = view.rows * ways;
        const auto classes = static_cast<size_t>(judge_->target().classes);
        std::vector<double> sums(sets.size() * classes);
        std::vector<Answer> answers(sets.size());
        const int64_t per_batch = std::max<int64_t>(1, model_.preferred_batch());
        for (int64_t first = 0; first < rows; first += per_batch) {
            run_.check();
            Batch batch = input_.repeat_row(std::min(per_batch, rows - first));
            masker_.apply(view, first, batch, run_);
            const Batch outputs = model_.predict(batch, run_);
            evaluations_ += batch.rows();
            const std::vector<double> scores = outputs.at(judge_->target().output).to_doubles();
            const std::vector<double> values = target_values(judge_->target(), outputs);
            for (int64_t row = 0; row < batch.rows(); ++row) {
                const auto set = static_cast<size_t>((first + row) / ways);
                const double weight =
                    masker_.weights().empty()
                        ? 1 / static_cast<double>(ways)
                        : masker_.weights()[static_cast<size_t>((first + row) % ways)];
                for (size_t c = 0; c < classes; ++c)
                    sums[set * classes + c] +=
                        weight * scores[static_cast<size_t>(row) * classes + c];
                answers[set].value += weight * values[static_cast<size_t>(row)];
            }
        }
        for (size_t i = 0; i < sets.size(); ++i)
            answers[i].verdict = judge_->judge(std::span(sums).subspan(i * classes, classes));
        run_.report("sedc", evaluations_, budget_);
        return answers;
    }

    [[nodiscard]] bool affords(int64_t sets) const {
        return sets <= (budget_ - evaluations_) / masker_.fillings();
    }
    [[nodiscard]] const Judge& judge() const { return *judge_; }
    [[nodiscard]] double value() const { return value_; }
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }
    [[nodiscard]] int64_t players() const { return masker_.players(); }

  private:
    const Model& model_;
    const Masker& masker_;
    const Batch& input_;
    const Run& run_;
    std::optional<Judge> judge_;
    double value_ = 0;
    int64_t budget_ = 0, evaluations_ = 0;
};

Removed with(const Removed& set, int32_t player) {
    Removed out = set;
    out.insert(std::ranges::upper_bound(out, player), player);
    return out;
}

Removed without(const Removed& set, size_t position) {
    Removed out = set;
    out.erase(out.begin() + static_cast<int64_t>(position));
    return out;
}

struct Found {
    Removed removed;
    Removals::Answer answer;  // the model's without them
    bool valid = false;
    bool irreducible = false;
    int64_t excluded = 0;  // no set of up to this many players is enough
    bool budget_used = false;
    std::string ended;  // why the search ended before it was done; empty: it did not
};

// The set after the one whose removal comes nearest to the wanted answer; the first in a tie.
size_t best_of(const std::vector<Removals::Answer>& answers) {
    size_t best = 0;
    for (size_t i = 1; i < answers.size(); ++i)
        if (answers[i].verdict.margin > answers[best].verdict.margin) best = i;
    return best;
}

void grow(Removals& removals, Found& found) {
    Removed now;
    while (static_cast<int64_t>(now.size()) < removals.players()) {
        std::vector<Removed> next;
        for (int32_t player = 0; player < removals.players(); ++player)
            if (!std::ranges::binary_search(now, player)) next.push_back(with(now, player));
        if (!removals.affords(static_cast<int64_t>(next.size()))) {
            found.budget_used = true;
            break;
        }
        const std::vector<Removals::Answer> answers = removals.ask(next);
        const size_t taken = best_of(answers);
        now = next[taken];
        const Removals::Answer& answer = answers[taken];
        found.valid = answer.verdict.valid;
        if (found.valid || answer.verdict.margin > found.answer.verdict.margin) {
            found.removed = now;
            found.answer = answer;
        }
        if (found.valid) return;
        if (found.excluded == 0) found.excluded = 1;  // all sets of one were asked
    }
}

// Puts back what is not needed, each time the one without which the answer is firmest.
void prune(Removals& removals, Found& found) {
    while (found.removed.size() > 1) {
        std::vector<Removed> fewer;
        for (size_t i = 0; i < found.removed.size(); ++i)
            fewer.push_back(without(found.removed, i));
        if (!removals.affords(static_cast<int64_t>(fewer.size()))) {
            found.budget_used = true;
            return;
        }
        const std::vector<Removals::Answer> answers = removals.ask(fewer);
        size_t best = fewer.size();
        for (size_t i = 0; i < fewer.size(); ++i)
            if (answers[i].verdict.valid &&
                (best == fewer.size() || answers[i].verdict.margin > answers[best].verdict.margin))
                best = i;
        if (best == fewer.size()) break;
        found.removed = fewer[best];
        found.answer = answers[best];
    }
    found.irreducible = true;
}

// n over k, or more than `most`.
int64_t combinations(int64_t n, int64_t k, int64_t most) {
    double count = 1;
    for (int64_t i = 0; i < k; ++i)
        count = count * static_cast<double>(n - i) / static_cast<double>(i + 1);
    return count > static_cast<double>(most) ? most + 1 : static_cast<int64_t>(count + 0.5);
}

bool next_set(Removed& set, int32_t players) {
    for (size_t i = set.size(); i-- > 0;) {
        if (set[i] == players - static_cast<int32_t>(set.size() - i)) continue;
        ++set[i];
        for (size_t j = i + 1; j < set.size(); ++j) set[j] = set[j - 1] + 1;
        return true;
    }
    return false;
}

// All smaller sets, size by size, as far as the budget goes; a valid one takes the place of what
// was found, and is then the smallest.
void look_for_smaller(Removals& removals, Found& found) {
    constexpr int64_t most = int64_t{1} << 24;
    while (found.excluded + 1 < static_cast<int64_t>(found.removed.size())) {
        const int64_t size = found.excluded + 1;
        const int64_t count = combinations(removals.players(), size, most);
        if (count > most || !removals.affords(count)) return;
        std::vector<Removed> sets{Removed(static_cast<size_t>(size))};
        for (size_t i = 0; i < sets[0].size(); ++i) sets[0][i] = static_cast<int32_t>(i);
        for (Removed set = sets[0]; next_set(set, static_cast<int32_t>(removals.players()));)
            sets.push_back(set);
        const std::vector<Removals::Answer> answers = removals.ask(sets);
        size_t best = sets.size();
        for (size_t i = 0; i < sets.size(); ++i)
            if (answers[i].verdict.valid &&
                (best == sets.size() || answers[i].verdict.margin > answers[best].verdict.margin))
                best = i;
        if (best < sets.size()) {
            found.removed = sets[best];
            found.answer = answers[best];
            found.irreducible = true;
            return;
        }
        found.excluded = size;
    }
}

// As far as the model can be asked, if it was once.
void search(Removals& removals, Found& found) {
    try {
        grow(removals, found);
        if (found.valid) prune(removals, found);
        if (found.valid && found.irreducible) look_for_smaller(removals, found);
    } catch (const OutOfReach& why) {
        if (found.removed.empty()) throw;
        found.ended = why.what();
    }
}

std::string name_of(const Masker& masker, int32_t player, const std::string& noun) {
    return masker.names().empty() ? fmt::format("{} {}", noun, player)
                                  : masker.names()[static_cast<size_t>(player)];
}

std::vector<std::string> notes_of(const Found& found, const Removals& removals,
                                  const std::string& wanted) {
    std::vector<std::string> notes;
    const auto size = static_cast<int64_t>(found.removed.size());
    if (!found.valid)
        notes.push_back(
            fmt::format("no set of players was found whose removal leads to the wanted answer "
                        "({}); the one that comes nearest is shown",
                        wanted));
    else if (found.irreducible && size == 1)
        notes.emplace_back("no smaller set exists");
    else if (found.irreducible)
        notes.push_back(
            found.excluded + 1 >= size
                ? fmt::format("no smaller set exists: all sets of up to {} were asked", size - 1)
                : fmt::format(
                      "irreducible, each of the {} is needed; that no set is smaller is known "
                      "up to size {}",
                      size, found.excluded));
    if (found.budget_used) notes.emplace_back("the budget of evaluations was used up");
    if (!found.ended.empty())
        notes.push_back("stopped early, so that fewer may do: " + found.ended);
    notes.push_back(fmt::format("{} players", removals.players()));
    return notes;
}

}  // namespace

Sedc::Sedc(const Model& model, const Masker& masker, SedcOptions options,
           std::optional<Tensor> segments)
    : model_(model), masker_(masker), options_(std::move(options)), segments_(std::move(segments)) {
    if (options_.budget < 1) throw Error(ErrorKind::usage, "budget must be at least 1 evaluation");
}

Explanation Sedc::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    Removals removals(model_, masker_, input, target, options_, run);
    const bool already = removals.judge().original().valid;
    Found found;
    found.answer = {removals.judge().original(), removals.value()};
    found.valid = already;
    if (!already) search(removals, found);
    const Removals::Answer& last = found.answer;
    Counterfactual one{.values = Tensor(),
                       .changes = {},
                       .prediction = last.value,
                       .label = removals.judge().label(last.verdict, last.value, options_.classes),
                       .valid = last.verdict.valid,
                       .distance = static_cast<double>(found.removed.size()),
                       .to_data = std::nullopt};
    std::vector<uint8_t> present(static_cast<size_t>(masker_.players()), 1);
    Explanation explanation;
    explanation.attribution.values = Tensor(ElementType::float64, {masker_.players()});
    explanation.attribution.names = masker_.names();
    explanation.attribution.segments = segments_;
    for (const int32_t player : found.removed) {
        present[static_cast<size_t>(player)] = 0;
        explanation.attribution.values.as<double>()[player] = 1;
        one.changes.push_back(
            {player, name_of(masker_, player, options_.player), "there", "removed"});
    }
    Batch row = input;
    masker_.apply({present.data(), 1, masker_.players()}, 0, row, run);
    for (size_t i = 0; i < row.size(); ++i)
        if (i == 0 || !(row[i].value == input[i].value)) one.values = row[i].value;
    Counterfactuals all{.wanted = removals.judge().describe(options_.classes),
                        .metric = "number of players removed",
                        .found = {std::move(one)}};
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.converged =
        last.verdict.valid && (already || (found.irreducible && found.ended.empty()));
    diagnostics.no_error_because =
        "the values mark what is removed, they are no shares of a difference";
    diagnostics.notes = already
                            ? std::vector<std::string>{"the model gives the wanted answer already"}
                            : notes_of(found, removals, all.wanted);
    if (masker_.fillings() > 1)
        diagnostics.notes.push_back(
            fmt::format("the answer is the mean of {} fillings; the row shown is one of them",
                        masker_.fillings()));
    explanation.counterfactuals = std::move(all);
    explanation.target.resolved = removals.judge().target();
    explanation.target.value = removals.value();
    explanation.provenance.method = "sedc";
    explanation.provenance.seed = run.seed;
    explanation.provenance.version = version();
    explanation.provenance.evaluations = removals.evaluations();
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence

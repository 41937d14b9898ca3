#include "whence/anchors/anchors.h"

#include <fmt/format.h>

#include <chrono>

#include "whence/anchors/bounds.h"
#include "whence/anchors/search.h"
#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence::anchors {
namespace {

// Samples from here on are never seen by the search.
constexpr int64_t fresh = int64_t{1} << 40;
constexpr int64_t most_samples = int64_t{1} << 30;

[[noreturn]] void refuse(const std::string& what) {
    throw Error(ErrorKind::usage, what);
}

void check_share(const char* name, double value, bool one_too = false) {
    if (!(value > 0 && (value < 1 || (one_too && value == 1))))
        refuse(fmt::format("{} must lie between 0 and 1, not {}", name, value));
}

void check_count(const char* name, int64_t value, int64_t least) {
    if (value < least || value > most_samples)
        refuse(
            fmt::format("{} must lie between {} and {}, not {}", name, least, most_samples, value));
}

// What the precision of the rule found is known from.
struct Measured {
    Tally tally;
    bool fresh = true;  // of samples that the search did not see
    std::string ended;  // why there are fewer than wanted; empty: there are not
};

Measured measured(const Sampler& sampler, Judge& judge, const Found& found, int64_t count,
                  const Run& run) {
    if (!found.ended.empty()) return {found.tally, false, found.ended};
    std::vector<Draw> draws;
    Measured out;
    const auto add = [&](const auto& answers) {
        for (const auto same : answers) out.tally.hits += same > 0;
        out.tally.drawn += std::ssize(answers);
    };
    try {
        add(judge.same(count, [&](int64_t first, Batch& rows) {
            draws.clear();
            for (int64_t row = 0; row < rows.rows(); ++row)
                draws.push_back({found.anchor, fresh + first + row});
            sampler.draw(draws, rows, run);
        }));
    } catch (const OutOfReach& why) {
        add(why.answered());
        out.ended = why.what();
    }
    return out.tally.drawn > 0 ? out : Measured{found.tally, false, out.ended};
}

std::string plural(int64_t n, const char* noun) {
    return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

std::vector<std::string> notes_of(const Found& found, const Measured& known, const Rule& rule,
                                  const Judge& judge, const AnchorOptions& options,
                                  int64_t predicates) {
    std::vector<std::string> notes = {fmt::format("{} to choose from; the same prediction means {}",
                                                  plural(predicates, "predicate"),
                                                  judge.meaning())};
    if (known.fresh)
        notes.push_back(fmt::format("the precision is of {}; in the search it was {:.3f} of {}",
                                    plural(known.tally.drawn, "fresh sample"), found.tally.mean(),
                                    found.tally.drawn));
    else
        notes.push_back(fmt::format(
            "the precision is the search's own, of {}: the rule was chosen for it, so it "
            "is too good on average",
            plural(known.tally.drawn, "sample")));
    if (!known.ended.empty()) notes.push_back("stopped early: " + known.ended);
    if (!found.valid)
        notes.push_back(
            fmt::format("no rule was found with a precision of {:g}: this one is the "
                        "most precise that was seen",
                        options.threshold));
    else if (rule.precision_high < options.threshold)
        notes.push_back(fmt::format(
            "on fresh samples the rule is less precise than {:g}: the "
            "search proves only {:g}, with probability {:g}",
            options.threshold, options.threshold - options.epsilon_stop, 1 - options.delta));
    if (rule.coverage == 0)
        notes.emplace_back("the rule holds for none of the samples of coverage");
    return notes;
}

}  // namespace

void check(const AnchorOptions& options) {
    check_share("threshold", options.threshold, true);
    check_share("delta", options.delta);
    check_share("tau", options.tau);
    check_share("epsilon-stop", options.epsilon_stop);
    check_share("confidence", options.confidence);
    check_count("beam-size", options.beam_size, 1);
    check_count("batch-size", options.batch_size, 1);
    check_count("coverage-samples", options.coverage_samples, 1);
    check_count("confirm-samples", options.confirm_samples, 1);
    check_count("max-anchor-size", options.max_anchor_size, 0);
    if (!(options.within >= 0)) refuse("within must not be negative");
}

void check_predicates(int64_t count) {
    if (count > most_predicates)
        throw Error(ErrorKind::limit,
                    fmt::format("{} predicates are more than the {} that anchors search: give "
                                "fewer columns or superpixels",
                                count, most_predicates));
}

Explanation explain(const Model& model, const Sampler& sampler, const Batch& input,
                    const Target& target, const AnchorOptions& options, const Run& run) {
    const auto start = std::chrono::steady_clock::now();
    check(options);
    check_predicates(sampler.predicates());
    Judge judge(model, target, input, options.within, run);
    const Found found = search(sampler, judge, options, run);
    const Measured known = measured(sampler, judge, found, options.confirm_samples, run);
    const Interval interval =
        clopper_pearson(known.tally.hits, known.tally.drawn, options.confidence);

    Explanation explanation;
    explanation.rule = Rule{.conditions = sampler.conditions(found.anchor),
                            .precision = known.tally.mean(),
                            .precision_low = interval.low,
                            .precision_high = interval.high,
                            .confidence = options.confidence,
                            .coverage = found.coverage};
    explanation.target = {.resolved = judge.target(), .value = judge.value()};
    Diagnostics& diagnostics = explanation.diagnostics;
    diagnostics.no_error_because = "a rule adds nothing up";
    diagnostics.converged = found.valid && known.ended.empty();
    diagnostics.notes =
        notes_of(found, known, *explanation.rule, judge, options, sampler.predicates());
    Provenance& provenance = explanation.provenance;
    provenance.method = "anchors";
    provenance.seed = run.seed;
    provenance.version = version();
    provenance.evaluations = judge.evaluations();
    provenance.options = {{"threshold", options.threshold},
                          {"delta", options.delta},
                          {"tau", options.tau},
                          {"epsilon-stop", options.epsilon_stop},
                          {"beam-size", options.beam_size},
                          {"batch-size", options.batch_size},
                          {"coverage-samples", options.coverage_samples},
                          {"max-anchor-size", options.max_anchor_size},
                          {"stop-on-first", options.stop_on_first},
                          {"confirm-samples", options.confirm_samples},
                          {"confidence", options.confidence},
                          {"within", options.within}};
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence::anchors

#include "whence/anchors/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "whence/anchors/bounds.h"
#include "whence/core/error.h"

namespace whence::anchors {
namespace {

class Beam {
  public:
    Beam(const Sampler& sampler, Judge& judge, const AnchorOptions& options, const Run& run)
        : sampler_(sampler), options_(options), run_(run), arms_(sampler, judge, run) {}

    Found run() {
        try {
            return looked_for();
        } catch (const OutOfReach& why) {
            if (kept_.empty()) throw;
            const auto mean = [](const Arm* arm) { return arm->tally.mean(); };
            Found early = best_ ? found(*best_, true)
                                : found(**std::ranges::max_element(kept_, {}, mean), false);
            early.ended = why.what();
            return early;
        }
    }

  private:
    Found looked_for() {
        Arm& empty = arms_.empty();
        draw({&empty});
        kept_.push_back(&empty);
        if (precise(empty)) return found(empty, true);
        std::vector<Arm*> beam = {&empty};
        for (int64_t size = 1; size <= longest() && !done(); ++size) {
            const std::vector<Arm*> candidates = extensions(beam);
            if (candidates.empty()) break;
            draw(candidates);
            beam = most_precise(candidates, options_.beam_size);
            kept_.insert(kept_.end(), beam.begin(), beam.end());
            tell(best_ ? *best_ : *beam[0]);
            for (Arm* arm : beam)
                if (precise(*arm) && (!best_ || arm->coverage > best_->coverage)) best_ = arm;
        }
        if (best_) return found(*best_, true);
        return found(*most_precise(kept_, 1)[0], false);
    }

    // The rule so far, in words.
    void tell(const Arm& arm) const {
        if (!run_.early) return;
        std::string rule;
        for (const Rule::Condition& condition : sampler_.conditions(arm.anchor))
            rule += (rule.empty() ? "IF " : " AND ") + condition.text;
        run_.early({.feature = -1,
                    .name = rule.empty() ? "ALWAYS" : rule,
                    .value = arm.tally.mean(),
                    .standard_error = std::numeric_limits<double>::quiet_NaN()});
    }

    [[nodiscard]] int64_t longest() const {
        return options_.max_anchor_size > 0 ? options_.max_anchor_size : sampler_.predicates();
    }

    // Nothing covers more than everything.
    [[nodiscard]] bool done() const {
        return best_ && (options_.stop_on_first || best_->coverage == 1);
    }

    static Found found(const Arm& arm, bool valid) {
        return {arm.anchor, arm.coverage, valid, arm.tally, ""};
    }

    void draw(const std::vector<Arm*>& arms) { arms_.pull(arms, options_.batch_size); }

    // Those that could still cover more than the best; the widest first, so that it wins where
    // precisions are equal.
    std::vector<Arm*> extensions(const std::vector<Arm*>& beam) {
        std::vector<Arm*> out;
        std::set<Anchor> seen;
        for (Arm* parent : beam)
            for (int32_t predicate = 0; predicate < sampler_.predicates(); ++predicate) {
                if (predicate % 1024 == 0) run_.check();
                const Anchor& anchor = parent->anchor;
                if (std::ranges::binary_search(anchor, predicate) ||
                    sampler_.implied(anchor, predicate))
                    continue;
                Arm& arm = arms_.extend(*parent, predicate);
                if (best_ && arm.coverage <= best_->coverage) continue;
                if (seen.insert(arm.anchor).second) out.push_back(&arm);
            }
        std::ranges::stable_sort(out, std::greater{}, &Arm::coverage);
        return out;
    }

    std::vector<Arm*> most_precise(const std::vector<Arm*>& arms, int64_t count) {
        std::vector<const Tally*> tallies;
        for (const Arm* arm : arms) tallies.push_back(&arm->tally);
        const Pull pull = [&](std::span<const size_t> positions) {
            std::vector<Arm*> more;
            for (const size_t position : positions) more.push_back(arms[position]);
            draw(more);
        };
        std::vector<Arm*> out;
        for (const size_t position :
             best_arms(tallies, static_cast<size_t>(count), options_.tau, options_.delta, pull))
            out.push_back(arms[position]);
        return out;
    }

    // Samples until the bounds tell on which side of the threshold the precision lies, or that it
    // is within epsilon_stop of it.
    bool precise(Arm& arm) {
        const double threshold = options_.threshold, slack = options_.epsilon_stop;
        const double rivals = static_cast<double>((options_.beam_size - 1) * sampler_.predicates());
        const double level = std::log((1 + rivals) / options_.delta);
        while (true) {
            const double mean = arm.tally.mean();
            const double per_sample = level / static_cast<double>(arm.tally.drawn);
            if (mean >= threshold && kl_lower(mean, per_sample) > threshold - slack) return true;
            if (mean < threshold && kl_upper(mean, per_sample) < threshold + slack) return false;
            draw({&arm});
        }
    }

    const Sampler& sampler_;
    const AnchorOptions& options_;
    const Run& run_;
    Arms arms_;
    std::vector<Arm*> kept_;  // every survivor of every round
    Arm* best_ = nullptr;
};

}  // namespace

Found search(const Sampler& sampler, Judge& judge, const AnchorOptions& options, const Run& run) {
    return Beam(sampler, judge, options, run).run();
}

}  // namespace whence::anchors

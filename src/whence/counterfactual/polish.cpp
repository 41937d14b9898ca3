#include "whence/counterfactual/polish.h"

#include <algorithm>
#include <cmath>

namespace whence::counterfactual {
namespace {

constexpr size_t blocks_at_once = 32, parts = 8, most_cells = size_t{1} << 22;
constexpr int shrinking_rounds = 8, cycles = 3;
constexpr double worth_it = 1e-3;  // of the distance: below it shrinking ends

struct Work {
    State state;
    size_t block = 0;  // features that go back together
    bool moved = false, done = false;
};

std::vector<size_t> changed(const Oracle& oracle, const State& state) {
    std::vector<size_t> out;
    for (size_t f = 0; f < state.size(); ++f)
        if (oracle.features().distance(f, oracle.input()[f], state[f]) > 0) out.push_back(f);
    return out;
}

struct Return {
    std::vector<Edit> edits;
    double saved = 0, margin = 0;
};

// Blocks of changed features, each as the edits that take it back.
std::vector<Return> returns(const Oracle& oracle, const Work& work) {
    std::vector<Return> out;
    const std::vector<size_t> features = changed(oracle, work.state);
    for (size_t first = 0; first < features.size(); first += work.block) {
        out.emplace_back();
        for (size_t i = first; i < std::min(first + work.block, features.size()); ++i) {
            const size_t f = features[i];
            out.back().edits.push_back({f, oracle.input()[f]});
            out.back().saved += oracle.features().distance(f, oracle.input()[f], work.state[f]);
        }
    }
    return out;
}

// For each state the blocks that can go back alone, those first that cost the least margin for what
// they save.
std::vector<std::vector<Return>> single_returns(Oracle& oracle, const std::vector<Work*>& works) {
    std::vector<std::vector<Return>> all;
    std::vector<Variant> variants;
    for (const Work* work : works) {
        all.push_back(returns(oracle, *work));
        for (const Return& one : all.back()) variants.push_back({&work->state, one.edits});
    }
    const std::vector<Verdict> verdicts = oracle.ask(variants);
    auto verdict = verdicts.begin();
    for (std::vector<Return>& of_state : all) {
        std::vector<Return> valid;
        for (Return& one : of_state) {
            if (verdict->valid) {
                one.margin = verdict->margin;
                valid.push_back(std::move(one));
            }
            ++verdict;
        }
        const double most = valid.empty() ? 0 : std::ranges::max(valid, {}, &Return::margin).margin;
        std::ranges::stable_sort(valid, {}, [&](const Return& one) {
            return (most - one.margin) / std::max(one.saved, 1e-300);
        });
        of_state = std::move(valid);
    }
    return all;
}

// Takes back as many of the blocks that can go alone as hold together; where none can, the blocks
// become smaller.
void take_back(Oracle& oracle, const std::vector<Work*>& works) {
    const std::vector<std::vector<Return>> singles = single_returns(oracle, works);
    std::vector<Variant> variants;
    for (size_t w = 0; w < works.size(); ++w) {
        std::vector<Edit> together;
        for (const Return& one : singles[w]) {
            together.insert(together.end(), one.edits.begin(), one.edits.end());
            variants.push_back({&works[w]->state, together});
        }
    }
    const std::vector<Verdict> verdicts = oracle.ask(variants);
    size_t at = 0;
    for (size_t w = 0; w < works.size(); ++w) {
        const Variant* most = nullptr;
        for (size_t i = 0; i < singles[w].size(); ++i, ++at)
            if (verdicts[at].valid) most = &variants[at];
        if (most) {
            works[w]->state = most->state();
            works[w]->moved = true;
        } else if (works[w]->block > 1) {
            works[w]->block = (works[w]->block + 1) / 2;
        } else {
            works[w]->done = true;
        }
    }
}

std::vector<Work*> unfinished(std::vector<Work>& works) {
    std::vector<Work*> open;
    for (Work& work : works)
        if (!work.done) open.push_back(&work);
    return open;
}

// Until no single feature of any state can go back. True where one went.
bool take_back_all(Oracle& oracle, std::vector<Work>& works) {
    for (Work& work : works) {
        const size_t features = changed(oracle, work.state).size();
        work.block = std::max<size_t>(1, (features + blocks_at_once - 1) / blocks_at_once);
        work.moved = work.done = false;
    }
    for (auto open = unfinished(works); !open.empty() && oracle.left() > 0;
         open = unfinished(works))
        take_back(oracle, open);
    return std::ranges::any_of(works, &Work::moved);
}

// Numbers nearer to the input: for each state the one move that saves most.
bool shrink_once(Oracle& oracle, const Limits& limits, const std::vector<Work*>& works) {
    const Features& features = oracle.features();
    std::vector<Variant> variants;
    std::vector<size_t> owner;
    for (size_t w = 0; w < works.size(); ++w) {
        const State& state = works[w]->state;
        for (const size_t f : changed(oracle, state)) {
            const double here = oracle.input()[f], there = state[f];
            if (features[f].kind != FeatureInfo::Kind::number || std::isnan(here)) continue;
            double last = here;
            for (size_t part = 1; part < parts; ++part) {
                const double value =
                    limits.on_step(f, here + (there - here) * static_cast<double>(part) /
                                                 static_cast<double>(parts));
                if (value == last || value == there) continue;
                variants.push_back({&state, {{f, value}}});
                owner.push_back(w);
                last = value;
            }
        }
    }
    const std::vector<Verdict> verdicts = oracle.ask(variants);
    std::vector<const Variant*> best(works.size(), nullptr);
    std::vector<double> saved(works.size());
    for (size_t i = 0; i < variants.size(); ++i) {
        const auto [f, value] = variants[i].edits[0];
        const double here = oracle.input()[f];
        const double gain =
            features.distance(f, here, (*variants[i].base)[f]) - features.distance(f, here, value);
        if (!verdicts[i].valid || gain <= saved[owner[i]]) continue;
        best[owner[i]] = &variants[i];
        saved[owner[i]] = gain;
    }
    bool any = false;
    for (size_t w = 0; w < works.size(); ++w) {
        const double whole = features.distance(oracle.input(), works[w]->state);
        if (best[w]) works[w]->state = best[w]->state();
        if (saved[w] <= worth_it * whole) works[w]->done = true;
        any = any || best[w];
    }
    return any;
}

bool shrink(Oracle& oracle, const Limits& limits, std::vector<Work>& works) {
    bool any = false;
    for (Work& work : works) work.done = false;
    for (int round = 0; round < shrinking_rounds && oracle.left() > 0; ++round) {
        const std::vector<Work*> open = unfinished(works);
        if (open.empty() || !shrink_once(oracle, limits, open)) break;
        any = true;
    }
    return any;
}

void polish_group(Oracle& oracle, const Limits& limits, std::span<State> states) {
    std::vector<Work> works;
    for (State& state : states) works.push_back({.state = std::move(state)});
    for (int cycle = 0; cycle < cycles; ++cycle) {
        // Taking back comes last: a shorter move may have made another one needless.
        const bool moved = take_back_all(oracle, works);
        if ((cycle > 0 && !moved) || cycle + 1 == cycles || !shrink(oracle, limits, works)) break;
    }
    for (size_t i = 0; i < states.size(); ++i) states[i] = std::move(works[i].state);
}

}  // namespace

void polish(Oracle& oracle, const Limits& limits, std::vector<State>& states) {
    // Of wide tables few states at a time: each is asked with blocks_at_once changes.
    const size_t group =
        std::max<size_t>(1, most_cells / (blocks_at_once * oracle.features().size()));
    for (size_t first = 0; first < states.size(); first += group)
        polish_group(oracle, limits,
                     std::span(states).subspan(first, std::min(group, states.size() - first)));
}

}  // namespace whence::counterfactual

#include "whence/trees/search/search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace whence::trees {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Boxes between two looks at the clock.
constexpr int64_t boxes_per_look = 256;

// Halvings of the interval in which a box's bound lies.
constexpr int halvings = 8;

}  // namespace

/// What can be said of one box.
class Search::Bounds {
  public:
    struct Verdict {
        bool possible = false;  ///< some point cheaper than the cutoff may meet the conjunction
        double bound = 0;       ///< of the cost of such points
        double surplus = 0;     ///< how far the form furthest behind may come above its need
        double base = 0;        ///< cost of `point`
        double miss =
            infinity;  ///< how far the cheapest point is from the conjunction; <= 0: it meets it
        int32_t split = -1;  ///< where to cut; -1: every point of the box has the same margins
    };

    Bounds(const Space& space, const Goal& goal) : space_(space), walker_(space) {
        for (const Conjunction& conjunction : goal) {
            Side side{.constraints = conjunction, .forms = {}, .trees = {}};
            for (const Constraint& constraint : conjunction)
                side.forms.insert(side.forms.end(), constraint.forms.begin(),
                                  constraint.forms.end());
            for (size_t t = 0; t < space.roots().size(); ++t)
                if (std::ranges::any_of(side.forms, [&](const Form& form) {
                        const Space::Root& root = space.roots()[t];
                        return root.width > 1 || root.output == form.plus ||
                               root.output == form.minus;
                    }))
                    side.trees.push_back(static_cast<int32_t>(t));
            sides_.push_back(std::move(side));
        }
        score_.resize(space.splits().size());
        score_of_variable_.resize(static_cast<size_t>(space.variables()));
    }

    [[nodiscard]] size_t sides() const { return sides_.size(); }
    void ignore_costs(bool ignore) { walker_.ignore_costs(ignore); }

    /// The box's cheapest point; of the box last bounded.
    [[nodiscard]] std::vector<int32_t> point() const { return point_; }

    [[nodiscard]] Verdict bound(size_t which, std::span<const uint32_t> box, double cutoff) {
        const Side& side = sides_[which];
        Verdict verdict;
        walker_.start(box);
        point_.resize(static_cast<size_t>(space_.variables()));
        for (int32_t v = 0; v < static_cast<int32_t>(point_.size()); ++v)
            point_[v] = walker_.cheapest(v);
        verdict.base = walker_.least();
        if (!(verdict.base < cutoff)) return verdict;
        gather(side, verdict.base, cutoff);
        const double slack = space_.slack();
        verdict.surplus = least_surplus(side, uppers(side, infinity));
        if (verdict.surplus < -slack) return verdict;
        verdict.possible = true;
        verdict.bound = radius(side, verdict.base);
        const std::vector<double> values = values_of(side, point_);
        verdict.miss = -least_surplus(side, values) - slack;
        if (verdict.miss > 0) choose(side, values, verdict);
        if (verdict.split < 0) verdict.split = any_open_;
        return verdict;
    }

    /// Whether the model may accept this point: it meets a conjunction within rounding.
    [[nodiscard]] bool meets(std::span<const int32_t> choices) const {
        return std::ranges::any_of(sides_, [&](const Side& side) {
            return least_surplus(side, values_of(side, choices)) >= -space_.slack();
        });
    }

  private:
    struct Side {
        Conjunction constraints;
        std::vector<Form> forms;     ///< of all constraints, one after the other
        std::vector<int32_t> trees;  ///< that speak to them
    };
    struct Visit {
        int32_t node;
        bool left;
        size_t mark;
        double cost;  ///< of the box narrowed to its parent
    };

    // The leaves that the box reaches below the cutoff.
    void gather(const Side& side, double base, double cutoff) {
        first_.assign(1, 0);
        costs_.clear();
        leaves_.clear();
        any_open_ = -1;
        for (const int32_t t : side.trees) {
            walk(space_.roots()[t].node, base, cutoff);
            first_.push_back(static_cast<int32_t>(leaves_.size()));
        }
        weights_.resize(side.forms.size() * leaves_.size());
        double* weight = weights_.data();
        for (const Form& form : side.forms)
            for (size_t t = 0; t < side.trees.size(); ++t)
                for (int32_t l = first_[t]; l < first_[t + 1]; ++l)
                    *weight++ = space_.weight(space_.roots()[side.trees[t]],
                                              space_.nodes()[leaves_[l]], form);
    }

    void walk(int32_t root, double base, double cutoff) {
        const std::vector<Space::Node>& nodes = space_.nodes();
        visits_.assign(1, {root, false, walker_.mark(), base});
        while (!visits_.empty()) {
            Visit visit = visits_.back();
            visits_.pop_back();
            walker_.back_to(visit.mark);
            const Space::Node* node = &nodes[visit.node];
            if (visit.node != root) {
                const Space::Split& split = space_.splits()[nodes[node->parent].split];
                const double before = walker_.least(split.variable);
                walker_.narrow(split, visit.left);
                visit.cost += walker_.least(split.variable) - before;
                if (!(visit.cost < cutoff)) continue;
            }
            bool both = false;
            while (node->split >= 0) {
                const Space::Split& split = space_.splits()[node->split];
                const bool left = walker_.open(split, true);
                both = left && walker_.open(split, false);
                if (both) break;
                node = &nodes[left ? node->left : node->right];
            }
            if (!both) {
                leaves_.push_back(static_cast<int32_t>(node - nodes.data()));
                costs_.push_back(visit.cost);
                continue;
            }
            if (any_open_ < 0) any_open_ = node->split;
            visits_.push_back({node->right, false, walker_.mark(), visit.cost});
            visits_.push_back({node->left, true, walker_.mark(), visit.cost});
        }
        walker_.back_to(0);
    }

    // U(r) of each form.
    [[nodiscard]] const std::vector<double>& uppers(const Side& side, double radius) {
        uppers_.clear();
        const double* weight = weights_.data();
        for (const Form& form : side.forms) {
            double sum = 0;
            for (size_t t = 0; t < side.trees.size(); ++t) {
                double most = -infinity;
                for (int32_t l = first_[t]; l < first_[t + 1]; ++l)
                    if (costs_[l] <= radius) most = std::max(most, weight[l]);
                sum += most;
            }
            weight += leaves_.size();
            uppers_.push_back(space_.base(form) + sum / space_.divisor());
        }
        return uppers_;
    }

    static double least_surplus(const Side& side, std::span<const double> values) {
        double least = infinity;
        const double* value = values.data();
        for (const Constraint& constraint : side.constraints) {
            least = std::min(least, constraint.value(value) - constraint.need);
            value += constraint.forms.size();
        }
        return least;
    }

    // The bound: U only rises where a leaf comes in.
    [[nodiscard]] double radius(const Side& side, double base) {
        const auto possible = [&](double r) {
            return least_surplus(side, uppers(side, r)) >= -space_.slack();
        };
        if (costs_.empty()) return base;
        double high = *std::ranges::max_element(costs_);
        // Costs are sums in another order than the base: equal ones may differ by rounding.
        double low = base * (1 + 1e-12);
        if (high <= low || possible(low)) return base;
        for (int i = 0; i < halvings; ++i) {
            const double middle = std::midpoint(low, high);
            (possible(middle) ? high : low) = middle;
        }
        double next = infinity;
        for (const double cost : costs_)
            if (cost > low) next = std::min(next, cost);
        return next;
    }

    [[nodiscard]] int32_t leaf_of(int32_t at, std::span<const int32_t> choices) const {
        while (space_.nodes()[at].split >= 0) {
            const Space::Split& split = space_.splits()[space_.nodes()[at].split];
            at = goes_left(space_, split, choices[split.variable]) ? space_.nodes()[at].left
                                                                   : space_.nodes()[at].right;
        }
        return at;
    }

    [[nodiscard]] std::vector<double> values_of(const Side& side,
                                                std::span<const int32_t> choices) const {
        std::vector<double> values(side.forms.size());
        for (const int32_t t : side.trees) {
            const Space::Root& root = space_.roots()[t];
            const Space::Node& leaf = space_.nodes()[leaf_of(root.node, choices)];
            for (size_t f = 0; f < values.size(); ++f)
                values[f] += space_.weight(root, leaf, side.forms[f]);
        }
        for (size_t f = 0; f < values.size(); ++f)
            values[f] = space_.base(side.forms[f]) + values[f] / space_.divisor();
        return values;
    }

    // Of the constraint furthest behind, the form with the most to gain where that counts.
    [[nodiscard]] size_t form_to_raise(const Side& side, const std::vector<double>& values) {
        const std::vector<double>& tops = uppers(side, infinity);
        size_t first = 0, chosen = 0;
        double most = -infinity;
        for (const Constraint& constraint : side.constraints) {
            const double behind = constraint.need - constraint.value(values.data() + first);
            if (behind > most) {
                most = behind;
                const double sign = constraint.of == Constraint::Of::smallest ? -1 : 1;
                double best = -infinity;
                for (size_t f = first; f < first + constraint.forms.size(); ++f) {
                    const double gain =
                        std::log(std::max(tops[f] - values[f], 1e-300)) + sign * values[f];
                    if (gain > best) best = gain, chosen = f;
                }
            }
            first += constraint.forms.size();
        }
        return chosen;
    }

    // Where the best leaves part from those of the point: the variable by which most is gained, and
    // of its splits the one.
    void choose(const Side& side, const std::vector<double>& values, Verdict& verdict) {
        const size_t form = form_to_raise(side, values);
        const double* weight = weights_.data() + form * leaves_.size();
        touched_.clear();
        for (size_t t = 0; t < side.trees.size(); ++t) {
            const Space::Root& root = space_.roots()[side.trees[t]];
            int32_t best = -1;
            for (int32_t l = first_[t]; l < first_[t + 1]; ++l)
                if (best < 0 || weight[l] > weight[best]) best = l;
            if (best < 0) continue;
            int32_t here = leaf_of(root.node, point_), there = leaves_[best];
            const double gap =
                weight[best] - space_.weight(root, space_.nodes()[here], side.forms[form]);
            if (!(gap > 0)) continue;
            while (here != there) {
                int32_t& later = here > there ? here : there;
                later = space_.nodes()[later].parent;
            }
            const int32_t split = space_.nodes()[here].split;
            if (score_[split] == 0) touched_.push_back(split);
            score_[split] += gap;
            score_of_variable_[space_.splits()[split].variable] += gap;
        }
        double best_variable = 0, best = 0;
        for (const int32_t split : touched_) {
            const double of_variable = score_of_variable_[space_.splits()[split].variable];
            if (of_variable > best_variable ||
                (of_variable == best_variable && score_[split] > best)) {
                best_variable = of_variable;
                best = score_[split];
                verdict.split = split;
            }
        }
        for (const int32_t split : touched_) {
            score_[split] = 0;
            score_of_variable_[space_.splits()[split].variable] = 0;
        }
    }

    const Space& space_;
    Walker walker_;
    std::vector<Side> sides_;
    // Of the box last bounded, and scratch.
    std::vector<int32_t> point_, first_, leaves_, touched_;
    std::vector<double> costs_, weights_, uppers_, score_, score_of_variable_;
    std::vector<Visit> visits_;
    int32_t any_open_ = -1;
};

/// Boxes that wait, the most promising first.
class Search::Queue {
  public:
    struct Entry {
        double bound, surplus;
        int64_t number;  ///< order of arrival
        int32_t slot, side, split;
    };
    explicit Queue(size_t words) : words_(words) {}

    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] const Entry& top() const { return heap_.front(); }
    [[nodiscard]] int64_t bytes() const {
        return static_cast<int64_t>(boxes_.size() * sizeof(uint32_t) +
                                    heap_.size() * sizeof(Entry));
    }

    void push(Entry entry, std::span<const uint32_t> box) {
        if (free_.empty()) {
            entry.slot = static_cast<int32_t>(boxes_.size() / std::max<size_t>(1, words_));
            boxes_.insert(boxes_.end(), box.begin(), box.end());
        } else {
            entry.slot = free_.back();
            free_.pop_back();
            std::ranges::copy(box, boxes_.begin() + static_cast<int64_t>(entry.slot) *
                                                        static_cast<int64_t>(words_));
        }
        entry.number = next_++;
        heap_.push_back(entry);
        std::ranges::push_heap(heap_, after);
    }
    Entry pop(Box& box) {
        std::ranges::pop_heap(heap_, after);
        const Entry entry = heap_.back();
        heap_.pop_back();
        const auto at =
            boxes_.begin() + static_cast<int64_t>(entry.slot) * static_cast<int64_t>(words_);
        box.assign(at, at + static_cast<int64_t>(words_));
        free_.push_back(entry.slot);
        return entry;
    }

  private:
    static bool after(const Entry& a, const Entry& b) {
        if (a.bound != b.bound) return a.bound > b.bound;
        if (a.surplus != b.surplus) return a.surplus < b.surplus;
        return a.number > b.number;
    }

    size_t words_;
    std::vector<uint32_t> boxes_;
    std::vector<int32_t> free_;
    std::vector<Entry> heap_;
    int64_t next_ = 0;
};

Search::Search(const Space& space, const Goal& goal, Accepts accepts)
    : space_(space),
      goal_(goal),
      accepts_(std::move(accepts)),
      bounds_(std::make_unique<Bounds>(space, goal)) {}

Search::~Search() = default;

bool Search::accepts(std::span<const int32_t> choices) {
    return bounds_->meets(choices) && accepts_(space_.row(choices));
}

// Each variable, the dearest first, takes the cheapest choice with which the point is still
// accepted.
void Search::polish(const Box& box, Point& point) {
    const auto cost = [&](int64_t v, int32_t choice) {
        return space_.variable(v).choices[static_cast<size_t>(choice)].cost;
    };
    std::vector<int64_t> order(static_cast<size_t>(space_.variables()));
    std::iota(order.begin(), order.end(), 0);
    for (bool changed = true; changed;) {
        changed = false;
        std::ranges::stable_sort(order, std::greater<>{},
                                 [&](int64_t v) { return cost(v, point.choices[v]); });
        for (const int64_t v : order) {
            const int32_t before = point.choices[v];
            std::vector<int32_t> cheaper;
            for (int32_t i = 0; i < static_cast<int32_t>(space_.variable(v).choices.size()); ++i)
                if (cost(v, i) < cost(v, before) && holds(space_, v, i, box)) cheaper.push_back(i);
            std::ranges::stable_sort(cheaper, {}, [&](int32_t i) { return cost(v, i); });
            const auto taken = std::ranges::find_if(cheaper, [&](int32_t i) {
                point.choices[v] = i;
                return accepts(point.choices);
            });
            if (taken == cheaper.end()) point.choices[v] = before;
            changed |= point.choices[v] != before;
        }
    }
    point.cost = 0;
    for (int64_t v = 0; v < space_.variables(); ++v) point.cost += cost(v, point.choices[v]);
}

Found Search::look(const Box& start, bool first_only, Found found, const SearchLimits& limits,
                   const Run& run) {
    bounds_->ignore_costs(first_only);
    Queue queue(start.size());
    found.complete = true;
    found.lower_bound = infinity;
    double least_miss = infinity;
    const auto cutoff = [&] { return found.point && !first_only ? found.point->cost : infinity; };
    // Bounds a box, and keeps it where it may hold something better.
    const auto consider = [&](size_t side, const Box& box) {
        ++found.boxes;
        const Bounds::Verdict verdict = bounds_->bound(side, box, cutoff());
        if (!verdict.possible) return;
        if (verdict.miss <= 0 && accepts(bounds_->point())) {
            Point point{bounds_->point(), verdict.base};
            if (!first_only) polish(start, point);
            if (!found.point || point.cost < found.point->cost) found.point = std::move(point);
            return;
        }
        if (!found.point && verdict.miss < least_miss) {
            least_miss = verdict.miss;
            found.closest = Point{bounds_->point(), verdict.base};
        }
        if (verdict.split >= 0 && verdict.bound < cutoff())
            queue.push({.bound = verdict.bound,
                        .surplus = verdict.surplus,
                        .number = 0,
                        .slot = 0,
                        .side = static_cast<int32_t>(side),
                        .split = verdict.split},
                       box);
    };
    for (size_t side = 0; side < bounds_->sides(); ++side) consider(side, start);
    Run patient = run;  // a deadline ends the search, a stop request throws
    patient.deadline = std::chrono::steady_clock::time_point::max();
    Walker walker(space_);
    Box box;
    for (int64_t next_look = 0; !queue.empty() && queue.top().bound < cutoff();) {
        if (first_only && found.point) break;
        if (found.boxes >= next_look) {
            next_look = found.boxes + boxes_per_look;
            run.report("boxes", found.boxes, limits.boxes);
            if (run.late()) found.complete = false;
            patient.check();
        }
        if (found.boxes >= limits.boxes || queue.bytes() > limits.bytes) found.complete = false;
        if (!found.complete) break;
        const Queue::Entry entry = queue.pop(box);
        const Space::Split& split = space_.splits()[entry.split];
        walker.start(box);
        for (const bool left : {true, false}) {
            walker.narrow(split, left);
            consider(static_cast<size_t>(entry.side), walker.box());
            walker.back_to(0);
        }
    }
    if (first_only && found.point) {
        found.lower_bound = 0;
    } else {
        if (!found.complete) found.lower_bound = queue.top().bound;
        if (found.point) found.lower_bound = std::min(found.lower_bound, found.point->cost);
    }
    if (found.point) found.closest.reset();
    return found;
}

Found Search::any(const Box& box, const SearchLimits& limits, const Run& run) {
    return look(box, true, {}, limits, run);
}

Found Search::cheapest(const Box& box, const SearchLimits& limits, const Run& run) {
    // A point to begin with prunes, is what there is when time ends, and none is a proof.
    SearchLimits half = limits;
    half.boxes = std::max<int64_t>(1, limits.boxes / 2);
    Found found = look(box, true, {}, half, run);
    if (!found.point && found.complete) return found;
    if (found.point) polish(box, *found.point);
    return look(box, false, std::move(found), limits, run);
}

}  // namespace whence::trees

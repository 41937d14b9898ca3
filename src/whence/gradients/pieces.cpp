#include "whence/gradients/pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::gradients {
namespace {

constexpr uint32_t print_stream = 0xF1E7;

// The tangent at one point. Two numbers stand for the gradient: the slope along the line, and the
// product with fixed random signs, so that two gradients that agree in both are the same gradient.
struct Tangent {
    double position = 0, value = 0, slope = 0, print = 0;
    double slope_size = 0, print_size = 0;  ///< sums of magnitudes: what rounding is relative to
    [[nodiscard]] double at(double where) const { return value + slope * (where - position); }
};

enum class Task {
    bisect,  ///< different tangents at the ends that do not meet in between: look at the middle
    cross,   ///< they meet: look at both sides of where they do
    none,    ///< one piece, it seems
};

struct Segment {
    double begin = 0, end = 0;
    Tangent left, right;  ///< tangents that hold just inside both ends
    Task task = Task::bisect;
    double first = 0, second = 0;  ///< where to ask; second for `cross` alone
    [[nodiscard]] size_t probes() const { return task == Task::cross ? 2 : 1; }
};

class Pieces {
  public:
    Pieces(LinePath& path, const PieceOptions& options);
    PathIntegral integrate();

  private:
    void ask(std::span<const double> positions, const std::function<void(const Tangent&)>& sink);
    [[nodiscard]] bool same_gradient(const Tangent& a, const Tangent& b) const;
    [[nodiscard]] bool same_value(double a, double b, const Tangent& scale) const;
    [[nodiscard]] double estimate();
    void add(double begin, double end, const Tangent& left, const Tangent& right);
    [[nodiscard]] Segment plan(double begin, double end, const Tangent& left,
                               const Tangent& right) const;
    void search();
    void bisect(const Segment& segment, const Tangent& found);
    void cross(const Segment& segment, const Tangent& before, const Tangent& after);
    void merge();
    void sum();
    [[noreturn]] void refuse(double pieces) const;

    LinePath& path_;
    const PieceOptions& options_;
    std::vector<double> signs_, gradient_, last_;
    std::deque<Segment> waiting_;  ///< to be searched, from left to right
    std::vector<Segment> found_;   ///< pieces not yet summed
    double smallest_;              ///< shorter pieces cannot be told from rounding
    int64_t summed_ = 0;
};

Pieces::Pieces(LinePath& path, const PieceOptions& options)
    : path_(path),
      options_(options),
      signs_(path.direction().size()),
      gradient_(path.direction().size(), 0.0),
      smallest_(4 * path.epsilon()) {
    Rng rng(0, print_stream, 0);  // no seed of the user's: nothing random is left in the result
    for (size_t i = 0; i < signs_.size(); ++i)
        signs_[i] = path.direction()[i] * (0.5 + rng.uniform()) * (rng.next32() % 2 ? 1 : -1);
}

void Pieces::ask(std::span<const double> positions,
                 const std::function<void(const Tangent&)>& sink) {
    const std::span<const double> direction = path_.direction();
    path_.gradients(positions, [&](const PathPoint& point) {
        Tangent tangent{point.position, point.value, point.slope};
        for (size_t i = 0; i < direction.size(); ++i) {
            const double part = signs_[i] * point.gradient[i];
            tangent.print += part;
            tangent.print_size += std::abs(part);
            tangent.slope_size += std::abs(direction[i] * point.gradient[i]);
        }
        last_.assign(point.gradient.begin(), point.gradient.end());
        sink(tangent);
    });
}

// Within a piece the same masks make the same sums, so gradients agree to the last bits; the room
// is for engines that sum in another order in another row of the batch.
bool Pieces::same_gradient(const Tangent& a, const Tangent& b) const {
    const double room = 16 * path_.epsilon();
    return std::abs(a.slope - b.slope) <= room * std::max(a.slope_size, b.slope_size) &&
           std::abs(a.print - b.print) <= room * std::max(a.print_size, b.print_size);
}

// Values come out of the whole forward pass, so they carry more rounding than masks do.
bool Pieces::same_value(double a, double b, const Tangent& scale) const {
    const double size =
        std::max({std::abs(a), std::abs(b), std::abs(scale.value), scale.slope_size});
    return std::abs(a - b) <= 64 * path_.epsilon() * size;
}

// One window at each of three places is halved until it holds a single piece: its width tells how
// dense the kinks are. A smooth model bends in every window.
double Pieces::estimate() {
    constexpr int halvings = 20;
    double sum = 0;
    for (const double begin : {0.131, 0.487, 0.853}) {
        std::vector<double> ends = {begin};
        for (int k = 3; k <= halvings; ++k) ends.push_back(begin + std::ldexp(1.0, -k));
        std::optional<Tangent> first;
        int widest = 0;  // index of the widest window of a single piece
        for (size_t from = 0; from < ends.size() && widest == 0; from += 6) {
            int k = static_cast<int>(from);
            ask(std::span(ends).subspan(from, std::min<size_t>(6, ends.size() - from)),
                [&](const Tangent& tangent) {
                    if (!first)
                        first = tangent;
                    else if (widest == 0 && same_gradient(*first, tangent))
                        widest = k;
                    ++k;
                });
        }
        // No window at all: more than any network of a sensible size has, or smooth.
        if (widest == 0) return std::ldexp(1.0, halvings);
        if (widest > 1) sum += std::ldexp(1.0, widest + 1);  // kinks per unit length
    }
    return sum / 3;
}

// `left` and `right` are tangents at the two ends. At an end that is itself a kink the model may
// have answered for the other side; then the tangents cross at that very end, and a look just
// inside settles it.
Segment Pieces::plan(double begin, double end, const Tangent& left, const Tangent& right) const {
    Segment segment{.begin = begin,
                    .end = end,
                    .left = left,
                    .right = right,
                    .first = begin + (end - begin) / 2};
    const double bend = left.slope - right.slope;
    const bool whole = same_gradient(left, right) && same_value(left.at(end), right.value, left);
    if (whole || end - begin < smallest_) {
        segment.task = Task::none;
        return segment;
    }
    // Where the lines cross is known as well as rounding of the values lets it be; a kink put that
    // far beside its place changes the integral by rounding alone.
    const double size =
        std::max({std::abs(left.value), std::abs(right.value), left.slope_size, right.slope_size});
    const double blur = std::max(smallest_ / 4, 8 * path_.epsilon() * size / std::abs(bend));
    if (!(8 * blur < end - begin)) return segment;
    const double offset = (right.at(begin) - left.at(begin)) / bend;
    if (std::abs(offset) < blur) {
        segment.first = begin + 2 * blur;
    } else if (std::abs(offset - (end - begin)) < blur) {
        segment.first = end - 2 * blur;
    } else if (offset > 2 * blur && offset < end - begin - 2 * blur) {
        segment.task = Task::cross;
        segment.first = begin + offset - blur;
        segment.second = begin + offset + blur;
    }
    return segment;
}

void Pieces::add(double begin, double end, const Tangent& left, const Tangent& right) {
    const Segment segment = plan(begin, end, left, right);
    if (segment.task != Task::none) return waiting_.push_front(segment);
    found_.push_back(segment);
    // Places that were asked cut pieces in two, so there are more of these than pieces.
    if (static_cast<int64_t>(found_.size()) <= 4 * options_.max_pieces) return;
    double covered = 0;
    for (const Segment& piece : found_) covered += piece.end - piece.begin;
    refuse(static_cast<double>(found_.size()) / (2 * covered));
}

void Pieces::bisect(const Segment& segment, const Tangent& found) {
    add(segment.first, segment.end, found, segment.right);
    add(segment.begin, segment.first, segment.left, found);
}

// That the model takes the value of the crossing there proves nothing: it does wherever the
// crossing lies on the left piece or on the right one. The gradient must change there from one to
// the other.
void Pieces::cross(const Segment& segment, const Tangent& before, const Tangent& after) {
    const double kink = segment.first + (segment.second - segment.first) / 2;
    const bool left = same_gradient(segment.left, before) &&
                      same_value(before.value, segment.left.at(segment.first), before);
    const bool right = same_gradient(after, segment.right) &&
                       same_value(after.value, segment.right.at(segment.second), after);
    if (left && right) {
        found_.push_back({segment.begin, kink, segment.left, segment.left, Task::none});
        found_.push_back({kink, segment.end, segment.right, segment.right, Task::none});
        return;
    }
    const bool between = !same_gradient(before, after);
    add(between ? segment.second : segment.first, segment.end, after, segment.right);
    if (between) add(segment.first, segment.second, before, after);
    add(segment.begin, segment.first, segment.left, before);
}

// The leftmost first: what is covered when the limit comes tells how many there are in all.
void Pieces::search() {
    // Only a model whose gradient differs from call to call gets here.
    const int64_t hopeless = 32 * options_.max_pieces + 1024;
    while (!waiting_.empty()) {
        if (path_.gradient_evaluations() > hopeless) refuse(static_cast<double>(hopeless));
        std::vector<Segment> batch;
        std::vector<double> positions;
        const auto full = static_cast<size_t>(path_.preferred_batch());
        do {
            batch.push_back(waiting_.front());
            waiting_.pop_front();
            positions.push_back(batch.back().first);
            if (batch.back().task == Task::cross) positions.push_back(batch.back().second);
        } while (!waiting_.empty() && positions.size() + waiting_.front().probes() <= full);
        path_.expect(static_cast<int64_t>(waiting_.size() + positions.size() + found_.size()));
        auto segment = batch.begin();
        std::optional<Tangent> before;
        ask(positions, [&](const Tangent& found) {
            if (segment->task != Task::cross) return bisect(*segment++, found);
            if (!before) return void(before = found);
            cross(*segment++, *before, found);
            before.reset();
        });
    }
}

// Neighbours with the same gradient are one piece; a sliver goes to its neighbour.
void Pieces::merge() {
    std::ranges::sort(found_, {}, &Segment::begin);
    const auto is_sliver = [&](const Segment& piece) {
        return piece.end - piece.begin < smallest_;
    };
    std::vector<Segment> merged;
    for (const Segment& piece : found_) {
        const bool touches = !merged.empty() && merged.back().end == piece.begin;
        if (touches && is_sliver(merged.back())) {
            merged.back() = {merged.back().begin, piece.end, piece.left, piece.right, Task::none};
        } else if (touches &&
                   (is_sliver(piece) || same_gradient(merged.back().right, piece.left))) {
            merged.back().end = piece.end;
        } else {
            merged.push_back(piece);
        }
    }
    found_ = std::move(merged);
}

// The gradient at each middle is what is summed; where it is not the one expected, a tent between
// equal tangents was missed, and the search goes on there.
void Pieces::sum() {
    const std::vector<Segment> pieces = std::move(found_);
    found_.clear();
    std::vector<double> middles;
    for (const Segment& piece : pieces)
        middles.push_back(piece.begin + (piece.end - piece.begin) / 2);
    path_.expect(static_cast<int64_t>(middles.size()));
    auto piece = pieces.begin();
    ask(middles, [&](const Tangent& found) {
        const Segment& now = *piece++;
        const double length = now.end - now.begin;
        if (length >= smallest_ && !same_gradient(now.left, found)) {
            add(found.position, now.end, found, now.right);
            add(now.begin, found.position, now.left, found);
            return;
        }
        for (size_t i = 0; i < gradient_.size(); ++i) gradient_[i] += length * last_[i];
        ++summed_;
    });
}

void Pieces::refuse(double pieces) const {
    throw Error(
        ErrorKind::unsupported,
        fmt::format("exact integration allows {} linear pieces; between this baseline and this "
                    "input the model has about {:.0f}, or is not piecewise linear at all: "
                    "use adaptive steps (a photograph crosses about a million kinks)",
                    options_.max_pieces, pieces));
}

PathIntegral Pieces::integrate() {
    std::vector<Tangent> ends;
    const auto keep = [&](const Tangent& tangent) { ends.push_back(tangent); };
    const double input_position = 1, baseline_position = 0;
    ask({&input_position, 1}, keep);
    ask({&baseline_position, 1}, keep);
    // The windows are three samples: a refusal by them alone needs a clear excess.
    const double guess = estimate();
    if (guess > 4 * static_cast<double>(options_.max_pieces)) refuse(guess);

    add(0, 1, ends[1], ends[0]);
    while (!waiting_.empty() || !found_.empty()) {
        search();
        merge();
        const int64_t pieces = summed_ + static_cast<int64_t>(found_.size());
        if (pieces > options_.max_pieces) refuse(static_cast<double>(pieces));
        sum();
    }
    PathIntegral integral{
        .gradient = gradient_, .value = ends[0].value, .baseline_value = ends[1].value};
    double slope = 0;
    for (size_t i = 0; i < gradient_.size(); ++i) slope += gradient_[i] * path_.direction()[i];
    const double change = integral.value - integral.baseline_value;
    integral.converged =
        std::abs(slope - change) <=
        std::max(options_.tolerance * std::abs(change),
                 64 * path_.epsilon() * std::max(ends[0].slope_size, ends[1].slope_size));
    integral.notes.push_back(fmt::format("exact: {} linear pieces", summed_));
    return integral;
}

}  // namespace

PathIntegral integrate_pieces(LinePath& path, const PieceOptions& options) {
    return Pieces(path, options).integrate();
}

}  // namespace whence::gradients

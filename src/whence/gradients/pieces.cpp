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
    split,   ///< two different tangents at the ends: look in between
    verify,  ///< one piece, it seems: its middle must have the tangent of `left`
};

struct Segment {
    Tangent left, right;  ///< tangents that hold just inside both ends
    double begin = 0, end = 0;
    Task task = Task::split;
    double probe = 0;      ///< where to ask
    bool crossing = false; ///< split: probe is where the tangents cross
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
    [[nodiscard]] Segment make(double begin, double end, const Tangent& left, const Tangent& right) const;
    [[nodiscard]] Segment piece(double begin, double end, const Tangent& tangent) const;
    void handle(const Segment& segment, const Tangent& found);
    void accept(const Segment& segment, const Tangent& found);
    [[nodiscard]] int64_t count();
    [[noreturn]] void refuse(double pieces) const;

    LinePath& path_;
    const PieceOptions& options_;
    std::vector<double> signs_, gradient_, last_;
    std::deque<Segment> waiting_;
    std::vector<std::pair<double, Tangent>> accepted_;  ///< where each begins
    double smallest_, covered_ = 0;
};

Pieces::Pieces(LinePath& path, const PieceOptions& options)
    : path_(path), options_(options), signs_(path.direction().size()),
      gradient_(path.direction().size(), 0.0), smallest_(64 * path.epsilon()) {
    Rng rng(0, print_stream, 0);  // no seed of the user's: nothing random is left in the result
    for (size_t i = 0; i < signs_.size(); ++i)
        signs_[i] = path.direction()[i] * (0.5 + rng.uniform()) * (rng.next32() % 2 ? 1 : -1);
}

void Pieces::ask(std::span<const double> positions, const std::function<void(const Tangent&)>& sink) {
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

// Within a piece the same masks make the same sums, so gradients agree to the last bits; the room is
// for engines that sum in another order in another row of the batch.
bool Pieces::same_gradient(const Tangent& a, const Tangent& b) const {
    const double room = 16 * path_.epsilon();
    return std::abs(a.slope - b.slope) <= room * std::max(a.slope_size, b.slope_size) &&
           std::abs(a.print - b.print) <= room * std::max(a.print_size, b.print_size);
}

// Values come out of the whole forward pass, so they carry more rounding than masks do.
bool Pieces::same_value(double a, double b, const Tangent& scale) const {
    const double size = std::max({std::abs(a), std::abs(b), std::abs(scale.value), scale.slope_size});
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
                    if (!first) first = tangent;
                    else if (widest == 0 && same_gradient(*first, tangent)) widest = k;
                    ++k;
                });
        }
        // No window at all: more than any network of a sensible size has, or smooth.
        if (widest == 0) return std::ldexp(1.0, halvings);
        if (widest > 1) sum += std::ldexp(1.0, widest + 1);  // kinks per unit length
    }
    return sum / 3;
}

Segment Pieces::piece(double begin, double end, const Tangent& tangent) const {
    return {.left = tangent, .right = tangent, .begin = begin, .end = end, .task = Task::verify,
            .probe = begin + (end - begin) / 2};
}

// `left` and `right` are tangents at the two ends. At an end that is itself a kink the model may have
// answered for the other side; then the tangents cross at that very end, and one of them is void.
Segment Pieces::make(double begin, double end, const Tangent& left, const Tangent& right) const {
    if (same_gradient(left, right) && same_value(left.at(end), right.value, left))
        return piece(begin, end, left);
    if (end - begin < smallest_) return piece(begin, end, right);
    Segment segment{.left = left, .right = right, .begin = begin, .end = end,
                    .probe = begin + (end - begin) / 2};
    const double bend = left.slope - right.slope;
    if (bend == 0) return segment;
    const double offset = (right.at(begin) - left.at(begin)) / bend;
    if (std::abs(offset) < smallest_) return piece(begin, end, right);
    if (std::abs(offset - (end - begin)) < smallest_) return piece(begin, end, left);
    if (offset > 0 && offset < end - begin) {
        segment.probe = begin + offset;
        segment.crossing = true;
    }
    return segment;
}

void Pieces::accept(const Segment& segment, const Tangent& found) {
    const double length = segment.end - segment.begin;
    for (size_t i = 0; i < gradient_.size(); ++i) gradient_[i] += length * last_[i];
    covered_ += length;
    accepted_.emplace_back(segment.begin, found);
    // Places that were asked cut pieces in two, so there are more of these than pieces.
    if (const auto count = static_cast<int64_t>(accepted_.size()); count > 4 * options_.max_pieces)
        refuse(static_cast<double>(count) / (2 * covered_));
}

void Pieces::handle(const Segment& segment, const Tangent& found) {
    const double begin = segment.begin, end = segment.end, middle = segment.probe;
    if (segment.task == Task::verify &&
        (end - begin < smallest_ || same_gradient(segment.left, found)))
        return accept(segment, found);
    if (segment.crossing && same_value(found.value, segment.left.at(middle), segment.left)) {
        waiting_.push_front(piece(middle, end, segment.right));
        waiting_.push_front(piece(begin, middle, segment.left));
        return;
    }
    waiting_.push_front(make(middle, end, found, segment.right));
    waiting_.push_front(make(begin, middle, segment.left, found));
}

int64_t Pieces::count() {
    std::ranges::sort(accepted_, {}, &std::pair<double, Tangent>::first);
    int64_t pieces = 1;
    for (size_t k = 1; k < accepted_.size(); ++k)
        pieces += !same_gradient(accepted_[k - 1].second, accepted_[k].second);
    return pieces;
}

void Pieces::refuse(double pieces) const {
    throw Error(ErrorKind::unsupported,
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

    waiting_.push_back(make(0, 1, ends[1], ends[0]));
    while (!waiting_.empty()) {
        // The leftmost first: what is covered when the limit comes tells how many there are in all.
        const auto count = std::min<size_t>(waiting_.size(), path_.preferred_batch());
        std::vector<Segment> batch(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(count));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(count));
        std::vector<double> positions;
        for (const Segment& segment : batch) positions.push_back(segment.probe);
        path_.expect(static_cast<int64_t>(waiting_.size() + count));
        size_t k = 0;
        ask(positions, [&](const Tangent& found) { handle(batch[k++], found); });
    }
    const int64_t pieces = count();
    if (pieces > options_.max_pieces) refuse(static_cast<double>(pieces));
    PathIntegral integral{.gradient = gradient_, .value = ends[0].value, .baseline_value = ends[1].value};
    double slope = 0;
    for (size_t i = 0; i < gradient_.size(); ++i) slope += gradient_[i] * path_.direction()[i];
    const double change = integral.value - integral.baseline_value;
    integral.converged = std::abs(slope - change) <=
                         std::max(options_.tolerance * std::abs(change),
                                  64 * path_.epsilon() * std::max(ends[0].slope_size, ends[1].slope_size));
    integral.notes.push_back(fmt::format("exact: {} linear pieces", pieces));
    return integral;
}

}  // namespace

PathIntegral integrate_pieces(LinePath& path, const PieceOptions& options) {
    return Pieces(path, options).integrate();
}

}  // namespace whence::gradients

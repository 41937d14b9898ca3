#pragma once
// One batched evaluator for every metric that asks the model about inputs with players removed.
//
// Metrics say first what they want to know (Questions), the model is asked once, in full batches
// over all explanations, and metrics then read their answers. A question is "an order of players,
// and which stretch of it is missing": deletion, insertion, pixel flipping, least relevant first,
// monotonicity, single players and random subsets are all of that kind. Equal questions, f(x) and
// f(baseline) among them, are asked once whoever puts them.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "whence/core/model.h"
#include "whence/mask/masker.h"

namespace whence::metrics {

/// An explanation to be judged: what was explained, what its players are and how they are removed,
/// and what the explanation says of each.
struct Explained {
    const Batch* input = nullptr;  ///< one row, the masker's
    ResolvedTarget target;
    const Masker* masker = nullptr;  ///< says what "removed" means
    std::vector<double> values;      ///< one for each player, finite
    /// Several explanations of one input, with one masker and target, have one number (0 or more):
    /// what metrics draw at random is the same for them, and what they have in common is asked once.
    /// -1: its own place.
    int64_t game = -1;
};

/// A question, to be exchanged for its answer.
struct Ticket {
    int64_t number = 0;
};
/// An order of players of one explanation.
struct Order {
    int64_t number = 0;
};

class Questions {
  public:
    /// `model`, and inputs and maskers of `explained`, must outlive this. Throws Error(input)
    /// naming the explanation whose input is not one row, that has no players, or whose values are
    /// not finite numbers, one for each player.
    Questions(const Model& model, std::vector<Explained> explained);

    [[nodiscard]] int64_t size() const { return static_cast<int64_t>(explained_.size()); }
    [[nodiscard]] const Explained& explained(int64_t i) const { return explained_[i]; }
    [[nodiscard]] int64_t players(int64_t i) const { return explained_[i].masker->players(); }

    /// What random draws about explanation i depend on, beside the seed: see Explained::game.
    [[nodiscard]] int64_t game(int64_t i) const {
        return explained_[i].game < 0 ? i : explained_[i].game;
    }

    /// Players from the largest value to the smallest, of equals the first first. Made once.
    [[nodiscard]] Order ranked(int64_t i);
    /// Random order number `number`: depends on the seed, game(i) and number alone. Metrics that want
    /// random subsets take the beginnings of these, and so share what they ask.
    [[nodiscard]] Order random(int64_t i, int64_t number, uint64_t seed);
    /// A given order, of all players or of some. Throws Error(usage) for a player that does not
    /// exist or comes twice.
    [[nodiscard]] Order given(int64_t i, std::span<const int32_t> players);
    [[nodiscard]] std::span<const int32_t> players_of(Order order) const;

    /// f(x).
    [[nodiscard]] Ticket whole(int64_t i);
    /// f with all players removed: f(baseline) where every element belongs to a player.
    [[nodiscard]] Ticket none(int64_t i);
    /// f without the players at [begin, end) of the order.
    [[nodiscard]] Ticket without(Order order, int64_t begin, int64_t end);

    /// Asks the model whatever has not been asked yet. Throws Error(model) where it answers with
    /// something that is not a finite number, Error(interrupted) or OutOfReach as `run` demands:
    /// then nothing new is answered.
    void ask(const Run& run);
    /// The answer: the mean over the masker's ways of filling in, by their weights.
    [[nodiscard]] double answer(Ticket ticket) const;

    /// Questions put, equal ones counted each time; different ones; rows the model was asked.
    [[nodiscard]] int64_t put() const { return put_; }
    [[nodiscard]] int64_t different() const { return static_cast<int64_t>(asked_.size()); }
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }

  private:
    struct Question {
        int64_t of;     // explanation
        int64_t order;  // -1: nobody is missing
        int64_t begin, end;
        friend bool operator==(const Question&, const Question&) = default;
    };
    struct QuestionHash {
        size_t operator()(const Question& q) const;
    };
    struct Players {
        int64_t of;
        std::vector<int32_t> order;
    };
    // Consecutive rows of one batch that belong to one explanation.
    struct Piece {
        int64_t of, first_row, rows;
    };
    class Rows;

    Ticket add(const Question& question);
    [[nodiscard]] int64_t ways(const Question& question) const;
    void write(Batch& rows, int64_t of, std::span<const int64_t> questions, int64_t way,
               const Run& run) const;

    const Model& model_;
    std::vector<Explained> explained_;
    std::vector<int64_t> first_;  // of each explanation: the first of the same game
    std::vector<Players> orders_;
    std::vector<int64_t> ranked_;                   // order of each explanation, -1: not yet
    std::unordered_map<uint64_t, int64_t> random_;  // (explanation, number) -> order
    std::unordered_map<Question, int64_t, QuestionHash> known_;
    std::vector<Question> asked_;
    std::vector<double> answers_;
    int64_t put_ = 0, evaluations_ = 0;
};

/// What a metric found for one explanation.
struct Score {
    double value = 0;  ///< NaN where it is not defined; then `undefined_because`
    std::string undefined_because;
    std::vector<double> x, curve;          ///< of metrics that are summaries of curves; else empty
    std::optional<double> standard_error;  ///< where the metric samples
};

/// Reads answers after they were given.
using Pending = std::function<Score(const Questions& answers)>;

/// A metric that asks the model. Stateless: options and nothing else; safe from several threads.
class Metric {
  public:
    virtual ~Metric() = default;
    /// Its row in the table of metrics.
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Puts its questions about explanation i and returns how the answers become a score. Throws
    /// Error(usage) for options that do not fit.
    [[nodiscard]] virtual Pending plan(Questions& questions, int64_t i, const Run& run) const = 0;
};

struct Scores {
    std::vector<std::vector<Score>> of;  ///< [metric][explanation]
    int64_t evaluations = 0;             ///< rows the model was asked
    int64_t questions = 0, different = 0;
};

/// Every metric of every explanation; the model is asked each different question once, in batches
/// that explanations share where their inputs have the same tensors. The same bits whatever the
/// threads. Memory: a byte for each player and row of a batch, 4 for each player and order.
[[nodiscard]] Scores evaluate(const Model& model, std::vector<Explained> explained,
                              std::span<const Metric* const> metrics, const Run& run);

}  // namespace whence::metrics

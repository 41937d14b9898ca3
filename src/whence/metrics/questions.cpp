#include "whence/metrics/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

constexpr uint32_t order_stream = 0x6d657472;  // random orders of players

void copy_rows(const Tensor& from, Tensor& to, int64_t first) {
    if (from.type() == ElementType::string) {
        const auto source = from.as<std::string>();
        std::ranges::copy(source, to.as<std::string>().begin() + first * to.row_size());
    } else {
        std::memcpy(
            to.data() + first * to.row_size() * static_cast<int64_t>(element_size(to.type())),
            from.data(), from.bytes());
    }
}

// Rows of `a` and of `b` can stand in one batch.
bool fit(const Batch& a, const Batch& b) {
    return std::ranges::equal(a.tensors(), b.tensors(), [](const auto& s, const auto& t) {
        return s.name == t.name && s.value.type() == t.value.type() &&
               s.value.shape() == t.value.shape();
    });
}

void check(const Explained& e, int64_t i) {
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorKind::input, fmt::format("explanation {}: {}", i, why));
    };
    if (!e.input || !e.masker) refuse("it has no input or no players");
    if (e.input->rows() != 1)
        refuse(fmt::format("the input has {} rows, not one", e.input->rows()));
    const auto players = static_cast<size_t>(e.masker->players());
    if (players == 0) refuse("it has no players");
    if (e.values.size() != players)
        refuse(fmt::format("{} values for {} players", e.values.size(), players));
    for (const double value : e.values)
        if (!std::isfinite(value)) refuse("a value is not a finite number");
}

}  // namespace

Questions::Questions(const Model& model, std::vector<Explained> explained)
    : model_(model), explained_(std::move(explained)), ranked_(explained_.size(), -1) {
    std::unordered_map<int64_t, int64_t> first;
    for (int64_t i = 0; i < size(); ++i) {
        check(explained_[i], i);
        const int64_t number = explained_[i].game;
        first_.push_back(number < 0 ? i : first.try_emplace(number, i).first->second);
        if (players(i) != players(first_[i]))
            throw Error(ErrorKind::input,
                        fmt::format("explanations {} and {} are of one game and have {} and {} players",
                                    first_[i], i, players(first_[i]), players(i)));
    }
}

size_t Questions::QuestionHash::operator()(const Question& q) const {
    uint64_t h = 0;
    for (const int64_t part : {q.of, q.order, q.begin, q.end})
        h = (h ^ static_cast<uint64_t>(part)) * 0x9E3779B97F4A7C15ULL + (h >> 29);
    return h;
}

Order Questions::ranked(int64_t i) {
    if (ranked_[i] < 0) {
        ranked_[i] = static_cast<int64_t>(orders_.size());
        orders_.push_back({i, descending(explained_[i].values)});
    }
    return {ranked_[i]};
}

Order Questions::random(int64_t i, int64_t number, uint64_t seed) {
    const uint64_t index = static_cast<uint64_t>(game(i)) << 32 | static_cast<uint64_t>(number);
    i = first_[i];
    const auto [known, is_new] = random_.try_emplace(index, orders_.size());
    if (is_new) {
        std::vector<int32_t> order(players(i));
        std::iota(order.begin(), order.end(), 0);
        Rng(seed, order_stream, index).shuffle(order);
        orders_.push_back({i, std::move(order)});
    }
    return {known->second};
}

Order Questions::given(int64_t i, std::span<const int32_t> players) {
    std::vector<bool> seen(this->players(i), false);
    for (const int32_t player : players) {
        if (player < 0 || player >= this->players(i) || seen[player])
            throw Error(ErrorKind::usage,
                        fmt::format("player {} of explanation {} comes twice or does not exist: it "
                                    "has {}",
                                    player, i, this->players(i)));
        seen[player] = true;
    }
    orders_.push_back({i, {players.begin(), players.end()}});
    return {static_cast<int64_t>(orders_.size()) - 1};
}

std::span<const int32_t> Questions::players_of(Order order) const {
    return orders_[order.number].order;
}

Ticket Questions::whole(int64_t i) {
    return add({first_[i], -1, 0, 0});
}

Ticket Questions::none(int64_t i) {
    return add({first_[i], ranked(first_[i]).number, 0, players(i)});
}

Ticket Questions::without(Order order, int64_t begin, int64_t end) {
    const int64_t i = orders_[order.number].of;
    if (begin == end) return whole(i);
    if (end - begin == players(i)) return none(i);
    return add({i, order.number, begin, end});
}

Ticket Questions::add(const Question& question) {
    ++put_;
    const auto [known, is_new] = known_.try_emplace(question, asked_.size());
    if (is_new) asked_.push_back(question);
    return {known->second};
}

int64_t Questions::ways(const Question& question) const {
    return question.order < 0 ? 1 : explained_[question.of].masker->fillings();
}

double Questions::answer(Ticket ticket) const {
    return answers_.at(static_cast<size_t>(ticket.number));
}

// Rows of `rows` for consecutive questions about one explanation, the first of which begins with
// filling `way`.
void Questions::write(Batch& rows, int64_t of, std::span<const int64_t> questions, int64_t way,
                      const Run& run) const {
    const Masker& masker = *explained_[of].masker;
    const int64_t count = masker.players();
    std::vector<uint8_t> present(questions.size() * count, 1);
    for (size_t q = 0; q < questions.size(); ++q) {
        const Question& question = asked_[questions[q]];
        const std::vector<int32_t>& order = orders_[question.order].order;
        for (int64_t at = question.begin; at < question.end; ++at)
            present[q * count + order[at]] = 0;
    }
    masker.apply({present.data(), static_cast<int64_t>(questions.size()), count}, way, rows, run);
}

// Walks over the rows to be asked, question by question and filling by filling, in batches.
class Questions::Rows {
  public:
    Rows(const Questions& all, int64_t first) : all_(all), question_(first) {}

    [[nodiscard]] bool done() const { return question_ == all_.different(); }

    /// The next rows, at most `limit`; `pieces` says whose they are, `questions` which.
    Batch next(int64_t limit, std::vector<Piece>& pieces, std::vector<int64_t>& questions,
               const Run& run) {
        pieces.clear();
        questions.clear();
        const Batch& first = input();
        std::vector<Batch> parts;
        int64_t filled = 0;
        while (!done() && filled < limit && fit(first, input())) {
            const int64_t of = all_.asked_[question_].of;
            parts.push_back(part(limit - filled, questions, run));
            pieces.push_back({of, filled, parts.back().rows()});
            filled += parts.back().rows();
        }
        if (parts.size() == 1) return std::move(parts[0]);
        Batch all = first.repeat_row(filled);
        for (size_t p = 0; p < parts.size(); ++p)
            for (size_t t = 0; t < all.size(); ++t)
                copy_rows(parts[p][t].value, all[t].value, pieces[p].first_row);
        return all;
    }

  private:
    [[nodiscard]] const Batch& input() const {
        return *all_.explained_[all_.asked_[question_].of].input;
    }

    // Rows of one explanation: the whole input alone, or as many masked ones as fit.
    Batch part(int64_t limit, std::vector<int64_t>& questions, const Run& run) {
        const Question& start = all_.asked_[question_];
        const Batch& whole = input();
        if (start.order < 0) {
            questions.push_back(question_++);
            return whole;
        }
        const int64_t of = start.of, ways = all_.ways(start), first_way = way_;
        std::vector<int64_t> covered;
        int64_t rows = 0;
        while (rows < limit && !done() && all_.asked_[question_].of == of &&
               all_.asked_[question_].order >= 0) {
            const int64_t take = std::min(ways - way_, limit - rows);
            covered.push_back(question_);
            questions.insert(questions.end(), take, question_);
            rows += take;
            way_ = (way_ + take) % ways;
            if (way_ == 0) ++question_;
        }
        Batch batch = whole.repeat_row(rows);
        all_.write(batch, of, covered, first_way, run);
        return batch;
    }

    const Questions& all_;
    int64_t question_, way_ = 0;
};

void Questions::ask(const Run& run) {
    const auto first = static_cast<int64_t>(answers_.size());
    std::vector<double> answers(different() - first, 0.0);
    std::vector<int64_t> ways_seen(answers.size(), 0);
    const int64_t limit = std::max<int64_t>(1, model_.preferred_batch());
    int64_t total = 0, done = 0;
    for (int64_t q = first; q < different(); ++q) total += ways(asked_[q]);
    Rows rows(*this, first);
    std::vector<Piece> pieces;
    std::vector<int64_t> questions;
    while (!rows.done()) {
        run.check();
        const Batch batch = rows.next(limit, pieces, questions, run);
        const Batch outputs = model_.predict(batch, run);
        evaluations_ += batch.rows();
        for (const Piece& piece : pieces) {
            const Explained& e = explained_[piece.of];
            const std::vector<double> values = target_values(
                e.target,
                pieces.size() == 1 ? outputs : outputs.slice_rows(piece.first_row, piece.rows));
            const std::span<const double> weights = e.masker->weights();
            for (int64_t r = 0; r < piece.rows; ++r) {
                if (!std::isfinite(values[r]))
                    throw Error(ErrorKind::model, "the model returned a number that is not finite");
                const int64_t q = questions[piece.first_row + r], of_ways = ways(asked_[q]);
                const int64_t way = ways_seen[q - first]++;
                answers[q - first] += of_ways == 1      ? values[r]
                                      : weights.empty() ? values[r] / static_cast<double>(of_ways)
                                                        : values[r] * weights[way];
            }
        }
        done += batch.rows();
        run.report("metrics", done, total);
    }
    answers_.insert(answers_.end(), answers.begin(), answers.end());
}

Scores evaluate(const Model& model, std::vector<Explained> explained,
                std::span<const Metric* const> metrics, const Run& run) {
    run.check();
    Questions questions(model, std::move(explained));
    std::vector<std::vector<Pending>> pending(metrics.size());
    // Explanation by explanation, so that questions about one stand together.
    for (int64_t i = 0; i < questions.size(); ++i)
        for (size_t m = 0; m < metrics.size(); ++m)
            pending[m].push_back(metrics[m]->plan(questions, i, run));
    questions.ask(run);
    Scores scores;
    for (const std::vector<Pending>& of_metric : pending) {
        scores.of.emplace_back();
        for (const Pending& read : of_metric) scores.of.back().push_back(read(questions));
    }
    scores.evaluations = questions.evaluations();
    scores.questions = questions.put();
    scores.different = questions.different();
    return scores;
}

}  // namespace whence::metrics

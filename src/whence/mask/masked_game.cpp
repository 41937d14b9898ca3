#include "whence/mask/masked_game.h"

#include <array>
#include <cmath>
#include <optional>

#include "whence/core/error.h"

namespace whence {
namespace {

constexpr std::array<std::string_view, 3> link_names{"identity", "logit", "log-loss"};

}  // namespace

std::string_view name(Link link) {
    return link_names[static_cast<size_t>(link)];
}

Link parse_link(std::string_view text) {
    for (size_t i = 0; i < link_names.size(); ++i)
        if (text == link_names[i]) return static_cast<Link>(i);
    throw Error(ErrorKind::usage,
                "there is no link '" + std::string(text) + "'; there are identity, logit, log-loss");
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
    : model_(model),
      target_(std::move(target)),
      masker_(masker),
      input_(input),
      link_(link) {}

std::vector<double> MaskedGame::values(MatrixView<const uint8_t> coalitions,
                                       const Run& run) const {
    const int64_t ways = masker_.fillings();
    const std::span<const double> weights = masker_.weights();
    // The caller knows how many coalitions there are to come; progress is its affair.
    Run quiet = run;
    quiet.progress = nullptr;
    Evaluator evaluator(model_, target_, quiet);
    const auto fill = [&](int64_t first, Batch& rows) {
        masker_.apply(coalitions, first, rows, run);
    };
    std::vector<double> scores;
    std::optional<OutOfReach> cut;
    try {
        scores = evaluator.scores(input_, coalitions.rows * ways, fill, "");
    } catch (const OutOfReach& why) {
        cut = why;
        scores = why.answered();
    }
    const int64_t whole = static_cast<int64_t>(scores.size()) / ways;
    std::vector<double> values(whole);
    for (int64_t c = 0; c < whole; ++c) {
        double sum = 0;
        for (int64_t way = 0; way < ways; ++way)
            sum += scores[c * ways + way] * (weights.empty() ? 1 : weights[way]);
        values[c] = apply_link(link_, weights.empty() ? sum / static_cast<double>(ways) : sum);
    }
    if (cut) throw OutOfReach(*cut, std::move(values));
    return values;
}

}  // namespace whence

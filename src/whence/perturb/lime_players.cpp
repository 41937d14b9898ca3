#include "whence/perturb/lime_players.h"

#include "whence/core/error.h"
#include "whence/perturb/masked_lime.h"

namespace whence {

using namespace perturb;  // the helpers of this folder

LimePlayers::LimePlayers(const Model& model, const Masker& masker, std::string hidden,
                   LimePlayersOptions options)
    : model_(model), masker_(masker), hidden_(std::move(hidden)), options_(std::move(options)) {
    check(fit_options(options_), options_.kernel_width);
    if (masker.players() == 0) throw Error(ErrorKind::input, "the text has no words to explain");
}

Explanation LimePlayers::explain(const Batch& input, const Target& target, const Run& run) const {
    return MaskedLime{.model = model_,
                      .masker = masker_,
                      .hidden = hidden_,
                      .noun = "words",
                      .removal = Removal::number,
                      .kernel = {options_.distance, options_.kernel_width, 100, options_.kernel},
                      .scheme = options_.scheme,
                      .fit = fit_options(options_)}
        .explain(input, target, run);
}

}  // namespace whence

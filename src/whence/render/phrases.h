#pragma once
// The sentences of in_words, one for each language. Private to this folder and its tests.

#include <array>
#include <string_view>

#include "whence/render/words.h"

namespace whence::render {

enum class Phrase {
    probability,        ///< class, probability
    score,              ///< class, score, unit
    logit,              ///< units
    log_probability,
    log_loss,
    squared_error,
    raw,
    compared,           ///< baseline, value there, difference
    raised,             ///< features
    lowered,            ///< features
    asks_about,         ///< features
    nothing,
    half_mass,          ///< share of the pixels
    rule,               ///< conditions, class, precision, its ends, coverage
    is_there,           ///< word or segment
    is_missing,         ///< word, segment or column
    segment,            ///< its number
    missing,            ///< a value
    always,             ///< class, precision, its ends
    counterfactual,     ///< wanted, changes
    no_counterfactual,  ///< wanted
    change,             ///< feature, from, to
    adds_up,            ///< relative error
    fit,                ///< R2
    unsettled,          ///< how many, of how many
    not_converged,
    no_cause,
    separator,
};
inline constexpr size_t phrase_count = static_cast<size_t>(Phrase::separator) + 1;

/// The template, with {0}, {1}, ... where its parts go.
[[nodiscard]] std::string_view wording(Phrase phrase, Language language);

}  // namespace whence::render

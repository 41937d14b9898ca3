#pragma once
// What every picture, text and page says about an explanation, worded once. All strings are cleaned
// for display (no control characters, valid UTF-8) but not escaped for HTML or XML.

#include <string>
#include <string_view>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::render {

/// `text` made safe to show: core's printable(), then strictly valid UTF-8 without characters that
/// turn the direction of text. Cut after `limit` bytes.
[[nodiscard]] std::string clean(std::string_view text, size_t limit = 200);

/// "integrated-gradients" -> "Integrated gradients", "lime" -> "LIME".
[[nodiscard]] std::string method_title(std::string_view method);
/// "malignant (class 0 of 2)", "class 3 minus class 5", "output y".
[[nodiscard]] std::string target_name(const TargetRecord& target);
/// Its name alone, where it has one: "malignant".
[[nodiscard]] std::string short_target(const TargetRecord& target);
/// "probability", "logit", "log-probability", "raw output".
[[nodiscard]] std::string scale_name(const TargetRecord& target);
/// The same, or the link that its values went through: "logit of the probability", "log-loss".
[[nodiscard]] std::string scale_name(const Explanation& explanation);
/// "logit" or "log-loss" where a method put one between the model and its values; else empty.
[[nodiscard]] std::string link_of(const Explanation& explanation);
/// "If 2.3 < age <= 4 and not (sex=f): 0.73 (12 % of the samples)".
[[nodiscard]] std::string local_rule_sentence(const Explanation& explanation,
                                              const LocalRule& rule);
/// "50 evaluations with gradient, 1 000 without".
[[nodiscard]] std::string cost(const Provenance& provenance);
/// "+0.0023 (0.4 %)", or "none (why)".
[[nodiscard]] std::string error_fact(const Diagnostics& diagnostics);

/// One label and what stands beside it.
struct Fact {
    std::string label, text;
};
/// Target, prediction, baseline, error, fit of a surrogate, cost and seed: what stands above every
/// picture.
[[nodiscard]] std::vector<Fact> facts(const Explanation& explanation);

/// Its text with a minus sign for the hyphen of a number (and of nothing else).
[[nodiscard]] std::string typeset_fact(const Fact& fact);

/// How serious a finding is.
enum class Level { good, remark, warning };
struct Finding {
    Level level;
    std::string text;
};
/// How far to trust the explanation, one sentence each, in plain words: completeness, fit of a
/// surrogate, convergence, standard errors, values that are no numbers, the method's notes.
[[nodiscard]] std::vector<Finding> findings(const Explanation& explanation);

/// What the explanation says, in one or two sentences.
[[nodiscard]] std::string summary(const Explanation& explanation);

}  // namespace whence::render

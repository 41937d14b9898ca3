#include "whence/render/facts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "whence/core/error.h"
#include "whence/render/number.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

// What may not be shown although it is valid UTF-8 or nearly: characters that reorder the text
// around them (a file name could then lie), line separators, and what XML forbids.
bool forbidden(char32_t code) {
    return (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || (code >= 0xFDD0 && code <= 0xFDEF) ||
           (code & 0xFFFE) == 0xFFFE || code == 0x61C || code == 0xFEFF || code == 0xFFFD;
}

struct Title {
    std::string_view method, title;
};
constexpr std::array titles = {
    Title{"lime", "LIME"},
    Title{"sedc", "SEDC"},
    Title{"banzhaf", "Banzhaf values"},
    Title{"rise", "RISE"},
    Title{"idgi", "IDGI"},
    Title{"integrated-hessians", "Integrated Hessians"},
    Title{"kernel-shap", "KernelSHAP"},
    Title{"exact-shap", "Exact SHAP"},
    Title{"permutation-shap", "Permutation SHAP"},
    Title{"sampling-shap", "Sampling SHAP"},
    Title{"partition-shap", "Partition SHAP"},
    Title{"linear-shap", "Linear SHAP"},
    Title{"shap-interactions", "SHAP interactions"},
    Title{"tree-shap", "TreeSHAP"},
    Title{"deep-shap", "DeepSHAP"},
    Title{"deep-lift", "DeepLIFT"},
    Title{"deeplift", "DeepLIFT"},
    Title{"smooth-grad", "SmoothGrad"},
    Title{"smoothgrad", "SmoothGrad"},
    Title{"cam", "CAM"},
    Title{"grad-cam", "Grad-CAM"},
    Title{"grad-cam++", "Grad-CAM++"},
    Title{"score-cam", "Score-CAM"},
    Title{"ablation-cam", "Ablation-CAM"},
    Title{"eigen-cam", "Eigen-CAM"},
    Title{"guided-grad-cam", "Guided Grad-CAM"},
    Title{"odam", "ODAM"},
    Title{"hires-cam", "HiResCAM"},
    Title{"layer-cam", "LayerCAM"},
    Title{"xgrad-cam", "XGrad-CAM"},
    Title{"input-x-gradient", "Input \u00d7 gradient"},
    Title{"grad-eclip", "Grad-ECLIP"},
    Title{"legrad", "LeGrad"},
    Title{"pairwise", "Pairwise attribution"},
    Title{"gradient-x-input", "Gradient \u00d7 input"},
    Title{"gradient-times-input", "Gradient \u00d7 input"},
};

std::string class_number(int64_t index) {
    return "class " + std::to_string(index);
}

}  // namespace

std::string clean(std::string_view text, size_t limit) {
    std::string out;
    const std::string safe = printable(text, limit);
    for (const std::string_view character : characters(safe))
        out += forbidden(code_point(character)) ? "?" : character;
    return out;
}

std::string method_title(std::string_view method) {
    const auto found = std::ranges::find(titles, method, &Title::method);
    if (found != titles.end()) return std::string(found->title);
    std::string out = clean(method, 60);
    std::ranges::replace(out, '-', ' ');
    if (out.empty()) return "Explanation";
    out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
    return out;
}

std::string target_name(const TargetRecord& target) {
    const ResolvedTarget& resolved = target.resolved;
    const std::string label = clean(target.label);
    if (resolved.minus) {
        const std::string pair =
            class_number(resolved.index) + " minus " + class_number(*resolved.minus);
        return label.empty() ? pair : label + " (" + pair + ")";
    }
    if (!label.empty())
        return resolved.classes > 1 ? label + " (" + class_number(resolved.index) + " of " +
                                          count(resolved.classes) + ")"
                                    : label;
    if (resolved.classes > 1)
        return class_number(resolved.index) + " of " + count(resolved.classes);
    return resolved.output.empty() ? "the output" : "output " + clean(resolved.output);
}

std::string short_target(const TargetRecord& target) {
    const std::string label = clean(target.label);
    return label.empty() ? target_name(target) : label;
}

std::string scale_name(const TargetRecord& target) {
    const Scale scale = target.resolved.scale;
    return scale == Scale::raw || scale == Scale::automatic ? "raw output"
                                                            : std::string(name(scale));
}

std::string link_of(const Explanation& explanation) {
    for (const Option& option : explanation.provenance.options)
        if (const auto* link = std::get_if<std::string>(&option.value);
            link && option.name == "link" && *link != "identity")
            return clean(*link);
    return "";
}

std::string scale_name(const Explanation& explanation) {
    const std::string link = link_of(explanation), scale = scale_name(explanation.target);
    return link.empty() ? scale : link + " of the " + scale;
}

std::string cost(const Provenance& provenance) {
    const auto evaluations = [](int64_t n) {
        return count(n) + (n == 1 ? " evaluation" : " evaluations");
    };
    if (provenance.gradient_evaluations == 0) return evaluations(provenance.evaluations);
    const std::string gradients = evaluations(provenance.gradient_evaluations) + " with gradient";
    return provenance.evaluations == 0
               ? gradients
               : gradients + ", " + count(provenance.evaluations) + " without";
}

std::string error_fact(const Diagnostics& diagnostics) {
    if (!diagnostics.attribution_error) {
        const std::string because = clean(diagnostics.no_error_because);
        return because.empty() ? "none" : "none (" + because + ")";
    }
    const std::string error = signed_number(*diagnostics.attribution_error, 2);
    if (!diagnostics.relative_error || !std::isfinite(*diagnostics.relative_error)) return error;
    return error + " (" + percent(*diagnostics.relative_error) + ")";
}

std::string local_rule_sentence(const Explanation& explanation, const LocalRule& rule) {
    std::string out;
    for (const Rule::Condition& condition : rule.conditions)
        out += (out.empty() ? "If " : " and ") + clean(condition.text);
    if (out.empty()) out = "Everywhere";
    return out + ": " + short_target(explanation.target) + " " + number(rule.value) + " (" +
           percent(rule.share) + " of the samples)";
}

std::vector<Fact> facts(const Explanation& explanation) {
    const TargetRecord& target = explanation.target;
    const std::string baseline = clean(target.baseline);
    std::vector<Fact> out;
    out.push_back({"target", target_name(target) + ", " + scale_name(explanation)});
    if (!explanation.attribution.layer.empty())
        out.push_back({"layer", clean(explanation.attribution.layer)});
    out.push_back({"f(x)", number(target.value)});
    // Counterfactuals are compared with the input itself.
    const std::optional<Counterfactuals>& other = explanation.counterfactuals;
    if (other) {
        out.push_back({"wanted", clean(other->wanted)});
        out.push_back({"distance", clean(other->metric)});
        if (other->lower_bound) out.push_back({"lower bound", number(*other->lower_bound)});
    } else {
        out.push_back({"baseline", baseline.empty() ? "none" : baseline});
        if (!explanation.rule)
            out.push_back({"f(baseline)", target.baseline_value ? number(*target.baseline_value) : "none"});
    }
    if (target.neutrality)
        out.push_back({"neutrality", number(target.neutrality->distance) + " from " +
                                         clean(target.neutrality->compared_with) +
                                         "; the model says " + clean(target.neutrality->prediction)});
    if (!other && !explanation.rule)
        out.push_back({"attribution error", error_fact(explanation.diagnostics)});
    if (explanation.diagnostics.surrogate_r2)
        out.push_back({"local fit", "R\u00b2 " + number(*explanation.diagnostics.surrogate_r2)});
    if (!explanation.local_rules.empty() && explanation.local_rules[0].holds_here)
        out.push_back(
            {"local rule", local_rule_sentence(explanation, explanation.local_rules[0])});
    out.push_back({"cost", cost(explanation.provenance)});
    out.push_back({"seed", std::to_string(explanation.provenance.seed)});
    return out;
}

std::string typeset_fact(const Fact& fact) {
    return fact.text.starts_with('-') ? typeset("-") + fact.text.substr(1) : fact.text;
}

}  // namespace whence::render

#include "whence/metrics/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "whence/core/error.h"

namespace whence::metrics {
namespace {

using enum Category;
using enum Better;

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr Needs nothing{}, model{.model = true}, mask{.mask = true}, method{.method = true},
    model_and_method{.model = true, .method = true}, groups{.groups = true},
    groups_and_model{.model = true, .groups = true};

// What everything that removes players assumes.
constexpr std::string_view neutral_baseline =
    "what stands for a removed player is neutral, and inputs so made are still like those the "
    "model knows";
constexpr std::string_view not_the_method_or_model =
    "whether f changes because information is gone or because the input looks like nothing seen "
    "before";
constexpr std::string_view additive =
    "the worth of a set of players is the sum of their marginal effects";
constexpr std::string_view interactions =
    "a wrong explanation from a right one of players that act together: no sum fits those";
constexpr std::string_view model_looks_at_object =
    "the model is right for the right reason: it looks at the marked object";
constexpr std::string_view whose_fault =
    "a bad explanation from a faithful one of a model that looks elsewhere";
constexpr std::string_view reader_wants_little = "fewer values are easier to read";
constexpr std::string_view not_faithful = "whether the few values are the right ones";

constexpr std::string_view near_alike =
    "inputs this close deserve like explanations: the model itself changes little there";
constexpr std::string_view changing_model =
    "an unstable method from a faithful one of a model that changes fast; a method that ignores "
    "the model is perfect";

constexpr std::string_view other_weights =
    "a model with random weights deserves another explanation";
constexpr std::string_view noise_differs =
    "an explanation that follows the model from one that is merely noisy";
constexpr std::string_view nobody_sees =
    "whether a model is fair: other columns tell what is protected, and nothing is said of errors";

constexpr Facts all[] = {
    {"attribution-error", attribution_error, lower, 0, infinite, nothing,
     "Sundararajan, Taly, Yan 2017 (completeness)",
     "values are meant to add up to f(x) - f(baseline)",
     "how the sum is shared out: any shares with the right sum are perfect"},

    {"deletion", faithfulness, lower, -infinite, infinite, model, "Petsiuk, Das, Saenko 2018",
     neutral_baseline, not_the_method_or_model},
    {"insertion", faithfulness, higher, -infinite, infinite, model, "Petsiuk, Das, Saenko 2018",
     neutral_baseline, not_the_method_or_model},
    {"pixel-flipping", faithfulness, lower, -infinite, infinite, model, "Bach et al. 2015",
     neutral_baseline, not_the_method_or_model},
    {"region-perturbation", faithfulness, higher, -infinite, infinite, model, "Samek et al. 2017",
     neutral_baseline, "anything within a region: only sums over regions are ranked"},
    {"sufficiency", faithfulness, lower, -infinite, infinite, model, "DeYoung et al. 2020",
     neutral_baseline, "whether fewer players would have sufficed as well"},
    {"comprehensiveness", faithfulness, higher, -infinite, infinite, model, "DeYoung et al. 2020",
     neutral_baseline, "redundant players: removing either of two alone changes nothing"},
    {"irof", faithfulness, higher, -infinite, infinite, model, "Rieger, Hansen 2020",
     neutral_baseline, "anything within a superpixel, nor how good the superpixels are"},
    {"road", faithfulness, higher, -infinite, infinite, model, "Rong et al. 2022",
     "a pixel is gone when it is the mean of its neighbours",
     "what large smooth regions are worth: their neighbours give them back"},
    {"monotonicity", faithfulness, higher, 0, 1, model, "Arya et al. 2019",
     "each player's marginal effect is positive and independent of the others",
     "how far from monotone: one fall counts as much as many"},
    {"sensitivity-n", faithfulness, higher, -1, 1, model, "Ancona et al. 2018", additive,
     interactions},
    {"faithfulness-correlation", faithfulness, higher, -1, 1, model, "Bhatt, Weller, Moura 2020",
     additive, interactions},
    {"infidelity", faithfulness, lower, 0, infinite, model, "Yeh et al. 2019", additive,
     interactions},

    {"sparseness", complexity, higher, 0, 1, nothing, "Chalasani et al. 2020; Hurley, Rickard 2009",
     reader_wants_little, not_faithful},
    {"complexity", complexity, lower, 0, infinite, nothing, "Bhatt, Weller, Moura 2020",
     reader_wants_little, not_faithful},
    {"effective-complexity", complexity, lower, 0, infinite, nothing, "Nguyen, Martinez 2020",
     "values below a share of the largest do not matter", not_faithful},

    {"pointing-game", localisation, higher, 0, 1, mask, "Zhang et al. 2018", model_looks_at_object,
     "anything but where the largest value is"},
    {"relevance-mass", localisation, higher, 0, 1, mask, "Arras, Osman, Samek 2022",
     model_looks_at_object, whose_fault},
    {"relevance-rank", localisation, higher, 0, 1, mask, "Arras, Osman, Samek 2022",
     model_looks_at_object, whose_fault},
    {"attribution-localisation", localisation, higher, 0, 1, mask, "Kohlbrenner et al. 2020",
     model_looks_at_object, whose_fault},
    {"top-k-intersection", localisation, higher, 0, 1, mask, "Theiner, Mueller-Budack, Ewerth 2022",
     model_looks_at_object, "anything below the k largest values"},
    {"roc-auc", localisation, higher, 0, 1, mask, "Fawcett 2006", model_looks_at_object,
     whose_fault},
    {"interpretation-accuracy",
     localisation,
     higher,
     0,
     1,
     {.mask = true, .labels = true},
     "a study of LIME and SHAP on vision models",
     model_looks_at_object,
     "right predictions from right places: it adds them"},

    {"mege",
     consistency,
     higher,
     0,
     1,
     {.labels = true},
     "a study of LIME and SHAP on vision models, after Fel et al. 2022",
     "inputs of one class deserve like explanations, pixel by pixel",
     "how consistent the classes are in its default scale, only how unequally"},
    {"reco",
     consistency,
     higher,
     0.5,
     1,
     {.labels = true},
     "a study of LIME and SHAP on vision models, after Fel et al. 2022",
     "inputs of different classes deserve different explanations, pixel by pixel",
     "explanations that differ because inputs do from those that differ because classes do"},
    {"fold-mege",
     consistency,
     higher,
     0.5,
     1,
     {.labels = true, .models = true},
     "Fel et al. 2022",
     "models trained on most of the same data, when right, are right for the same reason",
     "an unstable explanation from models that found different good reasons"},
    {"fold-reco",
     consistency,
     higher,
     0,
     1,
     {.labels = true, .models = true},
     "Fel et al. 2022",
     "models that differ in their answer differ in their reasons",
     "much where models are nearly always right: few pairs disagree"},

    {"completeness", axioms, higher, 0, 1, model, "Sundararajan, Taly, Yan 2017",
     "values are meant to add up to f(x) - f(baseline)",
     "how the sum is shared out: any shares with the right sum are perfect"},
    {"non-sensitivity", axioms, lower, 0, infinite, model, "Nguyen, Martinez 2020",
     "a player matters if and only if f changes when it alone is removed",
     "players that stand in for one another from players that do not matter"},
    {"input-invariance", axioms, higher, 0, 1, method, "Kindermans et al. 2019",
     "where zero lies means nothing",
     "explanations that rightly know a zero (black, a count of none)"},

    {"max-sensitivity", robustness, lower, 0, infinite, method, "Yeh et al. 2019", near_alike,
     changing_model},
    {"avg-sensitivity", robustness, lower, 0, infinite, method, "Yeh et al. 2019", near_alike,
     changing_model},
    {"local-lipschitz", robustness, lower, 0, infinite, method, "Alvarez-Melis, Jaakkola 2018",
     near_alike, "methods in different units: it has those of the values over those of the input"},
    {"relative-input-stability", robustness, lower, 0, infinite, model_and_method,
     "Agarwal et al. 2022", "changes count in per cent of each number",
     "much where numbers are nearly 0: theirs is the largest change in per cent"},
    {"relative-output-stability", robustness, lower, 0, infinite, model_and_method,
     "Agarwal et al. 2022", "explanations may change as much as the model's answer does",
     "much where the answer hardly changes: it is divided by that"},
    {"relative-representation-stability", robustness, lower, 0, infinite, model_and_method,
     "Agarwal et al. 2022", "explanations may change as much as the layer chosen does",
     "much of a layer of ReLUs: what is 0 there changes by any per cent"},

    {"mprt", randomisation, lower, -1, 1, method, "Adebayo et al. 2018", other_weights,
     noise_differs},
    {"smooth-mprt", randomisation, lower, -1, 1, method, "Hedström et al. 2024", other_weights,
     noise_differs},
    {"efficient-mprt", randomisation, higher, -1, infinite, method, "Hedström et al. 2024",
     "a model with random weights deserves a more complex explanation",
     "where the values are: any order of them has the same entropy"},
    {"random-logit", randomisation, lower, -1, 1, method, "Sixt, Granz, Landgraf 2020",
     "different classes deserve different explanations",
     "a blind method from two classes that are told by the same features"},

    {"protected-share", fairness, lower, 0, 1, groups, "a share of the absolute values",
     "the protected column ought not to matter", nobody_sees},
    {"proxy-share", fairness, lower, 0, 1, groups, "a share of the absolute values",
     "columns that go with a protected one stand in for it",
     "what a proxy is used for: it may be a good reason, too"},
    {"flip-rate", fairness, lower, 0, 1, groups_and_model,
     "a flip test; Kusner et al. 2017 without their causal model",
     "a row with another protected value and all else as it is means something",
     "the effect of proxies, and what a person of another group would be like"},
    {"quality-gap", fairness, lower, 0, infinite, groups, "Dai et al. 2022",
     "the metric means the same in every group",
     "why: groups differ in size, in how sure the model is and in what is missing"},
};

}  // namespace

std::string_view name(Category category) {
    switch (category) {
        case attribution_error:
            return "attribution-error";
        case faithfulness:
            return "faithfulness";
        case complexity:
            return "complexity";
        case localisation:
            return "localisation";
        case consistency:
            return "consistency";
        case axioms:
            return "axioms";
        case robustness:
            return "robustness";
        case randomisation:
            return "randomisation";
        case fairness:
            return "fairness";
    }
    throw Error(ErrorKind::internal, "a category without a name");
}

std::string_view name(Better better) {
    return better == higher ? "higher" : "lower";
}

std::span<const Facts> table() {
    return all;
}

const Facts& facts(std::string_view metric) {
    const auto found = std::ranges::find(all, metric, &Facts::name);
    if (found != std::end(all)) return *found;
    std::string choices;
    for (const Facts& row : all) choices += (choices.empty() ? "" : ", ") + std::string(row.name);
    throw Error(ErrorKind::usage,
                fmt::format("there is no metric '{}'; choose {}", printable(metric), choices));
}

}  // namespace whence::metrics

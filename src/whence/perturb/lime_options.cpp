#include <algorithm>
#include <string>

#include "whence/core/error.h"
#include "whence/perturb/lime.h"

namespace whence {
namespace {

template <class T>
struct Row {
    T value;
    std::string_view name;
};

constexpr Row<LimeScheme> schemes[] = {{LimeScheme::stable, "stable"},
                                       {LimeScheme::compatible, "compatible"}};
constexpr Row<FeatureSelection> selections[] = {
    {FeatureSelection::automatic, "auto"},
    {FeatureSelection::none, "none"},
    {FeatureSelection::forward_selection, "forward-selection"},
    {FeatureSelection::highest_weights, "highest-weights"},
    {FeatureSelection::lasso_path, "lasso-path"}};
constexpr Row<Discretizer> discretizers[] = {{Discretizer::none, "none"},
                                             {Discretizer::quartile, "quartile"},
                                             {Discretizer::decile, "decile"},
                                             {Discretizer::entropy, "entropy"}};

template <class T, size_t n>
std::string_view name_in(const Row<T> (&table)[n], T value) {
    return std::ranges::find(table, value, &Row<T>::value)->name;
}

// lime's own spelling, with underscores, is understood too.
template <class T, size_t n>
T parse_in(const Row<T> (&table)[n], std::string_view what, std::string_view text) {
    std::string wanted(text), choices;
    std::ranges::replace(wanted, '_', '-');
    for (const Row<T>& row : table) {
        if (row.name == wanted) return row.value;
        choices += (choices.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error(ErrorKind::usage,
                "no " + std::string(what) + " '" + printable(text) + "'; choose from " + choices);
}

}  // namespace

std::string_view name(LimeScheme scheme) {
    return name_in(schemes, scheme);
}
std::string_view name(FeatureSelection selection) {
    return name_in(selections, selection);
}
std::string_view name(Discretizer discretizer) {
    return name_in(discretizers, discretizer);
}

LimeScheme parse_lime_scheme(std::string_view text) {
    return parse_in(schemes, "scheme", text);
}
FeatureSelection parse_feature_selection(std::string_view text) {
    return parse_in(selections, "feature selection", text);
}
Discretizer parse_discretizer(std::string_view text) {
    return parse_in(discretizers, "discretizer", text);
}

}  // namespace whence

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
constexpr Row<LocalModel> local_models[] = {{LocalModel::ridge, "ridge"},
                                            {LocalModel::lasso, "lasso"},
                                            {LocalModel::logistic, "logistic"},
                                            {LocalModel::tree, "tree"}};
constexpr Row<Distance> distances[] = {{Distance::euclidean, "euclidean"},
                                       {Distance::sqeuclidean, "sqeuclidean"},
                                       {Distance::manhattan, "manhattan"},
                                       {Distance::chebyshev, "chebyshev"},
                                       {Distance::hamming, "hamming"},
                                       {Distance::cosine, "cosine"}};
constexpr Row<Sampling> samplings[] = {{Sampling::automatic, "auto"},
                                       {Sampling::gaussian, "gaussian"},
                                       {Sampling::latin_hypercube, "latin-hypercube"}};

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
std::string_view name(LocalModel model) {
    return name_in(local_models, model);
}
std::string_view name(Distance distance) {
    return name_in(distances, distance);
}
std::string_view name(Sampling sampling) {
    return name_in(samplings, sampling);
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

LocalModel parse_local_model(std::string_view text) {
    return parse_in(local_models, "local model", text);
}
// scikit-learn's other names are understood, too.
Distance parse_distance(std::string_view text) {
    if (text == "l2") text = "euclidean";
    if (text == "l1" || text == "cityblock") text = "manhattan";
    return parse_in(distances, "distance", text);
}
// "lhs" is what lime's later versions call it.
Sampling parse_sampling(std::string_view text) {
    return parse_in(samplings, "sampling", text == "lhs" ? "latin-hypercube" : text);
}

}  // namespace whence

// The Shapley family.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "whence/core/error.h"
#include "whence/data/table_model.h"
#include "whence/mask/masker.h"
#include "whence/recipe/groups.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/mixed.h"
#include "whence/recipe/superpixels.h"
#include "whence/recipe/text.h"
#include "whence/shapley/shap.h"

namespace whence::recipe {
namespace {

// What lies between a task and the game: the input's rows as the model (or its adaptor) reads them,
// who plays, and what stands for the missing.
struct Setting {
    const Model& model;
    Batch input;
    Players players;
    Background background;
    const MaskedScorer* scorer = nullptr;  // of the same model
};

Background background_of(const Task& task, const Tensor& like) {
    const auto* data = std::get_if<baseline::Data>(&task.baseline);
    const std::string how = task.options.get<std::string>("summary");
    if (!data || data->values.size() == like.size())
        return {baseline_values(task.baseline, like, task.run), {}, describe(task.baseline)};
    if (like.size() == 0 || data->values.size() % like.size() != 0)
        throw Error(ErrorKind::input, fmt::format("the baseline {} has shape {}, the input {}",
                                                  printable(data->description),
                                                  to_string(data->values.shape()),
                                                  to_string(like.shape())));
    Shape shape = like.shape();
    shape[0] = data->values.size() / like.size();
    return summarized({data->values.reshaped(shape), {}, data->description}, how, task.run);
}

// Columns in their order; a group stands where its first column does.
Players table_players(const Task& task) {
    const Schema& schema = task.input.schema;
    const std::vector<double> row = task.input.row->to_doubles();
    std::vector<const ColumnGroup*> group_of(schema.size(), nullptr);
    const std::vector<ColumnGroup> groups =
        parse_groups(task.options.get<std::string>("groups"), schema);
    for (const ColumnGroup& group : groups)
        for (const int64_t column : group.columns) {
            if (group_of[column])
                throw Error(ErrorKind::usage, "groups: column '" + printable(schema[column].name) +
                                                  "' stands in two groups");
            group_of[column] = &group;
        }
    Players players{.labels = std::vector<int32_t>(schema.size(), -1)};
    for (size_t c = 0; c < schema.size(); ++c) {
        if (players.labels[c] >= 0) continue;
        const auto player = static_cast<int32_t>(players.names.size());
        std::string shown;
        const std::vector<int64_t> own{static_cast<int64_t>(c)};
        for (const int64_t column : group_of[c] ? group_of[c]->columns : own) {
            players.labels[column] = player;
            shown += (shown.empty() ? "" : ", ") + display(schema[column], row[column]);
        }
        players.names.push_back(group_of[c] ? group_of[c]->name : schema[c].name);
        players.displays.push_back(shown);
    }
    return players;
}

// The model's own matrix spares an adaptor at every row. Only for numbers that it takes as they are.
bool plain_matrix(const Task& task, const Tensor& background) {
    if (task.input.batch.size() != 1 || task.input.batch[0].value.size() != task.input.row->size() ||
        (task.input.batch[0].value.type() != ElementType::float32 &&
         task.input.batch[0].value.type() != ElementType::float64))
        return false;
    for (const Tensor* tensor : {&*task.input.row, &background})
        for (const double value : tensor->to_doubles())
            if (!(std::abs(value) <= std::numeric_limits<float>::max())) return false;
    return std::ranges::none_of(task.input.schema,
                                [](const Feature& feature) { return feature.categorical(); });
}

template <class Use>
Explanation with_setting(const Task& task, const Use& use) {
    if (task.input.is_table()) {
        Background background = background_of(task, *task.input.row);
        Players players = table_players(task);
        if (plain_matrix(task, background.rows))
            return use(Setting{task.subject.model(), task.input.batch, std::move(players),
                               std::move(background), task.subject.masked_scorer()});
        const data::TableModel model(task.subject.model(), task.input.schema);
        return use(Setting{model, Batch(*task.input.row), std::move(players), std::move(background)});
    }
    const auto image = task.input.image();
    if (!image && task.input.batch.size() == 1 && task.input.batch[0].value.rank() == 2) {
        const Tensor& vector = task.input.batch[0].value;
        return use(Setting{task.subject.model(), task.input.batch,
                           Players{.labels = column_labels(vector.size())},
                           background_of(task, vector), task.subject.masked_scorer()});
    }
    if (!image)
        throw Error(
            ErrorKind::usage,
            "Shapley values explain pictures, texts, rows of tables and vectors; this input "
            "is none of these");
    const Tensor segments = renumbered(superpixels(task, *image));
    return use(Setting{task.subject.model(), task.input.batch,
                       Players{.labels = pixel_labels(*image, segments), .segments = segments},
                       background_of(task, *image)});
}

Budget budget_of(const OptionValues& options) {
    return {.coalitions = options.get<int64_t>("budget"),
            .tolerance = options.get<double>("tolerance")};
}

// One column for each player: the mean of its columns, for correlations.
Hierarchy table_hierarchy(const Task& task, const Setting& setting) {
    const auto players = static_cast<int64_t>(setting.players.names.size());
    if (!task.subject.background()) return balanced_hierarchy(players);
    const auto matrix = task.subject.background_matrix();
    const Tensor& rows = *matrix;
    const std::vector<double> values = rows.to_doubles();
    const int64_t columns = rows.row_size();
    std::vector<double> of_players(rows.rows() * players);
    for (int64_t r = 0; r < rows.rows(); ++r)
        for (int64_t c = 0; c < columns; ++c)
            if (std::isfinite(values[r * columns + c]))
                of_players[r * players + setting.players.labels[c]] += values[r * columns + c];
    return correlation_hierarchy(of_players, players, task.run);
}

// Joins the players, for the methods that need it.
using Tree = std::function<Hierarchy()>;
using MakeMethod = ShapMethod (*)(const OptionValues& options, const Tree& tree);

Explanation text_shap(const Task& task, MakeMethod method, Link link) {
    const TextPlayers players = text_players(task);
    const Tree tree = [&] { return word_hierarchy(players.words); };
    Explanation explanation =
        shap_of_players(*players.model, *players.masker, players.hidden, method(task.options, tree),
                        link, players.input, task.target, task.run);
    place_words(players.words, explanation.attribution);
    return explanation;
}

Explanation mixed_shap(const Task& task, MakeMethod method, Link link) {
    const MixedPlayers players = mixed_players(task, Filling::many);
    const Tree tree = [&] { return mixed_hierarchy(task, players); };
    Explanation explanation =
        shap_of_players(task.subject.model(), *players.masker, players.hidden,
                        method(task.options, tree), link, task.input.batch, task.target, task.run);
    place_players(players, explanation.attribution);
    return explanation;
}

Explanation shap(const Task& task, MakeMethod method) {
    const Link link = parse_link(task.options.get<std::string>("link"));
    if (!task.input.is_table() && !task.options.get<std::string>("groups").empty())
        throw Error(ErrorKind::usage, "groups are of the columns of a table");
    if (!task.input.parts.empty()) return mixed_shap(task, method, link);
    if (task.input.text) return text_shap(task, method, link);
    return with_setting(task, [&](const Setting& setting) {
        const std::optional<Tensor>& segments = setting.players.segments;
        const Tree tree = [&] {
            return segments ? bisecting_hierarchy(segment_centres(*segments))
                            : table_hierarchy(task, setting);
        };
        Shap explainer(setting.model, setting.players, setting.background,
                       method(task.options, tree), link);
        explainer.answer_with(setting.scorer);
        Explanation explanation = explainer.explain(setting.input, task.target, task.run);
        const auto* data = std::get_if<baseline::Data>(&task.baseline);
        const Tensor& like =
            task.input.is_table() ? *task.input.row : task.input.batch[0].value;
        const int64_t all = data ? data->values.size() / std::max<int64_t>(1, like.size()) : 1;
        if (setting.background.rows.rows() < all)
            explanation.diagnostics.notes.push_back(fmt::format(
                "the background's {} rows are summarized by {} ({}); --summary all takes all of them",
                all, setting.background.rows.rows(), task.options.get<std::string>("summary")));
        return explanation;
    });
}

Explanation exact_shap(const Task& task) {
    return shap(task, [](const OptionValues&, const Tree&) -> ShapMethod { return ExactShap{}; });
}

Explanation kernel_shap(const Task& task) {
    return shap(task, [](const OptionValues& o, const Tree&) -> ShapMethod {
        return KernelShap{.budget = budget_of(o),
                          .compatible = o.get<bool>("compatible"),
                          .l1_reg = o.get<std::string>("l1-reg")};
    });
}

template <class Method>
Explanation budgeted(const Task& task) {
    return shap(task, [](const OptionValues& o, const Tree&) -> ShapMethod {
        return Method{.budget = budget_of(o)};
    });
}

Explanation partition_shap(const Task& task) {
    return shap(task, [](const OptionValues& o, const Tree& tree) -> ShapMethod {
        return PartitionShap{.hierarchy = tree(),
                             .budget = {.coalitions = o.get<int64_t>("budget")}};
    });
}

Explanation linear_shap(const Task& task) {
    return shap(task, [](const OptionValues& o, const Tree&) -> ShapMethod {
        return LinearShap{.tolerance = o.get<double>("tolerance")};
    });
}

const OptionSpec budget{{"budget", int64_t{0}},
                        "coalitions asked, each of as many rows as the background has; 0: 2 "
                        "features + 2048"};
const OptionSpec tolerance{{"tolerance", Budget().tolerance},
                           "stop once every standard error is below this share of the range of the "
                           "values; 0: spend the budget"};
MethodSpec spec(std::string name, std::string summary, std::vector<OptionSpec> options,
                Explanation (*explain)(const Task&)) {
    for (const OptionSpec& shared : std::vector<OptionSpec>{
             {{"link", std::string(whence::name(Link::identity))},
              "identity, logit or log-loss of the averaged answer"},
             {{"summary", fmt::format("sample:{}", most_background_rows)},
              "of a background: all rows, sample:K or kmeans:K of them"},
             groups_option(),
             {{"segmentation", std::string("quickshift")},
              "pictures: quickshift, slic, felzenszwalb or grid, with options as in slic:50"}})
        options.push_back(shared);
    options = with_word_options(std::move(options));
    return {.name = std::move(name),
            .summary = std::move(summary),
            .needs_gradient = false,
            .uses_baseline = true,
            .options = std::move(options),
            .explain = explain,
            .baseline_set = true,
            .baseline_one = true,
            .several_inputs = true};
}

}  // namespace

std::vector<MethodSpec> shapley_methods() {
    const OptionSpec seconds = seconds_option();
    const std::vector<OptionSpec> sampling{budget, tolerance, seconds};
    std::vector<OptionSpec> kernel = sampling;
    kernel.push_back({{"compatible", false}, "sample, select and solve as shap 0.5x"});
    kernel.push_back({{"l1-reg", KernelShap().l1_reg},
                      "compatible: none, auto, aic, bic, num_features(K) or a lasso penalty"});
    return {
        spec("exact-shap", "Shapley values from all coalitions of up to 16 features", {}, exact_shap),
        spec("kernel-shap", "Shapley values by weighted least squares, with standard errors",
             kernel, kernel_shap),
        spec("permutation-shap", "Shapley values from random orders walked both ways", sampling,
             budgeted<PermutationShap>),
        spec("sampling-shap", "Shapley values from plain random orders", sampling,
             budgeted<SamplingShap>),
        spec("partition-shap", "Owen values over a hierarchy of the features", {budget, seconds},
             partition_shap),
        spec("linear-shap", "Shapley values of a model that is a sum; refuses others",
             {{{"tolerance", LinearShap().tolerance},
               "share of the largest answer by which the sum may miss one"}},
             linear_shap),
        spec("shap-interactions", "what pairs of features do together, and Shapley values", sampling,
             budgeted<ShapInteractions>),
        spec("banzhaf", "the mean contribution over all coalitions; does not add up", sampling,
             budgeted<Banzhaf>),
    };
}

}  // namespace whence::recipe

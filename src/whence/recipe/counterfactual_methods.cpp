// Methods that look for another input with another answer.

#include <fmt/format.h>

#include "whence/core/error.h"
#include "whence/counterfactual/sedc.h"
#include "whence/counterfactual/wachter.h"
#include "whence/data/table_model.h"
#include "whence/mask/segmentation.h"
#include "whence/recipe/counterfactual_options.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/superpixels.h"
#include "whence/recipe/text.h"

namespace whence::recipe {
namespace {

std::shared_ptr<const Tensor> need_background(const Task& task, const char* method) {
    need_row(task, method);
    if (task.subject.background()) return task.subject.background_matrix();
    throw Error(ErrorKind::usage, std::string(method) +
                                      " needs rows to start from and to measure with: give "
                                      "--background TRAIN.csv");
}

CounterfactualOptions common_options(const Task& task, const Tensor& rows) {
    CounterfactualOptions options;
    options.wanted = wanted_of(task);
    options.count = task.options.get<int64_t>("count");
    options.constraints = constraints_of(task, rows);
    options.budget = task.options.get<int64_t>("budget");
    options.classes = task.subject.classes();
    return options;
}

std::shared_ptr<const counterfactual::Features> features_of(const Task& task, const Tensor& rows,
                                                            const CounterfactualOptions& options) {
    const Schema& schema = task.input.schema;
    return task.subject.kept<counterfactual::Features>(
        "counterfactual " + task.options.get<std::string>("one-hot"), schema,
        [&] { return counterfactual::read_features(schema, rows, options.constraints.one_hot); });
}

Explanation counterfactuals(const Task& task) {
    const auto rows = need_background(task, "counterfactuals");
    const data::TableModel model(task.subject.model(), task.input.schema);
    CounterfactualOptions options = common_options(task, *rows);
    options.diversity = task.options.get<double>("diversity");
    options.sparsity = task.options.get<bool>("sparsity");
    const auto features = features_of(task, *rows, options);
    return DiverseCounterfactuals(model, features, std::move(options))
        .explain(Batch(*task.input.row), task.target, task.run);
}

Explanation nearest_unlike_neighbour(const Task& task) {
    const auto rows = need_background(task, "nearest-unlike-neighbour");
    const data::TableModel model(task.subject.model(), task.input.schema);
    CounterfactualOptions options = common_options(task, *rows);
    const auto features = features_of(task, *rows, options);
    return NearestUnlikeNeighbour(model, features, std::move(options))
        .explain(Batch(*task.input.row), task.target, task.run);
}

// The model as one that gives gradients with respect to the row, where it is one.
const DifferentiableModel* differentiable(const Task& task, const std::string& output) {
    const OnnxModel* onnx = task.subject.onnx_or_null();
    const Batch& batch = task.input.batch;
    if (!onnx || batch.size() != 1 || batch[0].value.size() != task.input.row->size())
        return nullptr;
    const ElementType type = batch[0].value.type();
    if (type != ElementType::float32 && type != ElementType::float64) return nullptr;
    for (const Differentiability& d : onnx->differentiability())
        if ((output.empty() || d.output == output) && d.connected && d.missing.empty()) return onnx;
    return nullptr;
}

Explanation wachter(const Task& task) {
    need_row(task, "wachter");
    const data::Table* background = task.subject.background();
    const auto columns = static_cast<int64_t>(task.input.schema.size());
    const Tensor rows =
        background ? background->matrix() : Tensor(ElementType::float64, {0, columns});
    const data::TableModel model(task.subject.model(), task.input.schema);
    const OptionValues& o = task.options;
    WachterOptions options{.wanted = wanted_of(task),
                           .constraints = constraints_of(task, rows),
                           .probability = o.get<double>("wanted-probability"),
                           .tolerance = o.get<double>("score-tolerance"),
                           .initial_lambda = o.get<double>("initial-lambda"),
                           .max_iterations = o.get<int64_t>("max-iterations"),
                           .classes = task.subject.classes()};
    Explanation explanation = Wachter(model, task.input.schema, rows, std::move(options),
                                      differentiable(task, task.target.output))
                                  .explain(Batch(*task.input.row), task.target, task.run);
    if (!background)
        explanation.diagnostics.notes.emplace_back(
            "no background: one unit of a column counts as one MAD, and nothing says which rows "
            "occur");
    return explanation;
}

Explanation sedc_text(const Task& task, SedcOptions options) {
    const TextPlayers players = text_players(task);
    Explanation explanation = Sedc(*players.model, *players.masker, std::move(options))
                                  .explain(players.input, task.target, task.run);
    explanation.diagnostics.notes.push_back("removed means: " + players.hidden);
    place_words(players.words, explanation.attribution);
    return explanation;
}

Explanation sedc(const Task& task) {
    SedcOptions options{.wanted = wanted_of(task),
                        .budget = task.options.get<int64_t>("budget"),
                        .classes = task.subject.classes(),
                        .player = "segment"};
    if (task.input.text) return sedc_text(task, std::move(options));
    const auto image = task.input.image();
    if (!image)
        throw Error(ErrorKind::usage,
                    "sedc removes superpixels of a picture or words of a text, and this input is "
                    "neither; for rows of tables there is counterfactuals");
    const Tensor segments = renumbered(superpixels(task, *image));
    const auto& hide = task.options.get<std::string>("hide");
    const LabelMasker masker(task.input.batch[0].name, *image,
                             hide == "mean"
                                 ? superpixel_means(*image, segments)
                                 : baseline_values(parse_baseline(hide), *image, task.run),
                             pixel_labels(*image, segments));
    Explanation explanation = Sedc(task.subject.model(), masker, std::move(options), segments)
                                  .explain(task.input.batch, task.target, task.run);
    explanation.diagnostics.notes.push_back("a removed segment is filled with " +
                                            (hide == "mean" ? "its mean colour" : hide));
    return explanation;
}

const OptionSpec count_option{{"count", int64_t{4}}, "how many counterfactuals"};

OptionSpec budget_option(int64_t rows) {
    return {{"budget", rows}, "rows the model may be asked"};
}

}  // namespace

std::vector<MethodSpec> counterfactual_methods() {
    return {
        {.name = "counterfactuals",
         .summary = "rows near this one, different from each other, that get another answer",
         .needs_gradient = false,
         .uses_baseline = false,
         .options =
             with_common({count_option,
                          budget_option(20000),
                          {{"diversity", 1.0},
                           "weight of being different from each other; 0: the nearest ones"},
                          {{"sparsity", true},
                           "move features back to the row's values where the answer holds"}}),
         .explain = counterfactuals},
        {.name = "nearest-unlike-neighbour",
         .summary = "the nearest rows of the background that get another answer",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = with_common({count_option, budget_option(20000)}),
         .explain = nearest_unlike_neighbour},
        {.name = "wachter",
         .summary = "the nearest row with a wanted score, by gradient (Wachter et al. 2018)",
         .needs_gradient = false,
         .uses_baseline = false,
         .options =
             with_common({{{"wanted-probability", 1.0}, "of the wanted class: the score aimed at"},
                          {{"score-tolerance", 0.05}, "distance from the aim that is near enough"},
                          {{"initial-lambda", 0.1}, "largest weight of the distance"},
                          {{"max-iterations", int64_t{1000}}, "gradient steps for each weight"}}),
         .explain = wachter},
        {.name = "sedc",
         .summary = "the smallest set of superpixels or words whose removal changes the answer",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = with_word_options(
             {{{"wanted", std::string("other")},
               "the answer looked for: other (than the model's), a class, or a range"},
              budget_option(5000),
              seconds_option(),
              {{"segmentation", std::string("quickshift")},
               "pictures: quickshift, slic, felzenszwalb or grid, with options as in "
               "slic:50 or grid:7x7"},
              {{"hide", std::string("mean")},
               "pictures: what stands for a missing superpixel; mean: its mean colour"}}),
         .explain = sedc},
    };
}

}  // namespace whence::recipe

// Methods that only ask the model.

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/data/table_model.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/lime_players.h"
#include "whence/perturb/occlusion.h"
#include "whence/perturb/training_stats.h"
#include "whence/recipe/groups.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/mixed.h"
#include "whence/recipe/superpixels.h"
#include "whence/recipe/text.h"

namespace whence::recipe {
namespace {

// An option that stands for its method's own default where it is 0.
template <class T>
std::optional<T> unless_zero(const OptionValues& options, std::string_view name) {
    const T value = options.get<T>(name);
    if (!(value >= 0))
        throw Error(ErrorKind::usage, fmt::format("--{} must not be negative", name));
    return value > 0 ? std::optional<T>(value) : std::nullopt;
}

// What LIME of pictures, tables and texts have in common; 0 and auto stand for each one's own
// default.
template <class Options>
Options lime_options(const Task& task) {
    const OptionValues& o = task.options;
    Options options{.kernel = task.kernel};
    const auto& distance = o.get<std::string>("distance");
    if (distance != "auto") options.distance = parse_distance(distance);
    options.local_model = parse_local_model(o.get<std::string>("local-model"));
    options.lasso = o.get<double>("lasso");
    options.tree_depth = o.get<int64_t>("tree-depth");
    options.num_samples = unless_zero<int64_t>(o, "num-samples").value_or(options.num_samples);
    options.num_features = unless_zero<int64_t>(o, "num-features").value_or(options.num_features);
    if (const auto width = unless_zero<double>(o, "kernel-width")) options.kernel_width = *width;
    options.ridge = o.get<double>("ridge");
    options.feature_selection = parse_feature_selection(o.get<std::string>("feature-selection"));
    options.scheme = o.get<bool>("compatible") ? LimeScheme::compatible : LimeScheme::stable;
    options.settle_top = o.get<int64_t>("settle-top");
    return options;
}

Explanation lime_image(const Task& task, const Tensor& image) {
    auto options = lime_options<LimeImageOptions>(task);
    const auto& hide = task.options.get<std::string>("hide");
    if (hide != "mean") options.hide = parse_baseline(hide);
    const LimeImage method(task.subject.model(), superpixels(task, image), options);
    return method.explain(task.input.batch, task.target, task.run);
}

// JSON as it stands, or the file that holds it.
perturb::TrainingStats stats_of(const std::string& text, const Task& task) {
    constexpr uint64_t most_bytes = 64 << 20;
    if (text.starts_with('{')) return perturb::parse_training_stats(text, task.input.schema);
    return perturb::parse_training_stats(read_text(text, most_bytes), task.input.schema);
}

Explanation lime_without_data(const Task& task, LimeTabularOptions options, const std::string& stats) {
    if (!task.options.get<std::string>("groups").empty())
        throw Error(ErrorKind::usage, "groups are drawn from rows, which training-data-stats are not");
    if (options.discretizer == Discretizer::none)
        throw Error(ErrorKind::usage, "training-data-stats are of bins: leave discretizer none out");
    const data::TableModel model(task.subject.model(), task.input.schema);
    const auto space = perturb::read_space(task.input.schema, stats_of(stats, task));
    return LimeTabular(model, space, std::move(options))
        .explain(Batch(*task.input.row), task.target, task.run);
}

Explanation lime_table(const Task& task) {
    const OptionValues& o = task.options;
    auto options = lime_options<LimeTabularOptions>(task);
    options.sample_around_instance = o.get<bool>("sample-around-instance");
    options.sampling = parse_sampling(o.get<std::string>("sampling"));
    if (const auto& stats = o.get<std::string>("training-data-stats"); !stats.empty())
        return lime_without_data(task, std::move(options), stats);
    if (!task.subject.background())
        throw Error(ErrorKind::usage,
                    "lime on a table needs rows to compare with: give --background TRAIN.csv");
    const data::TableModel model(task.subject.model(), task.input.schema);
    const auto rows = task.subject.background_matrix();
    options.discretizer = parse_discretizer(o.get<std::string>("discretizer"));
    const Schema& schema = task.input.schema;
    const auto groups = o.get<std::string>("groups");
    options.groups = parse_groups(groups, schema);
    const auto read = [&] { return perturb::read_space(schema, *rows, options); };
    // Entropy cuts by the model's answers, which depend on the target.
    std::shared_ptr<const perturb::TabularSpace> space;
    if (options.discretizer == Discretizer::entropy) {
        options.background_labels = background_labels(task, model, *rows);
        space = read();
    } else {
        space = task.subject.kept<perturb::TabularSpace>(
            "lime " + o.get<std::string>("discretizer") + " " + groups, schema, read);
    }
    const LimeTabular method(model, space, options);
    return method.explain(Batch(*task.input.row), task.target, task.run);
}

Explanation lime_text(const Task& task) {
    const auto options = lime_options<LimePlayersOptions>(task);
    const TextPlayers players = text_players(task);
    Explanation explanation = LimePlayers(*players.model, *players.masker, players.hidden, options)
                                  .explain(players.input, task.target, task.run);
    place_words(players.words, explanation.attribution);
    return explanation;
}

// As of a picture: 1000 samples, all players, a width in cosine distance.
Explanation lime_mixed(const Task& task) {
    const MixedPlayers players = mixed_players(task, Filling::one);
    auto options = lime_options<LimePlayersOptions>(task);
    const LimeImageOptions picture = lime_options<LimeImageOptions>(task);
    options.num_samples = picture.num_samples;
    options.num_features = picture.num_features;
    options.kernel_width = 100 * picture.kernel_width;
    Explanation explanation =
        LimePlayers(task.subject.model(), *players.masker, players.hidden, options)
            .explain(task.input.batch, task.target, task.run);
    place_players(players, explanation.attribution);
    return explanation;
}

Explanation lime(const Task& task) {
    if (!task.input.parts.empty()) return lime_mixed(task);
    if (task.input.is_table()) return lime_table(task);
    if (!task.options.get<std::string>("groups").empty())
        throw Error(ErrorKind::usage, "groups are of the columns of a table");
    if (task.input.text) return lime_text(task);
    if (const auto image = task.input.image()) return lime_image(task, *image);
    throw Error(ErrorKind::usage,
                "lime explains pictures, texts and rows of tables; this input is none of them");
}

Explanation occlusion(const Task& task) {
    if (task.input.text) {
        const TextPlayers players = text_players(task);
        Explanation explanation = occlude_players(*players.model, *players.masker, players.hidden,
                                                  players.input, task.target, task.run);
        place_words(players.words, explanation.attribution);
        return explanation;
    }
    OcclusionOptions options;
    if (task.input.is_table()) {
        const data::TableModel model(task.subject.model(), task.input.schema);
        options.schema = task.input.schema;
        return Occlusion(model, task.baseline, options)
            .explain(Batch(*task.input.row), task.target, task.run);
    }
    const auto image = task.input.image();
    if (!image)
        throw Error(ErrorKind::usage,
                    "occlusion explains pictures, texts and rows of tables; this input is none of "
                    "them");
    options.window_height = options.window_width = task.options.get<int64_t>("window");
    options.stride_height = options.stride_width = task.options.get<int64_t>("stride");
    if (task.segments || task.options.get<std::string>("segmentation") != "none")
        options.segments = superpixels(task, *image);
    return Occlusion(task.subject.model(), task.baseline, options)
        .explain(task.input.batch, task.target, task.run);
}

}  // namespace

OptionSpec seconds_option() {
    return {{"seconds", 0.0}, "stop after this long with what is there; 0: never"};
}

std::vector<int64_t> background_labels(const Task& task, const Model& model, const Tensor& rows) {
    const ResolvedTarget top =
        resolve(task.target, model, Batch(rows.slice_rows(0, 1)), Scale::probability, task.run);
    const std::vector<double> scores =
        model.predict(Batch(rows), task.run).at(top.output).to_doubles();
    std::vector<int64_t> labels;
    for (int64_t row = 0; row < rows.rows(); ++row) {
        const auto begin = scores.begin() + row * top.classes;
        labels.push_back(std::max_element(begin, begin + top.classes) - begin);
    }
    return labels;
}

std::vector<MethodSpec> perturbation_methods() {
    return {
        {.name = "lime",
         .summary = "weights of a simple model fitted to the answers near the input",
         .needs_gradient = false,
         .uses_baseline = false,
         .options = with_word_options({{{"num-samples", int64_t{0}},
                      "perturbed inputs; 0: 1000 for pictures, 5000 for tables and texts"},
                     {{"num-features", int64_t{0}},
                      "features in the local model; 0: all superpixels, 10 columns or words"},
                     {{"kernel-width", 0.0},
                      "width of the neighbourhood; 0: lime's, 0.25, 0.75 sqrt(columns), or 25 for texts"},
                     {{"local-model", std::string(name(LocalModel::ridge))},
                      "what is fitted to the answers: ridge, lasso, logistic or tree"},
                     {{"ridge", 1.0}, "penalty of a ridge or logistic local model"},
                     {{"lasso", LimeTabularOptions().lasso},
                      "penalty of a lasso local model, in the answer's units"},
                     {{"tree-depth", LimeTabularOptions().tree_depth},
                      "questions on a path of a tree as the local model"},
                     {{"distance", std::string("auto")},
                      "of samples to the input: euclidean, sqeuclidean, manhattan, chebyshev, "
                      "hamming or cosine; auto: euclidean for tables, else cosine"},
                     {{"feature-selection", std::string(name(FeatureSelection::automatic))},
                      "auto, none, forward-selection, highest-weights or lasso-path"},
                     {{"compatible", false}, "sample as the lime package does"},
                     {{"settle-top", int64_t{0}},
                      "stop early once this many leading features are settled; 0: never"},
                     seconds_option(),
                     {{"segmentation", std::string("quickshift")},
                      "pictures: quickshift, slic, felzenszwalb or grid, with options as in "
                      "slic:50 or grid:7x7"},
                     {{"hide", std::string("mean")},
                      "pictures: what stands for a missing superpixel; mean: its mean colour"},
                     {{"discretizer", std::string(name(Discretizer::quartile))},
                      "tables: quartile, decile, entropy or none"},
                     {{"sample-around-instance", false},
                      "tables, without discretizer: sample around the row"},
                     {{"sampling", std::string(name(Sampling::automatic))},
                      "tables: gaussian or latin-hypercube; auto: gaussian if compatible, else "
                      "latin-hypercube"},
                     groups_option(),
                     {{"training-data-stats", std::string()},
                      "tables, instead of a background: its bins and frequencies as JSON (lime's keys), or a "
                      "file of it"}}),
         .explain = lime,
         .several_inputs = true,
         .kernel = true},
        {.name = "occlusion",
         .summary = "what the answer loses when a part of the input is covered",
         .needs_gradient = false,
         .uses_baseline = true,
         .options = with_word_options(
             {{{"window", int64_t{0}}, "pixels of the square window; 0: an eighth of the side"},
              {{"stride", int64_t{0}}, "pixels between windows; 0: half the window"},
              {{"segmentation", std::string("none")},
               "cover superpixels instead: quickshift, slic, ..."}}),
         .explain = occlusion},
    };
}

}  // namespace whence::recipe

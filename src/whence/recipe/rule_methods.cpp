// Methods that answer with a rule.

#include <algorithm>
#include <iterator>

#include "whence/anchors/anchors.h"
#include "whence/core/error.h"
#include "whence/data/table_model.h"
#include "whence/recipe/method_table.h"
#include "whence/recipe/recipe.h"
#include "whence/recipe/superpixels.h"
#include "whence/recipe/text.h"

namespace whence::recipe {
namespace {

AnchorOptions search_options(const OptionValues& o) {
    return {.threshold = o.get<double>("threshold"),
            .delta = o.get<double>("delta"),
            .tau = o.get<double>("tau"),
            .epsilon_stop = o.get<double>("epsilon-stop"),
            .beam_size = o.get<int64_t>("beam-size"),
            .batch_size = o.get<int64_t>("batch-size"),
            .coverage_samples = o.get<int64_t>("coverage-samples"),
            .max_anchor_size = o.get<int64_t>("max-anchor-size"),
            .stop_on_first = o.get<bool>("stop-on-first"),
            .confirm_samples = o.get<int64_t>("confirm-samples"),
            .confidence = o.get<double>("confidence"),
            .within = o.get<double>("within")};
}

Explanation anchors_table(const Task& task) {
    if (!task.subject.background())
        throw Error(ErrorKind::usage,
                    "anchors of a table need rows to draw from: give --background TRAIN.csv");
    const data::TableModel model(task.subject.model(), task.input.schema);
    const auto rows = task.subject.background_matrix();
    AnchorTabularOptions options{
        .search = search_options(task.options),
        .discretizer = parse_discretizer(task.options.get<std::string>("discretizer"))};
    const Schema& schema = task.input.schema;
    const auto read = [&] {
        return anchors::read_background(schema, *rows, options.discretizer, options.background_labels);
    };
    // Entropy cuts by the model's answers, which depend on the target.
    std::shared_ptr<const anchors::BackgroundTable> table;
    if (options.discretizer == Discretizer::entropy) {
        options.background_labels = background_labels(task, model, *rows);
        table = read();
    } else {
        table = task.subject.kept<anchors::BackgroundTable>(
            "anchors " + task.options.get<std::string>("discretizer"), schema, read);
    }
    const AnchorTabular method(model, table, std::move(options));
    return method.explain(Batch(*task.input.row), task.target, task.run);
}

Explanation anchors_image(const Task& task, const Tensor& image) {
    AnchorImageOptions options{.search = search_options(task.options)};
    const std::string& hide = task.options.get<std::string>("hide");
    if (hide != "mean") options.hide = baseline_for(hide, task.subject, task.input);
    const AnchorImage method(task.subject.model(), superpixels(task, image), std::move(options));
    return method.explain(task.input.batch, task.target, task.run);
}

// "UNK" as the anchor package writes for a word that may be any.
constexpr std::string_view unknown_word = "UNK";

Explanation anchors_text(const Task& task) {
    const TextPlayers players = text_players(task, unknown_word);
    Explanation explanation =
        anchor_players(*players.model, *players.masker, players.hidden,
                       search_options(task.options), players.input, task.target, task.run);
    explanation.diagnostics.notes.push_back(
        "each word that the rule does not name is hidden with probability 1/2 (" + players.hidden +
        "): texts that nobody writes, and coverage is the share of these");
    place_words(players.words, explanation.attribution);
    return explanation;
}

Explanation anchors_of(const Task& task) {
    if (task.input.text) return anchors_text(task);
    if (task.input.is_table()) return anchors_table(task);
    if (const auto image = task.input.image()) return anchors_image(task, *image);
    throw Error(ErrorKind::usage,
                "anchors explain pictures, texts and rows of tables; this input is none of them");
}

}  // namespace

std::vector<MethodSpec> rule_methods() {
    const AnchorOptions defaults;
    std::vector<OptionSpec> options = {
        {{"threshold", defaults.threshold}, "precision that is wanted of the rule"},
        {{"delta", defaults.delta}, "probability of being wrong about it"},
        {{"tau", defaults.tau}, "how far from the best candidate one that is kept may be"},
        {{"epsilon-stop", defaults.epsilon_stop},
         "the search proves a precision of threshold - epsilon-stop"},
        {{"beam-size", defaults.beam_size}, "candidates kept in each round"},
        {{"batch-size", defaults.batch_size}, "samples of a candidate at a time"},
        {{"coverage-samples", defaults.coverage_samples},
         "tables: rows that measure coverage; all where there are not more"},
        {{"max-anchor-size", defaults.max_anchor_size}, "predicates in a rule; 0: any number"},
        {{"stop-on-first", defaults.stop_on_first}, "take the first rule that is precise enough"},
        {{"confirm-samples", defaults.confirm_samples},
         "fresh samples that measure the precision of the rule found"},
        {{"confidence", defaults.confidence}, "of the interval of that precision"},
        {{"within", defaults.within},
         "outputs of one number: how far from this one is still the same prediction"},
        seconds_option(),
        {{"segmentation", std::string("quickshift")},
         "pictures: quickshift, slic, felzenszwalb or grid, with options as in "
         "slic:50 or grid:7x7"},
        {{"hide", std::string("mean")},
         "pictures: what stands for a missing superpixel; mean: its mean colour; a "
         "baseline, or another picture"},
        {{"discretizer", std::string(name(Discretizer::quartile))},
         "tables: quartile, decile or entropy"}};
    std::ranges::move(word_options(false, unknown_word), std::back_inserter(options));
    return {{.name = "anchors",
             .summary =
                 "a rule that nearly suffices for the prediction, with its precision and coverage",
             .needs_gradient = false,
             .uses_baseline = false,
             .options = std::move(options),
             .explain = anchors_of}};
}

}  // namespace whence::recipe

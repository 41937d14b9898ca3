// whence clip counterfactual: of the pictures (captions) in a store those nearest to this one that get a wanted confidence.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

#include "clip.h"
#include "outputs.h"
#include "present.h"
#include "progress.h"
#include "whence/clip/classify.h"
#include "whence/clip/collection.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/recipe/layers.h"
#include "whence/recipe/recipe.h"
#include "whence/render/facts.h"
#include "whence/render/grid.h"
#include "whence/render/html.h"
#include "whence/render/number.h"

namespace whence::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    ClipModel model;
    std::vector<std::string> images;
    std::string text, labels, want, prompt{clip::default_prompt}, store, method;
    std::optional<double> confidence;
    bool lower = false, json = false;
    clip::SearchOptions search;
    std::vector<std::string> outputs;

    [[nodiscard]] bool of_text() const { return !text.empty(); }
};

// What is explained against what: the embedding, those it is compared with, and how that is said.
struct Question {
    std::vector<double> original;
    std::optional<clip::Confidence> confidence;
    std::string measure;               // "softmax", "sigmoid", "cosine"
    std::string name;                  // of the original
    std::string wanted;                // label, or picture
    data::Preprocessing against;       // for attributions
    int64_t target = 0;                // of them
};

struct Answer {
    Question question;
    clip::StoreCounterfactuals found;
};

void check(const Options& options) {
    if (options.of_text() ? options.images.empty() : options.images.size() != 1)
        throw Error(ErrorKind::usage,
                    options.of_text()
                        ? "--text is explained against pictures: give IMAGE, the wanted one first"
                        : "one IMAGE is explained, against --labels (with --text several compete, the first is wanted)");
    if (options.of_text() != options.labels.empty())
        throw Error(ErrorKind::usage, "give --labels a,b,c and --want b, or --text \"...\" to explain a text");
    if (options.of_text() && !options.want.empty())
        throw Error(ErrorKind::usage, "--want is one of --labels; of several pictures the first is wanted");
    for (const std::string& path : options.outputs)
        if (!path.ends_with(".html") && !path.ends_with(".json"))
            throw Error(ErrorKind::usage, "cannot write " + printable(path, 400) + ": counterfactuals are .html or .json");
    check_places(options.outputs, options.images);
}

// One anchor alone has no rivals: softmax of it is always 1, so its cosine stands for it.
void measure(Question& question, const clip::Pair& pair, const Tensor& anchors) {
    if (pair.activation() == clip::Activation::sigmoid) {
        question.measure = "sigmoid";
        question.confidence = clip::Confidence::sigmoid(anchors.slice_rows(question.target, 1), pair.logit_scale(),
                                                        pair.logit_bias());
    } else if (anchors.rows() == 1) {
        question.measure = "cosine";
        question.confidence = clip::Confidence::cosine(anchors);
    } else {
        question.measure = "softmax";
        question.confidence = clip::Confidence::softmax(anchors, question.target, pair.logit_scale());
    }
}

Tensor embedded(const clip::Pair& pair, const std::vector<std::string>& pictures, const Run& run) {
    const std::vector<std::filesystem::path> files(pictures.begin(), pictures.end());
    clip::ImageEmbeddings embeddings = pair.embed_images(files, run);
    if (!embeddings.unreadable.empty()) throw Error(ErrorKind::input, embeddings.unreadable[0].reason);
    return std::move(embeddings.values);
}

Question of_picture(const clip::Pair& pair, const Options& options, const Context& context) {
    Question question{.name = options.images[0], .wanted = options.want};
    clip::Labels labels = clip::embed_labels(pair, split_names(options.labels), {options.prompt}, context.run);
    const auto place = std::ranges::find(labels.names, options.want);
    if (place == labels.names.end())
        throw Error(ErrorKind::usage, options.want.empty()
                                          ? "which label is wanted? give --want, one of --labels"
                                          : "--want " + printable(options.want, 60) + " is none of --labels");
    question.target = place - labels.names.begin();
    question.against = {.kind = data::InputKind::image, .classes = labels.names};
    for (const std::string& label : labels.names)
        question.against.texts.push_back(clip::prompted(label, options.prompt));
    question.original = embedded(pair, options.images, context.run).to_doubles();
    measure(question, pair, labels.embeddings);
    return question;
}

Question of_text(const clip::Pair& pair, const Options& options, const Context& context) {
    Question question{.name = options.text, .wanted = options.images[0]};
    question.against = {.kind = data::InputKind::text};
    for (const std::string& image : options.images) question.against.images.push_back({.path = image, .sha256 = ""});
    clip::TextEmbeddings text = pair.embed_texts(std::vector<std::string>{options.text}, context.run);
    question.original = text.values.to_doubles();
    measure(question, pair, embedded(pair, options.images, context.run));
    return question;
}

const std::string& name_of(const store::Item& item) {
    return item.kind == store::Kind::text ? item.caption : item.path;
}

double degrees(double angle) { return angle * 180 / std::numbers::pi; }

std::string wanted_in_words(const Answer& answer) {
    const auto& found = answer.found.answer;
    return fmt::format("{} {} {} of {}", answer.question.measure == "cosine" ? "cosine" : "confidence",
                       found.aim == clip::Aim::raise ? "at least" : "at most", render::number(found.goal),
                       render::clean(answer.question.wanted, 100));
}

// ---- text and JSON ----------------------------------------------------------------------------

std::string as_text(const Answer& answer) {
    const auto& found = answer.found.answer;
    std::string out = fmt::format("{}: {} now; wanted: {}\n", render::clean(answer.question.name, 200),
                                  render::number(found.confidence), wanted_in_words(answer));
    if (found.reach.reachable && !found.reach.already)
        out += fmt::format("  the nearest embedding that reaches it: {} degrees away; the {} there can be: {}\n",
                           render::number(degrees(found.reach.angle)),
                           found.aim == clip::Aim::raise ? "highest" : "lowest", render::number(found.reach.extreme));
    if (!found.found.empty()) out += "\n  confidence  degrees away\n";
    for (size_t i = 0; i < found.found.size(); ++i)
        out += fmt::format("  {:>10.4f}  {:>12.2f}  {}{}\n", found.found[i].confidence, degrees(found.found[i].angle),
                           render::clean(name_of(answer.found.items[i]), 400),
                           found.found[i].reaches ? "" : "  (does not reach it)");
    if (!found.reach.already && found.size > 0)
        out += fmt::format("\n  {} of {} in the store were scored{}\n", render::count(found.scored), render::count(found.size),
                           found.exact ? "; none that was not is nearer (exact)" : "");
    for (const std::string& note : found.notes) out += "  note: " + render::clean(note, 400) + "\n";
    return out;
}

std::string as_json(const Answer& answer, const clip::Pair& pair, const Options& options) {
    const auto& found = answer.found.answer;
    Json out = {{"model", pair.folder().string()},
                {"fingerprint", pair.fingerprint()},
                {"store", options.store},
                {options.of_text() ? "text" : "image", answer.question.name},
                {"wanted", answer.question.wanted},
                {"aim", found.aim == clip::Aim::raise ? "raise" : "lower"},
                {"measure", answer.question.measure},
                {"goal", found.goal},
                {"confidence", found.confidence},
                {"already", found.reach.already},
                {"reachable", found.reach.reachable},
                {"extreme", found.reach.extreme},
                {"extreme_bound", found.reach.extreme_bound},
                {"wanted_embedding",
                 {{"confidence", found.reach.confidence}, {"angle", found.reach.angle}, {"least_angle", found.reach.least_angle}}},
                {"found", Json::array()},
                {"size", found.size},
                {"scored", found.scored},
                {"complete", found.complete},
                {"exact", found.exact},
                {"notes", found.notes}};
    for (size_t i = 0; i < found.found.size(); ++i) {
        const clip::Candidate& candidate = found.found[i];
        const store::Item& item = answer.found.items[i];
        out["found"].push_back({{"rank", i + 1},
                                {"id", candidate.id},
                                {"path", item.path},
                                {"caption", item.caption},
                                {"confidence", candidate.confidence},
                                {"angle", candidate.angle},
                                {"reaches", candidate.reaches}});
    }
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// ---- the page ---------------------------------------------------------------------------------

// In which ninth of the picture the attribution rose most from one map to another of the same size, in words; of pictures whose
// features are no pixels nothing.
std::string where_it_rose(const Attribution& before, const Attribution& after) {
    constexpr const char* rows[] = {"top", "middle", "bottom"};
    constexpr const char* columns[] = {"left", "centre", "right"};
    const Shape& shape = after.values.shape();
    if (before.values.shape() != shape || shape.size() != 4 || before.segments || after.segments) return "";
    const bool last = shape[3] <= 4;  // [1, H, W, C], else [1, C, H, W]
    const int64_t height = shape[last ? 1 : 2], width = shape[last ? 2 : 3], channels = shape[last ? 3 : 1];
    if (height < 3 || width < 3) return "";
    const std::vector<double> a = before.values.to_doubles(), b = after.values.to_doubles();
    double risen[9] = {};
    for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
            for (int64_t c = 0; c < channels; ++c) {
                const auto i = static_cast<size_t>(last ? (y * width + x) * channels + c : (c * height + y) * width + x);
                risen[3 * (3 * y / height) + 3 * x / width] += b[i] - a[i];
            }
    const auto best = std::ranges::max_element(risen) - risen;
    if (!(risen[best] > 0)) return "no part of the picture speaks more for it than before";
    return fmt::format("rose most at the {} {}: {}", rows[best / 3], columns[best % 3], render::signed_number(risen[best]));
}

render::ReportItem explained(const recipe::Subject& subject, const recipe::Input& input, const recipe::Recipe& recipe,
                             std::string title, const Run& run) {
    render::ReportItem item = present(recipe::explain(subject, input, recipe, run), subject, input, run);
    item.title = std::move(title);
    return item;
}

std::string page(const Answer& answer, const clip::Pair& pair, const Options& options, const Context& context) {
    const auto& found = answer.found.answer;
    const recipe::Subject subject = recipe::Subject::of(pair, answer.question.against, context.run);
    const auto read = [&](const std::string& what) {
        return options.of_text() ? recipe::from_text(subject, what) : recipe::read_input(subject, what);
    };
    render::ReportOptions report{.title = "Counterfactuals: " + wanted_in_words(answer)};
    report.table = {{"", options.of_text() ? "text" : "picture", answer.question.measure, "degrees away"},
                    {"original", answer.question.name, render::number(found.confidence), "0"}};
    recipe::Recipe recipe;
    recipe.target = std::to_string(answer.question.target);
    recipe.scale = Scale::raw;
    std::vector<render::ReportItem> items;
    const recipe::Input original = read(answer.question.name);
    recipe.method = options.method;
    if (recipe.method.empty())  // one pass each, where there is attention
        recipe.method = recipe::find_attention(subject.onnx()).empty() ? recipe::default_method(subject, original).method
                                                                       : "attention-relevance";
    items.push_back(explained(subject, original, recipe, "Original: " + render::clean(answer.question.name, 200), context.run));
    for (size_t i = 0; i < found.found.size(); ++i) {
        const clip::Candidate& candidate = found.found[i];
        const std::string& name = name_of(answer.found.items[i]);
        report.table.push_back({fmt::format("{}{}", i + 1, candidate.reaches ? "" : " (does not reach it)"), name,
                                render::number(candidate.confidence), render::number(degrees(candidate.angle))});
        try {
            items.push_back(explained(subject, read(name), recipe, fmt::format("{}: {}", i + 1, render::clean(name, 200)), context.run));
        } catch (const Error& error) {
            // The file may be gone; what the store knows of it stands.
            if (error.kind() != ErrorKind::io && error.kind() != ErrorKind::input) throw;
            context.note(error.what());
            continue;
        }
        items.back().note = where_it_rose(items.front().explanation.attribution, items.back().explanation.attribution);
    }
    clear_progress();
    if (!options.of_text()) {
        render::GridOptions grid{.notes = found.notes};
        std::vector<render::GridRow> rows;
        for (const render::ReportItem& item : items)
            if (item.image)
                rows.push_back({item.title, *item.image, {{answer.question.wanted, item.explanation, item.note}}});
        if (!rows.empty()) report.figure = render::grid_html(rows, grid);
    }
    return render::report(items, report);
}

int counterfactual(const Options& options, const Context& context) {
    check(options);
    const clip::Pair pair = options.model.open(context);
    store::Store store(options.store);
    store.require(pair.fingerprint());
    Answer answer{.question = options.of_text() ? of_text(pair, options, context) : of_picture(pair, options, context),
                  .found = {}};
    const clip::Aim aim = options.lower ? clip::Aim::lower : clip::Aim::raise;
    const bool cosine = answer.question.measure == "cosine";
    if (cosine && !options.confidence)
        throw Error(ErrorKind::usage,
                    "one label, or picture, has no rivals, so its cosine is what may be wanted: give --confidence (matching ones have "
                    "some 0.2 to 0.35), or name several");
    answer.found = clip::find_counterfactuals(*answer.question.confidence, answer.question.original,
                                              options.confidence.value_or(options.lower ? 0.1 : 0.9), aim, store,
                                              options.of_text() ? store::Kind::text : store::Kind::image, options.search, context.run);
    clear_progress();
    for (const std::string& path : options.outputs)
        write_file(path, path.ends_with(".json") ? as_json(answer, pair, options) : page(answer, pair, options, context));
    print(options.json ? as_json(answer, pair, options) : as_text(answer));
    return 0;
}

}  // namespace

void add_clip_counterfactual(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand(
        "counterfactual", "of the pictures (captions) in a store the nearest to this one that get a wanted confidence");
    const auto options = std::make_shared<Options>();
    command->add_option("IMAGE", options->images, "the picture; with --text the pictures that compete, the wanted one first")
        ->required()
        ->type_name("");
    command->add_option("--labels", options->labels, "what may be seen, separated by commas")->type_name("A,B,...");
    command->add_option("--want", options->want, "the label whose confidence is to change")->type_name("LABEL");
    command->add_option("--prompt", options->prompt, "of --labels (default \"a photo of a {}\")")->type_name("TEXT");
    command->add_option("--text", options->text, "explain this text instead, over the captions of the store")->type_name("TEXT");
    command->add_option("--confidence", options->confidence,
                        "wanted, 0 to 1 (default 0.9; with --lower 0.1); of one label or picture alone its cosine")
        ->type_name("P");
    command->add_flag("--lower", options->lower, "at most that confidence, instead of at least");
    command->add_option("--store", options->store, "folder that whence clip index made")->required()->type_name("STORE");
    command->add_option("-k,--count", options->search.count, "how many (default 5)")->type_name("N")->check(CLI::PositiveNumber);
    command->add_option("-m,--method", options->method, "of the maps in the page (default: attention-relevance; without attention as whence explain)")->type_name("METHOD");
    options->model.declare(*command);
    command->add_option("-o,--output", options->outputs, "write .html or .json; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_flag("--json", options->json, "for programs");
    command->footer(
        "\n  whence clip counterfactual examples/data/cat.png --labels cat,dog,ship --want dog --store photos.store -o dog.html\n"
        "  whence clip counterfactual cat.png dog.png --text \"a photo of a dog\" --store photos.store");
    command->callback([options, &context] {
        context.command = [options, &context] { return counterfactual(*options, context); };
    });
}

}  // namespace whence::cli

// whence explain: what a prediction comes from.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "explain.h"
#include "limits.h"
#include "method_options.h"
#include "outputs.h"
#include "present.h"
#include "progress.h"
#include "rows_outputs.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/perturb/submodular_pick.h"
#include "whence/recipe/recipe.h"
#include "whence/render/superpixel_mask.h"
#include "whence/render/text.h"
#include "whence/render/words.h"

namespace whence::cli {
namespace {

using Options = ExplainOptions;

int64_t shown(const Options& options) {
    return options.top.value_or(10);
}

// What --mask and its companions ask for.
render::MaskOptions mask_options(const Options& options) {
    render::MaskOptions out{.hide_rest = options.hide_rest,
                            .min_weight = options.min_weight.value_or(0)};
    out.num_features = options.top.value_or(out.num_features);
    out.positive_only = options.mask == "positive";
    out.negative_only = options.mask == "negative";
    if (!out.positive_only && !out.negative_only && options.mask != "both")
        throw Error(ErrorKind::usage, "--mask " + printable(options.mask) +
                                          ": give positive, negative or both");
    return out;
}

void choose_method(Options& options, const recipe::Subject& subject, const recipe::Input& input,
                   const Context& context) {
    const recipe::MethodChoice choice = recipe::default_method(subject, input);
    options.method = choice.method;
    context.note("no --method was given; this is " + choice.method +
                 (choice.why.empty() ? "" : ", because " + choice.why));
}

recipe::Input input_of(const recipe::Subject& subject, const Options& options) {
    if (options.inputs.empty() == options.text.empty())
        throw Error(ErrorKind::usage, "give INPUT, a file, or --text \"...\", one of the two");
    if (options.text.empty())
        return recipe::read_together(subject, {options.inputs.begin(), options.inputs.end()},
                                     options.row);
    if (options.row) throw Error(ErrorKind::usage, "a text has no rows: leave --row out");
    return recipe::from_text(subject, options.text);
}

// The command that makes a saved explanation again.
std::string replay_command(const std::vector<std::string>& outputs) {
    for (const std::string& path : outputs)
        if (path.ends_with(".json")) return "whence replay " + path;
    return "";
}

recipe::Recipe recipe_of(const Options& options) {
    return {.method = options.method,
            .target = options.target,
            .scale = parse_scale(options.scale),
            .baseline = options.baseline,
            .layer = options.layer,
            .options = options.of_method.given(recipe::find_method(options.method)),
            .seed = options.seed};
}

// "all", or "A:B" as in Python: from A (0) up to but without B (the end).
std::pair<size_t, size_t> parse_rows(const std::string& text, size_t rows) {
    if (text == "all") return {0, rows};
    const auto number = [&](std::string_view part, size_t otherwise) {
        size_t value = otherwise;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (!part.empty() && (error != std::errc{} || end != part.data() + part.size()))
            throw Error(ErrorKind::usage, "--rows " + printable(text) + ": give all, or A:B");
        return std::min(value, rows);
    };
    const size_t colon = text.find(':');
    if (colon == std::string::npos)
        throw Error(ErrorKind::usage,
                    "--rows " + printable(text) + ": give all, or A:B; --row explains one");
    const std::string_view view = text;
    const size_t from = number(view.substr(0, colon), 0), to = number(view.substr(colon + 1), rows);
    if (from >= to)
        throw Error(ErrorKind::usage, "--rows " + printable(text) + ": the file has " +
                                          std::to_string(rows) + " rows, and none of them is there");
    return {from, to};
}

// Where no class is asked for, all rows explain the one that the first row gets: values of
// different classes do not belong in one table.
void settle_target(Options& options, const Explanation& first, const Context& context) {
    if (options.target != "top") return;
    const ResolvedTarget& target = first.target.resolved;
    if (target.classes < 2) return;
    options.target = target.output + ":" + std::to_string(target.index);
    context.note("every row is explained for " + printable(first.target.label) +
                 ", the top class of the first; --target chooses");
}

// Of all rows those that together show what matters.
void keep_picked(int64_t count, std::vector<Explanation>& all, const Context& context) {
    const Pick pick = submodular_pick(all, count);
    std::vector<Explanation> kept;
    std::string rows;
    for (const int64_t row : pick.rows) {
        const int64_t number = all[row].provenance.input_row.value_or(row);
        rows += (rows.empty() ? "" : ", ") + std::to_string(number);
        kept.push_back(std::move(all[row]));
    }
    context.note(fmt::format("of {} rows {} were picked; what they show is {:.0f} % of what matters",
                             all.size(), rows, 100 * pick.coverage.back()));
    all = std::move(kept);
}

// Rows of a block: as many as a small part of the memory holds. More than the most make nothing faster.
int64_t block_rows(const recipe::RowsExplainer& explainer, const Context& context) {
    constexpr int64_t most = 1 << 16;
    const auto bytes = static_cast<int64_t>(parse_memory(context.memory) / 8);
    return std::clamp<int64_t>(bytes / explainer.bytes_per_row(), 1, most);
}

// Rows of a file of any length, where method, input and outputs allow it; false where one does not.
bool stream_rows(Options& options, const recipe::Subject& subject, const Context& context) {
    if (options.pick || !take_rows_as_they_come(options.outputs)) return false;
    const std::string& path = options.inputs[0];
    std::optional<recipe::Rows> rows = recipe::stream_rows(subject, path);
    const std::optional<Tensor> first = rows ? rows->stream->next(1) : std::nullopt;
    if (!first) return false;
    const recipe::Input input = recipe::from_row(subject, rows->schema, *first);
    if (options.method.empty()) choose_method(options, subject, input, context);
    if (!recipe::find_method(options.method).rows) return false;
    const Explanation example = recipe::explain(subject, input, recipe_of(options), context.run);
    const auto explainer =
        recipe::rows_explainer(subject, rows->schema, recipe_of(options), example);
    if (!explainer) return false;
    settle_target(options, example, context);
    const auto [from, to] = parse_rows(options.rows, std::numeric_limits<int64_t>::max());
    const int64_t block = block_rows(*explainer, context);
    RowsWriter writer(options.outputs, rows->schema);
    rows = recipe::stream_rows(subject, path);
    Run each = context.run;
    each.progress = nullptr;
    int64_t row = 0, done = 0;
    while (row < static_cast<int64_t>(to)) {
        const auto skipped = static_cast<int64_t>(from) - row, wanted = static_cast<int64_t>(to) - row;
        const std::optional<Tensor> part =
            rows->stream->next(std::min(block, skipped > 0 ? skipped : wanted));
        if (!part) break;
        if (skipped <= 0) {
            writer.append(explainer->explain(*part, each), row);
            done += part->rows();
            context.run.report("explaining rows", done,
                               std::llround(static_cast<double>(done) / rows->stream->share()));
        }
        row += part->rows();
        context.run.check();
    }
    if (done == 0) static_cast<void>(parse_rows(options.rows, static_cast<size_t>(row)));
    writer.commit();
    clear_progress();
    return true;
}

int explain_rows(Options options, const recipe::Subject& subject, const Context& context) {
    if (stream_rows(options, subject, context)) return 0;
    const std::vector<recipe::Input> inputs = recipe::read_inputs(subject, options.inputs[0]);
    const auto [from, to] = parse_rows(options.rows, inputs.size());
    if (options.pick && *options.pick > static_cast<int64_t>(to - from))
        throw Error(ErrorKind::usage,
                    fmt::format("cannot pick {} of {} rows", *options.pick, to - from));
    if (options.method.empty()) choose_method(options, subject, inputs[from], context);
    Run each = context.run;
    each.progress = nullptr;  // the rows are what is counted
    each.early = nullptr;
    std::vector<Explanation> all;
    for (size_t row = from; row < to; ++row) {
        all.push_back(recipe::explain(subject, inputs[row], recipe_of(options), each));
        if (row == from) settle_target(options, all[0], context);
        context.run.report("explaining rows", static_cast<int64_t>(row - from + 1),
                           static_cast<int64_t>(to - from));
    }
    clear_progress();
    if (options.pick) keep_picked(*options.pick, all, context);
    write_rows(options.outputs, all, render::parse_plot(options.plot.empty() ? "beeswarm" : options.plot),
               {.top = shown(options)});
    return 0;
}

void check_mask(const Options& options) {
    if (options.mask.empty()) {
        if (options.hide_rest || options.min_weight)
            throw Error(ErrorKind::usage, "--hide-rest and --min-weight belong to --mask");
        return;
    }
    static_cast<void>(mask_options(options));
    if (!options.rows.empty() || !options.plot.empty())
        throw Error(ErrorKind::usage, "--mask shows the superpixels of one picture: no --rows, no --plot");
    if (std::ranges::none_of(options.outputs,
                             [](const std::string& path) { return path.ends_with(".png"); }))
        throw Error(ErrorKind::usage, "--mask draws a .png: give -o FILE.png");
}

// What can be wrong with the request is said before the work.
void check_request(const Options& options) {
    check_explanation(options, {options.subject.model, options.subject.background});
    if (!options.rows.empty() && !options.words.empty())
        throw Error(ErrorKind::usage, "--words says one explanation: give --row, not --rows");
    if (!options.rows.empty() && !options.text.empty())
        throw Error(ErrorKind::usage, "--rows are rows of a file, and --text is one text");
    if (!options.rows.empty() && options.inputs.size() != 1)
        throw Error(ErrorKind::usage, "--rows are rows of one file: give one INPUT");
    if (!options.rows.empty() && options.row)
        throw Error(ErrorKind::usage, "--row explains one row, --rows many: give one of them");
    if (!options.rows.empty() && options.outputs.empty())
        throw Error(ErrorKind::usage,
                    "--rows: many explanations go into files; give -o FILE (.json, .csv, .npy, .npz, "
                    ".png, .svg or .html)");
    if (options.pick && options.rows.empty())
        throw Error(ErrorKind::usage, "--pick chooses among many rows: give --rows");
    if (options.plot.empty()) return;
    const render::Plot plot = render::parse_plot(options.plot);
    if (render::of_one_row(plot) != options.rows.empty())
        throw Error(ErrorKind::usage,
                    "--plot " + options.plot +
                        (options.rows.empty() ? " shows many rows: give --rows"
                                              : " shows one row: give --row"));
}

// With --mask a PNG is the picture's own superpixels.
void write_masked(const Options& options, const render::ReportItem& item) {
    if (!item.image)
        throw Error(ErrorKind::usage, "--mask shows superpixels, and the input is no picture");
    std::vector<std::vector<std::byte>> made;
    for (const std::string& path : options.outputs)
        made.push_back(path.ends_with(".png")
                           ? render::to_png(render::mask_picture(item.explanation, *item.image,
                                                                 mask_options(options)))
                           : encode(path, item));
    for (size_t i = 0; i < made.size(); ++i) write_file(options.outputs[i], made[i]);
}

// With --plot pictures are that plot.
void write_one(const Options& options, const render::ReportItem& item) {
    if (!options.mask.empty()) return write_masked(options, item);
    if (options.plot.empty()) return write_outputs(options.outputs, item);
    std::vector<std::vector<std::byte>> made;
    for (const std::string& path : options.outputs) {
        const bool data = path.ends_with(".json") || path.ends_with(".csv") || path.ends_with(".npz") ||
                          path.ends_with(".npy");
        made.push_back(data ? encode(path, item)
                            : encode_plot(path, {item.explanation}, render::parse_plot(options.plot),
                                          {.top = shown(options)}));
    }
    for (size_t i = 0; i < made.size(); ++i) write_file(options.outputs[i], made[i]);
}

int explain(Options options, const Context& context) {
    check_request(options);
    const recipe::Subject subject = options.subject.open(context);
    if (!options.rows.empty()) return explain_rows(std::move(options), subject, context);
    const recipe::Input input = input_of(subject, options);
    return explain_input(std::move(options), subject, input, context);
}

}  // namespace

void declare_explanation(CLI::App& command, ExplainOptions& options) {
    command.add_option("-m,--method", options.method,
                     "see whence methods; default: integrated-gradients, or lime for a model "
                     "without gradient")
        ->type_name("M");
    command.add_option("-t,--target", options.target,
                     "top, a class by name or number, or A-B (default top)")
        ->type_name("T");
    command.add_option("--scale", options.scale,
                     "raw, logit, probability or log-probability; default: the method's")
        ->type_name("S");
    command.add_option("-b,--baseline", options.baseline,
                     "zeros, model-zeros, value:V, mean, blur:SIGMA, noise:LOW:HIGH, gaussian:SIGMA, a "
                     "file, mean:PATH or set:PATH[:K] of a folder or file of many, auto: the most "
                     "neutral; default: mean with a background, else zeros")
        ->type_name("B");
    command.add_option("-l,--layer", options.layer,
                     "explain with the features of this tensor; see whence info --layers")
        ->type_name("NAME");
    command.add_option("--seed", options.seed, "of everything random (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command.add_option("-o,--output", options.outputs,
                     "file to write: .json .npz .npy .csv .png .svg .html; may be repeated; "
                     "without it, text in the terminal")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command.add_flag("--show", options.show, "text in the terminal also with -o");
    command.add_option("--words", options.words,
                     "say it in a few sentences, in en, ru or zh, instead of the table")
        ->type_name("LANGUAGE");
    command.add_option("--mask", options.mask,
                     "a .png is the picture with the superpixels that speak for the target "
                     "(positive), against it (negative), or both, --top of them (default 5)")
        ->type_name("WHICH");
    command.add_flag("--hide-rest", options.hide_rest, "with --mask: the rest is black");
    command.add_option("--min-weight", options.min_weight,
                     "with --mask: leave out superpixels that weigh less")
        ->type_name("X");
    command.add_option("--top", options.top, "features shown (default 10)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    options.of_method.declare(command);
}

void check_explanation(const ExplainOptions& options, const std::vector<std::string>& besides) {
    std::vector<std::string> read = options.inputs;
    read.insert(read.end(), besides.begin(), besides.end());
    check_outputs(options.outputs, read);
    if (!options.method.empty())
        static_cast<void>(options.of_method.given(recipe::find_method(options.method)));
    static_cast<void>(parse_scale(options.scale));
    if (!options.words.empty()) static_cast<void>(render::parse_language(options.words));
    check_mask(options);
}

int explain_input(ExplainOptions options, const recipe::Subject& subject, const recipe::Input& input,
                  const Context& context) {
    if (options.method.empty()) choose_method(options, subject, input, context);
    render::ReportItem item = present(recipe::explain(subject, input, recipe_of(options), context.run),
                                      subject, input, context.run);
    clear_progress();
    item.replay = replay_command(options.outputs);
    if (context.run.stop.stop_requested()) context.run.check();  // what is late is kept
    write_one(options, item);
    if (!options.words.empty())
        print(render::in_words(item.explanation, render::parse_language(options.words)) + "\n");
    else if (options.outputs.empty() || options.show)
        print(render::to_text(item.explanation, {.width = terminal_width(1),
                                                 .color = wants_color(context.color_mode, 1),
                                                 .ascii = !speaks_utf8(),
                                                 .top = shown(options)}));
    return 0;
}


void add_explain(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "explain", "what a prediction comes from, and how far that can be trusted");
    const auto options = std::make_shared<Options>();
    options->subject.declare(*command);
    command
        ->add_option("INPUT", options->inputs,
                     "a picture, a CSV, a text (.txt), a .npy or .npz file; of a model whose "
                     "preprocessing is mixed one for each of its inputs, explained together")
        ->type_name("");
    command->add_option("--text", options->text, "a text, instead of INPUT")->type_name("TEXT");
    command->add_option("--row", options->row, "row of the table or array, from 0 (default 0)")
        ->type_name("N");
    command
        ->add_option("--rows", options->rows,
                     "many rows: all, or A:B (from A up to, without, B); needs -o")
        ->type_name("ROWS");
    options->subject.declare_background(*command);
    command
        ->add_option("--plot", options->plot,
                     "draw a table's picture as waterfall or force; of --rows as beeswarm "
                     "(default), bar, violin, heatmap, scatter or decision")
        ->type_name("PLOT");
    command
        ->add_option("--pick", options->pick,
                     "of --rows keep this many that together show what matters (SP-LIME)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    declare_explanation(*command, *options);
    command->footer(
        "\n  whence explain examples/models/breast_cancer.onnx examples/data/breast_cancer.csv "
        "--row 17\n"
        "  whence explain examples/models/cifar10_cnn.onnx examples/data/cat.png -m lime "
        "--segmentation grid:8x8 -o why.html\n"
        "  whence explain resnet50.onnx photo.jpg --preprocess imagenet -t 281 -b blur -o why.png "
        "-o why.json\n"
        "  whence explain sentiment.onnx --text \"a dull, dull film\" -m lime");
    command->callback([options, &context] {
        context.command = [options, &context] { return explain(*options, context); };
    });
}

}  // namespace whence::cli

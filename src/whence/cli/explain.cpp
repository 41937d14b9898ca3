// whence explain: what a prediction comes from.

#include <fmt/format.h>

#include "command.h"
#include "method_options.h"
#include "outputs.h"
#include "present.h"
#include "progress.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/recipe/recipe.h"
#include "whence/render/text.h"

namespace whence::cli {
namespace {

struct Options {
    SubjectOptions subject;
    std::string input, text, method, target = "top", scale = "automatic", baseline, layer;
    uint64_t seed = 0;
    std::optional<int64_t> row;
    int64_t top = 10;
    std::vector<std::string> outputs;
    bool show = false;
    MethodOptions of_method;
};

void choose_method(Options& options, const recipe::Subject& subject, const recipe::Input& input,
                   const Context& context) {
    const recipe::MethodChoice choice = recipe::default_method(subject, input);
    options.method = choice.method;
    context.note("no --method was given; this is " + choice.method +
                 (choice.why.empty() ? "" : ", because " + choice.why));
}

recipe::Input input_of(const recipe::Subject& subject, const Options& options) {
    if (options.input.empty() == options.text.empty())
        throw Error(ErrorKind::usage, "give INPUT, a file, or --text \"...\", one of the two");
    if (options.text.empty()) return recipe::read_input(subject, options.input, options.row);
    if (options.row) throw Error(ErrorKind::usage, "a text has no rows: leave --row out");
    return recipe::from_text(subject, options.text);
}

// The command that makes a saved explanation again.
std::string replay_command(const std::vector<std::string>& outputs) {
    for (const std::string& path : outputs)
        if (path.ends_with(".json")) return "whence replay " + path;
    return "";
}

int explain(Options options, const Context& context) {
    // What can be wrong with the request is said before the work.
    check_outputs(options.outputs,
                  {options.subject.model, options.input, options.subject.background});
    if (!options.method.empty())
        static_cast<void>(options.of_method.given(recipe::find_method(options.method)));
    const Scale scale = parse_scale(options.scale);
    const recipe::Subject subject = options.subject.open(context);
    const recipe::Input input = input_of(subject, options);
    if (options.method.empty()) choose_method(options, subject, input, context);
    const recipe::Recipe recipe{
        .method = options.method,
        .target = options.target,
        .scale = scale,
        .baseline = options.baseline,
        .layer = options.layer,
        .options = options.of_method.given(recipe::find_method(options.method)),
        .seed = options.seed};
    render::ReportItem item =
        present(recipe::explain(subject, input, recipe, context.run), subject, input, context.run);
    clear_progress();
    item.replay = replay_command(options.outputs);
    context.run.check();
    write_outputs(options.outputs, item);
    if (options.outputs.empty() || options.show)
        print(render::to_text(item.explanation, {.width = terminal_width(1),
                                                 .color = wants_color(context.color_mode, 1),
                                                 .ascii = !speaks_utf8(),
                                                 .top = options.top}));
    return 0;
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "explain", "what a prediction comes from, and how far that can be trusted");
    const auto options = std::make_shared<Options>();
    options->subject.declare(*command);
    command->add_option("INPUT", options->input, "a picture, a CSV, a text (.txt), a .npy or .npz file")
        ->type_name("");
    command->add_option("--text", options->text, "a text, instead of INPUT")->type_name("TEXT");
    command->add_option("--row", options->row, "row of the table or array, from 0 (default 0)")
        ->type_name("N");
    options->subject.declare_background(*command);
    command
        ->add_option("-m,--method", options->method,
                     "see whence methods; default: integrated-gradients, or lime for a model "
                     "without gradient")
        ->type_name("M");
    command
        ->add_option("-t,--target", options->target,
                     "top, a class by name or number, or A-B (default top)")
        ->type_name("T");
    command
        ->add_option("--scale", options->scale,
                     "raw, logit, probability or log-probability; default: the method's")
        ->type_name("S");
    command
        ->add_option("-b,--baseline", options->baseline,
                     "zeros, model-zeros, value:V, mean, blur:SIGMA, noise:LOW:HIGH, gaussian:SIGMA, a "
                     "file, mean:PATH or set:PATH[:K] of a folder or file of many, auto: the most "
                     "neutral; default: mean with a background, else zeros")
        ->type_name("B");
    command
        ->add_option("-l,--layer", options->layer,
                     "explain with the features of this tensor; see whence info --layers")
        ->type_name("NAME");
    command->add_option("--seed", options->seed, "of everything random (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command
        ->add_option("-o,--output", options->outputs,
                     "file to write: .json .npz .csv .png .svg .html; may be repeated; "
                     "without it, text in the terminal")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_flag("--show", options->show, "text in the terminal also with -o");
    command->add_option("--top", options->top, "features shown in the terminal (default 10)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    options->of_method.declare(*command);
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

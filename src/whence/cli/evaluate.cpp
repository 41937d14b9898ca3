// whence evaluate: how good the explanations of several methods are.

#include "whence/evaluate/evaluate.h"

#include <algorithm>

#include "command.h"
#include "progress.h"
#include "score_card_outputs.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/data/npy.h"
#include "whence/render/score_card.h"

namespace whence::cli {
namespace {

struct Options {
    SubjectOptions subject;
    evaluate::PoolRequest pool;
    evaluate::Request request;
    std::vector<std::string> data, attributions, set, outputs;
    std::string masks, scale = "automatic", json;
    bool show = false, list = false;
};

// "NAME=FILE".
evaluate::Given given_of(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
        throw Error(ErrorKind::usage, "--attributions " + printable(text) + ": give NAME=FILE.npy");
    const std::string path = text.substr(equals + 1);
    std::vector<NamedTensor> arrays = data::read_arrays(path);
    if (arrays.empty())
        throw Error(ErrorKind::input, printable(path, 400) + ": holds no arrays");
    return {text.substr(0, equals), std::move(arrays[0].value)};
}

int score(Options options, const Context& context) {
    if (options.list) {
        std::string out;
        if (options.request.metrics.empty()) out = evaluate::describe_metrics();
        for (const std::string& metric : options.request.metrics)
            out += evaluate::describe_metrics(metric == "all" ? "" : metric);
        print(out);
        return 0;
    }
    if (options.subject.model.empty() || options.data.empty())
        throw Error(ErrorKind::usage, "give MODEL and DATA; --list shows the metrics without them");
    if (!options.json.empty()) options.outputs.push_back(options.json);
    std::vector<std::string> read = options.data;
    read.insert(read.end(),
                {options.subject.model, options.subject.background, options.masks});
    check_score_card_outputs(options.outputs, read);
    evaluate::Request& request = options.request;
    request.scale = parse_scale(options.scale);
    for (const std::string& text : options.set)
        request.options.push_back(evaluate::parse_owned_option(text));
    for (const std::string& text : options.attributions) request.given.push_back(given_of(text));
    options.pool.paths.assign(options.data.begin(), options.data.end());
    options.pool.masks = options.masks;
    const recipe::Subject subject = options.subject.open(context);
    const evaluate::Pool pool = evaluate::read_pool(subject, options.pool);
    const ScoreCard card = evaluate::evaluate(subject, pool, request, context.run);
    clear_progress();
    context.run.check();
    std::vector<std::vector<std::byte>> files;
    for (const std::string& path : options.outputs) files.push_back(encode_score_card(path, card));
    for (size_t i = 0; i < files.size(); ++i) write_file(options.outputs[i], files[i]);
    if (options.outputs.empty() || options.show)
        print(render::to_text(card, {.width = terminal_width(1),
                                     .color = wants_color(context.color_mode, 1),
                                     .ascii = !speaks_utf8()}));
    return 0;
}

}  // namespace

void add_evaluate(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "evaluate", "how good explanations are: methods by metrics, and what may be concluded");
    const auto options = std::make_shared<Options>();
    evaluate::Request& request = options->request;
    options->subject.declare(*command);
    command->get_option("MODEL")->required(false);  // --list needs none
    command
        ->add_option("DATA", options->data,
                     "a CSV, a .npy or .npz file of rows, pictures or texts (.txt), or folders of them")
        ->type_name("");
    options->subject.declare_background(*command);
    const auto list = [&](const char* flags, std::vector<std::string>& to, const char* help) {
        return command->add_option(flags, to, help)->delimiter(',')->type_name("A,B");
    };
    const auto many = [&](const char* flags, std::vector<std::string>& to, const char* type,
                          const char* help) {
        command->add_option(flags, to, help)
            ->type_name(type)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    };
    list("-m,--methods", request.methods,
         "see whence methods; random: values by chance, the control; default: the model's own "
         "method, one that only asks, and random");
    list("--metrics", request.metrics,
         "names, categories (faithfulness, complexity, ...) or all; default: a fast few that fit "
         "the inputs; see --list");
    command->add_flag("--list", options->list,
                      "the metrics (or those of --metrics): direction, range, needs, source, what "
                      "each assumes and cannot tell");
    command
        ->add_option("--rows", request.rows, "all, or A:B (from A up to, without, B) of the inputs")
        ->type_name("ROWS");
    command
        ->add_option("--samples", request.samples,
                     "so many of them, drawn by the seed (default 50, or all of --rows)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    command
        ->add_option("--label", options->pool.label,
                     "true classes: a column of the CSV, a file with one for each input, or folder: "
                     "the folder a file is in")
        ->type_name("COLUMN");
    command
        ->add_option("--masks", options->masks,
                     "where the objects are: a folder with a picture for each picture, or a .npy "
                     "file")
        ->type_name("PATH");
    command
        ->add_option("--protected", request.protected_columns,
                     "protected columns of the table: adds their share of the explanations, that of "
                     "their proxies, how often changing them changes the class, and every metric by "
                     "their groups")
        ->type_name("A,B");
    many("--attributions", options->attributions, "NAME=FILE",
         "values made elsewhere (.npy, a row for each input), judged like a method; may be repeated");
    command
        ->add_option("-t,--target", request.target,
                     "top: each input's own predicted class (default); label: its true class; or a "
                     "class for all")
        ->type_name("T");
    command
        ->add_option("--scale", options->scale,
                     "raw, logit, probability or log-probability, of values and answers; default: "
                     "that of the first method")
        ->type_name("S");
    command->add_option("-b,--baseline", request.baseline, "of methods, as explain's --baseline")
        ->type_name("B");
    command
        ->add_option("--removed", request.ground.baseline,
                     "what a removed player becomes when metrics ask the model, as explain's "
                     "--baseline; default: mean for pictures and tables with a background, else "
                     "zeros; words are left out")
        ->type_name("B");
    command
        ->add_option("--regions", request.ground.regions,
                     "regions of pictures for metrics of regions: grid:8x8 (default), slic:50, ...")
        ->type_name("R");
    many("--set", options->set, "X.OPTION=VALUE",
         "an option of a method or metric: lime.num-samples=500, deletion.step=4; may be repeated");
    command->add_option("--seed", request.seed, "of everything random (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command
        ->add_option("--resamples", request.resamples, "of the bootstrap (default 2000)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{100}, int64_t{1} << 20));
    many("-o,--output", options->outputs, "FILE",
         "file to write: .html .json .csv .png .svg .txt; may be repeated; without it, text in the "
         "terminal");
    command->add_option("--json", options->json, "the same as -o FILE.json")->type_name("FILE");
    command->add_flag("--show", options->show, "text in the terminal also with -o");
    command->footer(
        "\n  whence evaluate examples/models/breast_cancer.onnx examples/data/breast_cancer.csv "
        "--label diagnosis -o card.html\n"
        "  whence evaluate model.onnx pictures/ -m integrated-gradients,lime,random --metrics "
        "faithfulness --samples 20\n"
        "  whence evaluate model.json rows.csv --attributions shap=values.npy -m tree-shap\n"
        "  whence evaluate --list --metrics localisation");
    command->callback([options, &context] {
        context.command = [options, &context] { return score(*options, context); };
    });
}

}  // namespace whence::cli

// whence predict: what the model says.

#include <fmt/format.h>

#include <algorithm>

#include "command.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/recipe/predict.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::cli {
namespace {

struct Options {
    SubjectOptions subject;
    std::vector<std::string> inputs, texts;
    int64_t top = 5;
    std::optional<int64_t> row;
    std::string output;
};

std::string title(const recipe::Input& input) {
    if (input.path.empty() && input.text) return "\"" + render::clean(input.text->text, 60) + "\"";
    return render::clean(input.path.string(), 400) +
           (input.row_number ? fmt::format(" row {}", *input.row_number) : "");
}

std::string lines(const recipe::Subject& subject, const recipe::Scores& scores, int64_t top,
                  const std::string& indent) {
    std::string out;
    if (!scores.classes && scores.values.size() == 1)
        return indent + render::number(scores.values[0], 6) + "\n";
    size_t width = 0;
    const std::vector<recipe::NamedScore> best = recipe::largest(subject, scores, top);
    const bool named = !subject.classes().empty();
    for (const recipe::NamedScore& score : best)
        width = std::max(width, std::to_string(score.index).size());
    for (const recipe::NamedScore& score : best) {
        const std::string value =
            scores.classes ? fmt::format("{:.4f}", score.value) : render::number(score.value, 6);
        out += fmt::format("{}{:>8}  {:>{}}{}\n", indent, value, score.index, width,
                           named ? "  " + render::clean(score.name, 100) : "");
    }
    return out;
}

int predict(const Options& options, const Context& context) {
    const recipe::Subject subject = options.subject.open(context);
    std::vector<recipe::Input> inputs;
    const bool together = !subject.parts().empty() && !options.inputs.empty();
    if (together)
        inputs.push_back(recipe::read_together(
            subject, {options.inputs.begin(), options.inputs.end()}, options.row));
    for (const std::string& path : options.inputs) {
        if (together) break;
        if (options.row)
            inputs.push_back(recipe::read_input(subject, path, options.row));
        else
            std::ranges::move(recipe::read_inputs(subject, path), std::back_inserter(inputs));
    }
    for (const std::string& text : options.texts)
        inputs.push_back(recipe::from_text(subject, text));
    if (inputs.empty())
        throw Error(ErrorKind::usage, "give INPUT, files, or --text \"...\"");
    bool said_softmax = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
        const recipe::Scores scores = recipe::scores_of(
            subject, recipe::predict(subject, inputs[i], context.run), options.output);
        if (scores.softmax && !said_softmax) {
            context.note("output '" + printable(scores.output) +
                         "' holds no probabilities; shown is its softmax");
            said_softmax = true;
        }
        std::string text;
        if (inputs.size() > 1) text = title(inputs[i]) + "\n";
        print(text + lines(subject, scores, options.top, inputs.size() > 1 ? "  " : ""));
        context.run.report("predicting", static_cast<int64_t>(i + 1),
                           static_cast<int64_t>(inputs.size()));
    }
    return 0;
}

}  // namespace

void add_predict(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "predict", "the top classes with their scores, or the value of a regression");
    const auto options = std::make_shared<Options>();
    options->subject.declare(*command);
    command
        ->add_option("INPUT", options->inputs,
                     "pictures, CSV, texts (.txt), .npy or .npz files; all rows unless --row says one")
        ->type_name("");
    command->add_option("--text", options->texts, "a text; may be repeated")
        ->type_name("TEXT")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options->subject.declare_background(*command);
    command->add_option("--top", options->top, "classes to show (default 5)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    command->add_option("--row", options->row, "row of the table or array, from 0")->type_name("N");
    command->add_option("--output", options->output, "which output; default: the first of numbers")
        ->type_name("NAME");
    command->footer(
        "\n  whence predict examples/models/cifar10_cnn.onnx examples/data/cat.png\n"
        "  whence predict examples/models/breast_cancer.onnx examples/data/breast_cancer.csv --row "
        "17\n"
        "  whence predict squeezenet.onnx photo.jpg --preprocess imagenet --labels synset.txt");
    command->callback([options, &context] {
        context.command = [options, &context] { return predict(*options, context); };
    });
}

}  // namespace whence::cli

// whence replay: an auditor's check that a saved explanation is what its files say.

#include <fmt/format.h>

#include <algorithm>

#include "command.h"
#include "progress.h"
#include "saved.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/recipe/recipe.h"
#include "whence/render/number.h"

namespace whence::cli {
namespace {

constexpr int different = 1;

struct Options {
    std::string file, model, input, background;
    std::vector<std::string> endpoint;
};

// What one explanation came to: the exit status, and a line or more for the terminal.
int replay_one(Explanation saved, const Options& options, const Context& context,
               std::string& text) {
    if (!options.input.empty()) saved.provenance.input_path = options.input;
    if (!options.background.empty()) saved.provenance.background_path = options.background;
    const std::filesystem::path folder = std::filesystem::path(options.file).parent_path();
    const recipe::Replay result = recipe::replay(
        saved, context.run, folder,
        {.path = options.model, .endpoint = remote::parse_options(options.endpoint)});
    if (!result.unchecked.empty()) context.note(result.unchecked);
    const auto row = saved.provenance.input_row;
    const std::string what = fmt::format("{} of {}{}", printable(saved.provenance.method, 60),
                                         printable(saved.provenance.input_path, 400),
                                         row ? fmt::format(", row {}", *row) : "");
    if (result.differences.empty()) {
        text += fmt::format("same: {}; largest difference {} of the largest value\n", what,
                            render::number(result.largest_difference, 2));
        return 0;
    }
    text += "different: " + what + "\n";
    for (const std::string& difference : result.differences) text += "  " + difference + "\n";
    return different;
}

int replay(const Options& options, const Context& context) {
    int status = 0;
    std::string text;
    for (const Explanation& saved : read_explanations(options.file))
        status = std::max(status, replay_one(saved, options, context, text));
    clear_progress();
    print(text);
    return status;
}

}  // namespace

void add_replay(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "replay", "recomputes a saved explanation and compares: exit status 0 same, 1 different");
    const auto options = std::make_shared<Options>();
    command->add_option("FILE.json", options->file, "written by whence explain -o FILE.json")
        ->required()
        ->type_name("");
    const char* moved = "where it is now, if not where the file says";
    command->add_option("--model", options->model, std::string(moved) + "; an endpoint only if its URL is given here")
        ->type_name("FILE");
    command->add_option("--input", options->input, moved)->type_name("FILE");
    command->add_option("--background", options->background, moved)->type_name("FILE");
    SubjectOptions::declare_endpoint(*command, options->endpoint);
    command->footer(
        "\n  whence explain model.onnx table.csv --row 17 -o why.json\n  whence replay why.json");
    command->callback([options, &context] {
        context.command = [options, &context] { return replay(*options, context); };
    });
}

}  // namespace whence::cli

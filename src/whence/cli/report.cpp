// whence report: saved explanations on one page.

#include "command.h"
#include "outputs.h"
#include "present.h"
#include "saved.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/recipe/recipe.h"

namespace whence::cli {
namespace {

struct Options {
    std::vector<std::string> files, outputs;
    std::string title;
};

// With picture and predictions where the files are still there and the same; else without, saying
// so.
render::ReportItem open(const Explanation& saved, const std::string& path,
                        const Context& context) {
    std::string why;
    try {
        const recipe::Sources sources =
            recipe::reopen(saved, std::filesystem::path(path).parent_path(), context.run);
        if (sources.differences.empty()) {
            render::ReportItem item = present(saved, sources.subject, sources.input, context.run);
            item.replay = "whence replay " + path;
            return item;
        }
        why = sources.differences[0];
    } catch (const Error& error) {
        context.run.check();
        why = error.what();
    }
    context.note(printable(path, 400) + ": shown without picture and predictions: " + why);
    return {.explanation = saved, .note = "Without picture and predictions: " + why};
}

int report(const Options& options, const Context& context) {
    std::vector<std::string> inputs = options.files;
    check_outputs(options.outputs, inputs);
    if (!options.outputs[0].ends_with(".html"))
        throw Error(ErrorKind::usage, "a report is a page: -o FILE.html");
    std::vector<render::ReportItem> items;
    for (const std::string& file : options.files)
        for (const Explanation& saved : read_explanations(file))
            items.push_back(open(saved, file, context));
    render::ReportOptions how;
    if (!options.title.empty()) how.title = options.title;
    write_file(options.outputs[0], render::report(items, how));
    return 0;
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("report", "saved explanations on one HTML page");
    const auto options = std::make_shared<Options>();
    command->add_option("FILE.json", options->files, "written by whence explain -o FILE.json")
        ->required()
        ->type_name("");
    command->add_option("-o,--output", options->outputs, "the page")
        ->type_name("FILE.html")
        ->required()
        ->expected(1);
    command->add_option("--title", options->title, "of the page")->type_name("TEXT");
    command->footer("\n  whence report lime.json gradients.json -o report.html");
    command->callback([options, &context] {
        context.command = [options, &context] { return report(*options, context); };
    });
}

}  // namespace whence::cli

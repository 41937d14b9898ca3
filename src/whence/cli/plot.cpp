// whence plot: saved explanations of columns as the plots users of shap know.

#include "command.h"
#include "outputs.h"
#include "rows_outputs.h"
#include "saved.h"
#include "whence/core/file.h"

namespace whence::cli {
namespace {

struct Options {
    std::string plot;
    std::vector<std::string> files, outputs;
    render::PlotOptions how;
};

int plot(const Options& options, const Context&) {
    const render::Plot kind = render::parse_plot(options.plot);
    check_outputs(options.outputs, options.files);
    std::vector<Explanation> all;
    for (const std::string& file : options.files)
        for (Explanation& e : read_explanations(file)) all.push_back(std::move(e));
    std::vector<std::vector<std::byte>> made;
    for (const std::string& path : options.outputs)
        made.push_back(encode_plot(path, all, kind, options.how));
    for (size_t i = 0; i < made.size(); ++i) write_file(options.outputs[i], made[i]);
    return 0;
}

}  // namespace

void add_plot(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("plot", "saved explanations of tables as a picture: one row or many");
    const auto options = std::make_shared<Options>();
    command
        ->add_option("PLOT", options->plot,
                     "of one row: waterfall, force; of many: bar, beeswarm, violin, heatmap, "
                     "scatter, decision")
        ->required()
        ->type_name("");
    command->add_option("FILE.json", options->files, "written by whence explain -o FILE.json")
        ->required()
        ->type_name("");
    command->add_option("-o,--output", options->outputs, "the picture: .png, .svg or .html")
        ->type_name("FILE")
        ->required()
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("--top", options->how.top, "features shown (default 10)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{100}));
    command->add_option("--feature", options->how.feature, "scatter: the column on the axis")
        ->type_name("NAME");
    command->add_option("--color-by", options->how.color_by, "scatter: the column of the colours")
        ->type_name("NAME");
    command->footer(
        "\n  whence explain model.onnx table.csv --rows all -m integrated-gradients -o all.json\n"
        "  whence plot beeswarm all.json -o beeswarm.png");
    command->callback([options, &context] {
        context.command = [options, &context] { return plot(*options, context); };
    });
}

}  // namespace whence::cli

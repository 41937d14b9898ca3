// whence global: what a model does over a whole table.

#include <fmt/format.h>

#include <map>

#include "command.h"
#include "global_outputs.h"
#include "progress.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/recipe/global.h"
#include "whence/render/global.h"

namespace whence::cli {
namespace {

// Options of views, each written once in recipe::views().
class ViewOptions {
  public:
    void declare(CLI::App& command) {
        for (const recipe::ViewSpec& view : recipe::views())
            for (const recipe::OptionSpec& spec : view.options) {
                const std::string& name = spec.option.name;
                if (options_.contains(name)) continue;
                const bool flag = std::holds_alternative<bool>(spec.option.value);
                options_[name] =
                    flag ? command.add_flag("--" + name + "{true}", texts_[name], help_of(spec))
                         : command.add_option("--" + name, texts_[name], help_of(spec))
                               ->type_name(std::holds_alternative<std::string>(spec.option.value)
                                               ? "NAME"
                                               : "N");
                options_[name]->group("Options of views");
            }
    }
    // Those that were given; one of another view goes on, and is refused with its name.
    [[nodiscard]] std::vector<Option> given(const recipe::ViewSpec& view) const {
        std::vector<Option> out;
        for (const auto& [name, option] : options_) {
            if (option->count() == 0) continue;
            const recipe::OptionSpec* own = find(view, name);
            if (!own)
                throw Error(ErrorKind::usage,
                            fmt::format("--{} is no option of the view {}; it is one of {}", name,
                                        view.name, owners(name)));
            out.push_back(recipe::parse_option(*own, texts_.at(name)));
        }
        return out;
    }

  private:
    static const recipe::OptionSpec* find(const recipe::ViewSpec& view, const std::string& name) {
        for (const recipe::OptionSpec& spec : view.options)
            if (spec.option.name == name) return &spec;
        return nullptr;
    }
    static std::string owners(const std::string& name) {
        std::string out;
        for (const recipe::ViewSpec& view : recipe::views())
            if (find(view, name)) out += (out.empty() ? "" : ", ") + view.name;
        return out;
    }
    // Its help with the default, and where other views have another, theirs.
    static std::string help_of(const recipe::OptionSpec& first) {
        std::string others;
        for (const recipe::ViewSpec& view : recipe::views())
            if (const recipe::OptionSpec* spec = find(view, first.option.name);
                spec && spec->option.value != first.option.value)
                others += fmt::format("; {}: {}", view.name, text_of(spec->option));
        return fmt::format("{}: {} (default {}{})", owners(first.option.name), first.help,
                           text_of(first.option), others);
    }
    static std::string text_of(const Option& option) {
        if (const auto* flag = std::get_if<bool>(&option.value)) return *flag ? "yes" : "no";
        return std::visit([](const auto& value) { return fmt::format("{}", value); }, option.value);
    }

    std::map<std::string, std::string> texts_;
    std::map<std::string, CLI::Option*> options_;
};

struct Options {
    SubjectOptions subject;
    std::string input, label;
    std::string scale = "automatic";
    recipe::GlobalRequest request{.view = "importance"};
    ViewOptions of_view;
    std::vector<std::string> outputs;
    int64_t top = 10;
    bool show = false;
};

int global(Options options, const Context& context) {
    check_global_outputs(options.outputs,
                         {options.subject.model, options.input, options.subject.background});
    options.request.scale = parse_scale(options.scale);
    options.request.options = options.of_view.given(recipe::find_view(options.request.view));
    const recipe::Subject subject = options.subject.open(context);
    const recipe::TableInput table =
        recipe::read_table_input(subject, options.input, options.label);
    const GlobalView view = recipe::global_view(subject, table, options.request, context.run);
    clear_progress();
    context.run.check();
    std::vector<std::vector<std::byte>> files;
    for (const std::string& path : options.outputs)
        files.push_back(encode_global(path, view, options.top));
    for (size_t i = 0; i < files.size(); ++i) write_file(options.outputs[i], files[i]);
    if (options.outputs.empty() || options.show)
        print(render::to_text(view, {.width = terminal_width(1),
                                     .color = wants_color(context.color_mode, 1),
                                     .ascii = !speaks_utf8(),
                                     .top = options.top}));
    return 0;
}

std::string view_help() {
    std::string out;
    for (const recipe::ViewSpec& view : recipe::views())
        out += (out.empty() ? "" : ", ") + view.name;
    return out + " (default importance)";
}

}  // namespace

void add_global(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "global",
        "what a model does over a whole table: importance, curves, interactions, surrogates");
    const auto options = std::make_shared<Options>();
    recipe::GlobalRequest& request = options->request;
    options->subject.declare(*command);
    command->add_option("TABLE", options->input, "a CSV of rows")->required()->type_name("");
    options->subject.declare_background(*command);
    command->add_option("--view", request.view, view_help())->type_name("VIEW");
    command
        ->add_option("--feature", request.features,
                     "a column to look at; may be repeated (default all)")
        ->type_name("NAME")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        ->add_option("--label", options->label,
                     "the column that holds the truth, for losses of importance")
        ->type_name("COLUMN");
    command
        ->add_option("-t,--target", request.target,
                     "a class by name or number, or A-B; default: the top class of the first row")
        ->type_name("T");
    command
        ->add_option("--scale", options->scale,
                     "raw, logit, probability or log-probability (default probability)")
        ->type_name("S");
    command->add_option("--seed", request.seed, "of everything random (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command
        ->add_option("-o,--output", options->outputs,
                     "file to write: .json .csv .png .svg .html .txt; may be repeated; without it, "
                     "text in the terminal")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_flag("--show", options->show, "text in the terminal also with -o");
    command->add_option("--top", options->top, "features shown (default 10)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    options->of_view.declare(*command);
    command->footer(
        "\n  whence global examples/models/breast_cancer.onnx examples/data/breast_cancer.csv "
        "--label diagnosis\n"
        "  whence global examples/models/breast_cancer.onnx examples/data/breast_cancer.csv "
        "--view ale --feature \"worst radius\" -t malignant -o ale.png");
    command->callback([options, &context] {
        context.command = [options, &context] { return global(*options, context); };
    });
}

}  // namespace whence::cli

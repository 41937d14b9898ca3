// whence methods: what there is to explain with.

#include <fmt/format.h>

#include "command.h"
#include "method_options.h"
#include "whence/recipe/methods.h"

namespace whence::cli {
namespace {

int list(const std::string& only) {
    std::string out;
    for (const recipe::MethodSpec& method : recipe::methods()) {
        if (!only.empty() && &method != &recipe::find_method(only)) continue;
        out += fmt::format("{}\n    {}{}\n", method.name, method.summary,
                           method.needs_gradient ? " (needs a gradient)" : "");
        for (const recipe::OptionSpec& spec : method.options)
            out += fmt::format("      {:<30} {}\n", option_usage(spec), option_help(spec));
        if (method.uses_baseline)
            out += fmt::format("      {:<30} {}\n", "--baseline B", "what it is compared with");
    }
    print(out);
    return 0;
}

}  // namespace

void add_methods(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("methods", "the methods there are, and their options");
    const auto only = std::make_shared<std::string>();
    command->add_option("METHOD", *only, "only this one")->type_name("");
    command->callback([only, &context] { context.command = [only] { return list(*only); }; });
}

}  // namespace whence::cli

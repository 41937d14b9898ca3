// The command line: one executable, one file per sub-command.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <new>
#include <stdexcept>
#include <vector>

#include "command.h"
#include "help.h"
#include "limits.h"
#include "progress.h"
#include "signals.h"
#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/recipe/closest.h"
#include "whence/runtime/environment.h"

namespace whence::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* too_much = "more memory was needed than the limit allows; see --memory";

void add_shared_options(CLI::App& app, Context& context) {
    const char* group = "Everywhere";
    app.add_option("--threads", context.threads, "threads to use; 0: one per core")
        ->type_name("N")
        ->check(CLI::Range(0, 1024))
        ->group(group);
    app.add_option("--memory", context.memory,
                   "memory a model may use: 4G, 500M, 60% (default 80%)")
        ->type_name("SIZE")
        ->group(group);
    app.add_option("--time-limit", context.time_limit,
                   "seconds after which to give up (default 3600; 0: never)")
        ->type_name("SECONDS")
        ->group(group);
    app.add_option("--color", context.color, "auto, always or never; NO_COLOR is respected")
        ->type_name("WHEN")
        ->group(group);
    app.add_flag("-q,--quiet", context.quiet, "no progress and no remarks on stderr")->group(group);
}

void apply_shared_options(Context& context, Signals& signals) {
    context.color_mode = parse_color(context.color);
    if (!(context.time_limit >= 0) || context.time_limit > 1e9)
        throw Error(
            ErrorKind::usage,
            fmt::format("--time-limit: {} is no number of seconds, 0 or more", context.time_limit));
    const uint64_t memory = parse_memory(context.memory);
    limit_process_memory(memory);
    configure_runtime({.threads = context.threads, .memory = memory});
    context.run.threads = context.threads;
    context.run.stop = signals.token();
    if (context.time_limit > 0)
        context.run.deadline =
            Clock::now() + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(context.time_limit));
    if (!context.quiet && is_terminal(2)) watch(context.run);
    signals.watch(context.run.deadline);
}

std::vector<std::string> names_of(CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands(nullptr))
        names.push_back(command->get_name());
    return names;
}

// CLI11 says that a word was not expected; a person wants to know what was.
std::string explain_parse_error(CLI::App& app, const CLI::ParseError& error,
                                const std::vector<std::string>& words) {
    CLI::App* chosen = &app;
    std::string command;  // its names, with a blank after it
    while (!chosen->get_subcommands().empty()) {
        chosen = chosen->get_subcommands()[0];
        command += chosen->get_name() + " ";
    }
    const std::string help = "; see whence " + command + "--help";
    if (const std::vector<std::string> parts = names_of(*chosen); !parts.empty()) {
        for (const std::string& word : words) {
            if (word.starts_with('-') || word + " " == command) continue;
            return "no command '" + command + printable(word) + "'" + recipe::did_you_mean(word, parts) +
                   help;
        }
        return "whence " + command + "needs a command" + help;
    }
    std::vector<std::string> options;
    for (const CLI::App* part : {static_cast<const CLI::App*>(chosen), static_cast<const CLI::App*>(&app)})
        for (const CLI::Option* option : part->get_options())
            for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
    if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
        // A word after an unknown option may be its value: name the option first.
        std::vector<std::string> rest = app.remaining(true);
        std::ranges::stable_partition(
            rest, [](const std::string& word) { return word.starts_with('-'); });
        for (const std::string& word : rest) {
            const std::string name = word.substr(0, word.find('='));
            if (word.starts_with('-'))
                return fmt::format("no option {}{}{}", printable(name),
                                   recipe::did_you_mean(name, options), help);
            return fmt::format("'{}' was not expected{}", printable(word), help);
        }
    }
    std::string what = printable(error.what(), 400);
    return what + help;
}

int run(int argc, char** argv) {
    Signals signals;
    Context context;
    CLI::App app{"Explains the predictions of ONNX models, and says how far to trust the answer.",
                 "whence"};
    app.set_version_flag("--version", "whence " + std::string(version()), "the version");
    app.set_help_flag("-h,--help", "this help");
    app.formatter(std::make_shared<HelpFormatter>());
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    app.fallthrough();
    app.require_subcommand(1);
    app.footer(
        "whence COMMAND --help tells more.\n\n"
        "  whence predict model.onnx photo.png --preprocess imagenet\n"
        "  whence explain model.onnx photo.png --preprocess imagenet -o why.html\n"
        "  whence explain model.onnx table.csv --row 17 --method lime --background train.csv");
    add_info(app, context);
    add_predict(app, context);
    add_explain(app, context);
    add_compare(app, context);
    add_evaluate(app, context);
    add_compile(app, context);
    add_replay(app, context);
    add_report(app, context);
    add_plot(app, context);
    add_global(app, context);
    add_train(app, context);
    add_experiment(app, context);
    add_clip(app, context);
    add_methods(app, context);
    add_shared_options(app, context);
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty()) {
        print(app.help());
        return exit_code(ErrorKind::usage);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForVersion& text) {
        print(std::string(text.what()) + "\n");
        return 0;
    } catch (const CLI::Success&) {
        print(app.help());
        return 0;
    } catch (const CLI::ParseError& error) {
        throw Error(ErrorKind::usage, explain_parse_error(app, error, words));
    }
    apply_shared_options(context, signals);
    const int status = context.command();
    clear_progress();
    return status;
}

int fail(ErrorKind kind, const std::string& message) {
    complain("whence: " + message);
    return exit_code(kind);
}

}  // namespace
}  // namespace whence::cli

int main(int argc, char** argv) {
    using namespace whence;
    try {
        return cli::run(argc, argv);
    } catch (const Error& error) {
        const bool bug = error.kind() == ErrorKind::internal;
        return cli::fail(error.kind(),
                         std::string(error.what()) +
                             (bug ? " (this is a bug in Whence: please report it)" : ""));
    } catch (const std::bad_alloc&) {
        return cli::fail(ErrorKind::limit, cli::too_much);
    } catch (const std::length_error&) {  // more than any memory holds
        return cli::fail(ErrorKind::limit, cli::too_much);
    } catch (const std::exception& error) {
        return cli::fail(ErrorKind::internal, printable(error.what(), 300) +
                                                  " (this is a bug in Whence: please report it)");
    } catch (...) {
        return cli::fail(
            ErrorKind::internal,
            "something went wrong that has no name (this is a bug in Whence: please report it)");
    }
}

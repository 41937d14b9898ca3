#pragma once
// What every sub-command is given, and how one is declared.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "terminal.h"
#include "whence/core/run.h"

namespace whence::cli {

/// Options that all sub-commands share, and what follows from them.
struct Context {
    int threads = 0;
    std::string memory = "80%";
    double time_limit = 3600;
    bool quiet = false;
    std::string color = "auto";

    ColorMode color_mode = ColorMode::automatic;
    Run run;                       ///< threads, stop token, deadline, progress bar
    std::function<int()> command;  ///< the sub-command chosen; returns the exit code

    /// A line on stderr that a person may want to know, unless --quiet.
    void note(const std::string& text) const {
        if (!quiet) complain("whence: " + text);
    }
};

// One for each sub-command: declares its options; when it is chosen, sets context.command.
void add_info(CLI::App& app, Context& context);
void add_predict(CLI::App& app, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_compare(CLI::App& app, Context& context);
void add_evaluate(CLI::App& app, Context& context);
void add_compile(CLI::App& app, Context& context);
void add_replay(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);
void add_plot(CLI::App& app, Context& context);
void add_global(CLI::App& app, Context& context);
void add_train(CLI::App& app, Context& context);
void add_experiment(CLI::App& app, Context& context);
void add_clip(CLI::App& app, Context& context);
void add_methods(CLI::App& app, Context& context);

}  // namespace whence::cli

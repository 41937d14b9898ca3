#pragma once
// What the commands share that explain one input: how it is explained, and where the answer goes.

#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "method_options.h"
#include "subject_options.h"
#include "whence/recipe/input.h"

namespace whence::cli {

struct ExplainOptions {
    SubjectOptions subject;
    std::vector<std::string> inputs;
    std::string text, method, target = "top", scale = "automatic", baseline, layer;
    uint64_t seed = 0;
    std::optional<int64_t> row;
    std::string rows, plot, words;
    std::optional<int64_t> top, pick;
    std::string mask;
    bool hide_rest = false;
    std::optional<double> min_weight;
    std::vector<std::string> outputs;
    bool show = false;
    MethodOptions of_method;
};

/// Declares --method, --target, --scale, --baseline, --layer, --seed, the outputs and the options of methods.
void declare_explanation(CLI::App& command, ExplainOptions& options);

/// Throws Error(usage) or Error(io) for what is wrong with the request, before any work. `read`: files that the
/// command reads besides options.inputs.
void check_explanation(const ExplainOptions& options, const std::vector<std::string>& read);

/// Explains, writes and prints. Returns the exit code.
int explain_input(ExplainOptions options, const recipe::Subject& subject, const recipe::Input& input,
                  const Context& context);

}  // namespace whence::cli

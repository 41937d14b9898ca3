#pragma once
// The options that say what model it is and how files become its inputs: the same wherever they
// stand.

#include <string>

#include "command.h"
#include "whence/recipe/subject.h"

namespace whence::cli {

struct SubjectOptions {
    std::string model, preprocess, labels, background;
    std::vector<std::string> endpoint;

    /// Declares MODEL, --preprocess and --labels.
    void declare(CLI::App& command);
    /// Declares --background.
    void declare_background(CLI::App& command);
    /// Declares --endpoint for a command that asks models.
    static void declare_endpoint(CLI::App& command, std::vector<std::string>& endpoint);
    [[nodiscard]] recipe::Subject open(const Context& context) const;
};

}  // namespace whence::cli

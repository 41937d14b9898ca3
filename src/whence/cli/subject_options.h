#pragma once
// The options that say what model it is and how files become its inputs: the same wherever they
// stand.

#include <string>

#include "command.h"
#include "whence/recipe/subject.h"

namespace whence::cli {

struct SubjectOptions {
    std::string model, preprocess, labels, background;

    /// Declares MODEL, --preprocess and --labels.
    void declare(CLI::App& command);
    /// Declares --background.
    void declare_background(CLI::App& command);
    [[nodiscard]] recipe::Subject open(const Context& context) const;
};

}  // namespace whence::cli

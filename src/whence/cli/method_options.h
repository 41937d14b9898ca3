#pragma once
// Options of methods on the command line: made from recipe::methods(), so that each is written
// once.

#include <map>
#include <string>
#include <vector>

#include "command.h"
#include "whence/recipe/methods.h"

namespace whence::cli {

/// "--num-samples N", "--[no-]compatible".
[[nodiscard]] std::string option_usage(const recipe::OptionSpec& spec);
/// What it does and its default.
[[nodiscard]] std::string option_help(const recipe::OptionSpec& spec);

class MethodOptions {
  public:
    /// Declares every option of every method, grouped by the methods that have it.
    void declare(CLI::App& command);
    /// Those that were given, as this method reads them. Throws Error(usage), also for an option
    /// that belongs to another method.
    [[nodiscard]] std::vector<Option> given(const recipe::MethodSpec& method) const;
    /// The same, leaving out those of other methods.
    [[nodiscard]] std::vector<Option> given_of(const recipe::MethodSpec& method) const;

  private:
    std::map<std::string, std::string> texts_;  // by name; empty: not given
    std::map<std::string, CLI::Option*> options_;
};

}  // namespace whence::cli

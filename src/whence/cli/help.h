#pragma once
// How --help looks.

#include <CLI/CLI.hpp>

namespace whence::cli {

/// CLI11's own, with flags as --[no-]name, types without their checks, and lines that fit a
/// terminal.
class HelpFormatter : public CLI::Formatter {
  public:
    [[nodiscard]] std::string make_option(const CLI::Option* option,
                                          bool positional) const override;
    [[nodiscard]] std::string make_subcommand(const CLI::App* command) const override;
    [[nodiscard]] std::string make_help(const CLI::App* app, std::string name,
                                        CLI::AppFormatMode mode) const override;
};

}  // namespace whence::cli

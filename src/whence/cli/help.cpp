#include "help.h"

#include <fmt/format.h>

#include <algorithm>

#include "terminal.h"

namespace whence::cli {
namespace {

constexpr size_t names_width = 28, narrowest = 60, widest = 100;

std::string wrapped(const std::string& text, size_t indent, size_t width) {
    std::string out;
    size_t column = indent;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (column > indent && column + 1 + word.size() > width) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        at = end + 1;
    }
    return out;
}

std::string line(const std::string& names, const std::string& description) {
    const size_t width = std::clamp(static_cast<size_t>(terminal_width(1)), narrowest, widest);
    std::string out = fmt::format("  {:<{}}", names, names_width - 2);
    if (names.size() + 4 > names_width) out += "\n" + std::string(names_width, ' ');
    return out + wrapped(description, names_width, width) + "\n";
}

std::string names_of(const CLI::Option& option, bool positional) {
    if (positional)
        return option.get_name(true, false) + (option.get_expected_max() > 1 ? "..." : "");
    const std::vector<std::string>& names = option.get_lnames();
    std::string out;
    for (const std::string& name : option.get_snames()) out += fmt::format("-{}, ", name);
    const bool negatable = names.size() == 2 && names[1] == "no-" + names[0];
    out += fmt::format("--{}{}", negatable ? "[no-]" : "", names.at(0));
    if (option.get_type_size() == 0) return out;  // a flag
    const std::string type = option.get_type_name();
    return fmt::format("{} {}", out,
                       type.substr(0, type.find(':')));  // what follows are its checks
}

}  // namespace

std::string HelpFormatter::make_option(const CLI::Option* option, bool positional) const {
    return line(names_of(*option, positional), option->get_description());
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
    return line(command->get_name(), command->get_description());
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
    return text;
}

}  // namespace whence::cli

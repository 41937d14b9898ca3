#include "method_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"

namespace whence::cli {
namespace {

struct TypeName {
    std::string operator()(bool) const { return ""; }
    std::string operator()(int64_t) const { return "N"; }
    std::string operator()(double) const { return "X"; }
    std::string operator()(const std::string&) const { return "NAME"; }
};

bool is_flag(const recipe::OptionSpec& spec) {
    return std::holds_alternative<bool>(spec.option.value);
}

std::string default_text(const recipe::OptionSpec& spec) {
    if (const auto* flag = std::get_if<bool>(&spec.option.value)) return *flag ? "yes" : "no";
    const std::string text =
        std::visit([](const auto& value) { return fmt::format("{}", value); }, spec.option.value);
    return text.empty() ? "none" : text;
}

// The methods that have an option of this name.
std::vector<const recipe::MethodSpec*> owners(const std::string& option) {
    std::vector<const recipe::MethodSpec*> out;
    for (const recipe::MethodSpec& method : recipe::methods())
        for (const recipe::OptionSpec& spec : method.options)
            if (spec.option.name == option) out.push_back(&method);
    return out;
}

// The help of its first owner, and where others have another default, theirs.
std::string shared_help(const recipe::OptionSpec& first) {
    std::string others;
    for (const recipe::MethodSpec* method : owners(first.option.name))
        for (const recipe::OptionSpec& spec : method->options)
            if (spec.option.name == first.option.name && spec.option.value != first.option.value)
                others += fmt::format("; {}: {}", method->name, default_text(spec));
    return fmt::format("{} (default {}{})", first.help, default_text(first), others);
}

std::string group_of(const std::string& option) {
    constexpr size_t most_named = 4;
    if (const size_t count = owners(option).size(); count > most_named)
        return fmt::format("Options of {} methods", count);
    std::string out;
    for (const recipe::MethodSpec* method : owners(option))
        out += (out.empty() ? "" : " and ") + method->name;
    return "Options of " + out;
}

}  // namespace

std::string option_usage(const recipe::OptionSpec& spec) {
    if (is_flag(spec)) return "--[no-]" + spec.option.name;
    return "--" + spec.option.name + " " + std::visit(TypeName{}, spec.option.value);
}

std::string option_help(const recipe::OptionSpec& spec) {
    return fmt::format("{} (default {})", spec.help, default_text(spec));
}

void MethodOptions::declare(CLI::App& command) {
    for (const recipe::MethodSpec& method : recipe::methods())
        for (const recipe::OptionSpec& spec : method.options) {
            const std::string& name = spec.option.name;
            if (options_.contains(name)) continue;
            CLI::Option* option =
                is_flag(spec) ? command.add_flag("--" + name + "{true},!--no-" + name, texts_[name],
                                                 shared_help(spec))
                              : command.add_option("--" + name, texts_[name], shared_help(spec))
                                    ->type_name(std::visit(TypeName{}, spec.option.value));
            option->group(group_of(name));
            options_[name] = option;
        }
}

namespace {

const recipe::OptionSpec* find_spec(const recipe::MethodSpec& method, const std::string& name) {
    for (const recipe::OptionSpec& spec : method.options)
        if (spec.option.name == name) return &spec;
    return nullptr;
}

}  // namespace

std::vector<Option> MethodOptions::given_of(const recipe::MethodSpec& method) const {
    std::vector<Option> out;
    for (const auto& [name, option] : options_)
        if (const recipe::OptionSpec* spec = find_spec(method, name); spec && option->count() > 0)
            out.push_back(recipe::parse_option(*spec, texts_.at(name)));
    return out;
}

std::vector<Option> MethodOptions::given(const recipe::MethodSpec& method) const {
    for (const auto& [name, option] : options_) {
        if (option->count() > 0 && !find_spec(method, name)) {
            std::string others;
            for (const recipe::MethodSpec* owner : owners(name))
                others += (others.empty() ? "" : " and ") + owner->name;
            throw Error(ErrorKind::usage, fmt::format("--{} is an option of {}, not of {}", name,
                                                      others, method.name));
        }
    }
    return given_of(method);
}

}  // namespace whence::cli

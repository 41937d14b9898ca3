#include "whence/recipe/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "whence/core/error.h"
#include "whence/recipe/closest.h"
#include "whence/recipe/method_table.h"

namespace whence::recipe {
namespace {

std::vector<MethodSpec> make_methods() {
    std::vector<MethodSpec> all;
    for (auto part :
         {gradient_methods(), cam_methods(), attention_methods(), perturbation_methods(),
          shapley_methods(), tree_methods(), rule_methods(), counterfactual_methods(),
          tree_search_methods()})
        std::ranges::move(part, std::back_inserter(all));
    return all;
}

std::string_view type_name(const Option& option) {
    static constexpr std::string_view names[] = {"true or false", "a whole number", "a number",
                                                 "text"};
    return names[option.value.index()];
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

const std::vector<MethodSpec>& methods() {
    static const std::vector<MethodSpec> all = make_methods();
    return all;
}

bool compares_with_baseline(const MethodSpec& method, bool text) {
    return method.uses_baseline && (method.needs_gradient || !text);
}

const MethodSpec& find_method(std::string_view name) {
    std::string have;
    std::vector<std::string> names;
    for (const MethodSpec& method : methods()) {
        if (method.name == name) return method;
        have += (have.empty() ? "" : ", ") + method.name;
        names.push_back(method.name);
    }
    const std::string meant = did_you_mean(name, names);
    throw Error(ErrorKind::usage, "no method '" + printable(name) + "'" +
                                      (meant.empty() ? "; there are " + have : meant));
}

Option parse_option(const OptionSpec& spec, std::string_view text) {
    Option option = spec.option;
    const auto fail = [&] {
        throw Error(ErrorKind::usage, fmt::format("--{}: '{}' is not {}", option.name,
                                                  printable(text), type_name(option)));
    };
    if (std::holds_alternative<bool>(option.value)) {
        if (text != "true" && text != "false") fail();
        option.value = text == "true";
    } else if (std::holds_alternative<int64_t>(option.value)) {
        const auto value = parse_number<int64_t>(text);
        if (!value) fail();
        option.value = *value;
    } else if (std::holds_alternative<double>(option.value)) {
        const auto value = parse_number<double>(text);
        if (!value) fail();
        option.value = *value;
    } else {
        option.value = std::string(text);
    }
    return option;
}

OptionValues::OptionValues(const std::vector<OptionSpec>& specs, const std::vector<Option>& given,
                           std::string_view method) {
    for (const OptionSpec& spec : specs) values_.push_back(spec.option);
    for (const Option& option : given) {
        const auto own = std::ranges::find(values_, option.name, &Option::name);
        if (own == values_.end()) {
            std::string have;
            for (const OptionSpec& spec : specs)
                have += (have.empty() ? "" : ", ") + spec.option.name;
            throw Error(ErrorKind::usage,
                        fmt::format("{} has no option '{}'; it has: {}", method,
                                    printable(option.name), have.empty() ? "none" : have));
        }
        if (std::holds_alternative<double>(own->value) &&
            std::holds_alternative<int64_t>(option.value))
            own->value = static_cast<double>(std::get<int64_t>(option.value));
        else if (std::holds_alternative<std::string>(own->value) &&
                 std::holds_alternative<int64_t>(option.value))
            own->value = std::to_string(std::get<int64_t>(option.value));
        else if (own->value.index() != option.value.index())
            throw Error(ErrorKind::usage, fmt::format("option '{}' of {} must be {}", option.name,
                                                      method, type_name(*own)));
        else
            own->value = option.value;
    }
}

template <class T>
const T& OptionValues::get(std::string_view name) const {
    return std::get<T>(std::ranges::find(values_, name, &Option::name)->value);
}
template const bool& OptionValues::get<bool>(std::string_view) const;
template const int64_t& OptionValues::get<int64_t>(std::string_view) const;
template const double& OptionValues::get<double>(std::string_view) const;
template const std::string& OptionValues::get<std::string>(std::string_view) const;

}  // namespace whence::recipe

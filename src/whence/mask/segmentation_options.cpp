#include "whence/mask/segmentation_options.h"

#include <charconv>
#include <limits>
#include <system_error>
#include <vector>

#include "whence/core/error.h"

namespace whence {
namespace {

using Field = std::variant<double*, int*, bool*>;

// One option: its name, where its value is, what it may be. The first option of a method is the one
// that may be given without its name.
struct Option {
    std::string_view name;
    Field field;
    double least, most;
};

constexpr double max_sigma = 1000;  // pixels; larger only wastes time

std::vector<Option> options(Quickshift& o) {
    return {{"kernel_size", &o.kernel_size, 1, 1000},
            {"max_dist", &o.max_dist, 0, 1e9},
            {"ratio", &o.ratio, 0, 1e6},
            {"sigma", &o.sigma, 0, max_sigma}};
}
std::vector<Option> options(Slic& o) {
    return {{"segments", &o.segments, 1, 1 << 24},
            {"compactness", &o.compactness, 1e-6, 1e9},
            {"iterations", &o.iterations, 1, 100000},
            {"sigma", &o.sigma, 0, max_sigma},
            {"enforce_connectivity", &o.enforce_connectivity, 0, 1}};
}
std::vector<Option> options(Felzenszwalb& o) {
    return {{"scale", &o.scale, 0, 1e9},
            {"sigma", &o.sigma, 0, max_sigma},
            {"min_size", &o.min_size, 0, 1 << 26}};
}
std::vector<Option> options(Grid& o) {
    return {{"rows", &o.rows, 1, 1 << 20}, {"columns", &o.columns, 1, 1 << 20}};
}

std::vector<Option> options(Segmentation& method) {
    return std::visit([](auto& o) { return options(o); }, method);
}

constexpr std::string_view names[] = {"quickshift", "slic", "felzenszwalb", "grid"};

std::string to_text(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

double value_of(const Field& field) {
    return std::visit([](const auto* value) { return static_cast<double>(*value); }, field);
}

[[noreturn]] void fail(const std::string& message) {
    throw Error(ErrorKind::usage, message);
}

template <class T>
bool read(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}
bool read(std::string_view text, bool& value) {
    value = text == "true";
    return value || text == "false";
}

void set(std::string_view method, const Option& option, std::string_view text) {
    const auto kind = std::holds_alternative<bool*>(option.field)  ? "true or false"
                      : std::holds_alternative<int*>(option.field) ? "a whole number"
                                                                   : "a number";
    if (!std::visit([&](auto* value) { return read(text, *value); }, option.field))
        fail("segmentation " + std::string(method) + ": " + std::string(option.name) + " must be " +
             kind + ", not '" + printable(text) + "'");
}

void set_by_name(std::string_view method, const std::vector<Option>& known, std::string_view name,
                 std::string_view text) {
    std::string list;
    for (const Option& option : known) {
        if (option.name == name) return set(method, option, text);
        list += (list.empty() ? "" : ", ") + std::string(option.name);
    }
    fail("segmentation " + std::string(method) + " has no option '" + printable(name) +
         "' (it has " + list + ")");
}

// The text up to the separator, which is taken away with it.
std::string_view cut(std::string_view& text, char separator) {
    const size_t at = text.find(separator);
    const std::string_view head = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    return head;
}

Segmentation method_named(std::string_view name) {
    if (name == names[0]) return Quickshift{};
    if (name == names[1]) return Slic{};
    if (name == names[2]) return Felzenszwalb{};
    if (name == names[3]) return Grid{};
    fail("unknown segmentation '" + printable(name) +
         "' (there are quickshift, slic, felzenszwalb, grid)");
}

void read_options(std::string_view method, const std::vector<Option>& known,
                  std::string_view text) {
    const bool grid = method == names[3];
    if (grid && text.find('=') == std::string_view::npos) {
        set(method, known[0], cut(text, 'x'));
        return set(method, known[1], text);
    }
    for (bool more = true; more;) {
        more = text.find(',') != std::string_view::npos;
        std::string_view value = cut(text, ',');
        const bool named = value.find('=') != std::string_view::npos;
        if (!named) {
            set(method, known[0], value);
            continue;
        }
        const std::string_view name = cut(value, '=');
        set_by_name(method, known, name, value);
    }
}

}  // namespace

void check_options(const Segmentation& method) {
    Segmentation copy = method;
    for (const Option& option : options(copy)) {
        const double value = value_of(option.field);
        // Negated, so that NaN is refused too.
        if (!(value >= option.least && value <= option.most))
            fail("segmentation " + std::string(names[method.index()]) + ": " +
                 std::string(option.name) + " must be from " + to_text(option.least) + " to " +
                 to_text(option.most) + ", not " + to_text(value));
    }
}

Segmentation parse_segmentation(std::string_view text) {
    const bool has_options = text.find(':') != std::string_view::npos;
    const std::string_view name = cut(text, ':');
    Segmentation method = method_named(name);
    if (has_options) read_options(name, options(method), text);
    check_options(method);
    return method;
}

std::string describe(const Segmentation& method) {
    Segmentation copy = method;
    std::string text(names[method.index()]);
    char separator = ':';
    for (const Option& option : options(copy)) {
        text += separator + std::string(option.name) + "=";
        if (const auto* flag = std::get_if<bool*>(&option.field))
            text += **flag ? "true" : "false";
        else
            text += to_text(value_of(option.field));
        separator = ',';
    }
    return text;
}

}  // namespace whence

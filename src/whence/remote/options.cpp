#include "whence/remote/options.h"

#include <algorithm>
#include <charconv>

#include "whence/core/error.h"

namespace whence::remote {
namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view value, const std::string& wanted) {
    throw Error(ErrorKind::usage, "endpoint option " + std::string(name) + ": '" +
                                      printable(value) + "' is no " + wanted);
}

template <class Number>
Number number(std::string_view name, std::string_view text, Number least, Number most,
              const std::string& wanted) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() ||
        !(value >= least && value <= most))
        refuse(name, text, wanted);
    return value;
}

constexpr double shortest = 0.001, day = 86400;

double seconds(std::string_view name, std::string_view text) {
    return number(name, text, shortest, day, "number of seconds from 0.001 to 86400");
}

int64_t whole(std::string_view name, std::string_view text, int64_t least, int64_t most) {
    return number(name, text, least, most,
                  "whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

struct Row {
    std::string_view name;
    void (*set)(Options&, std::string_view name, std::string_view value);
};
using Text = std::string_view;

constexpr Row rows[] = {
    {"connect-timeout", [](Options& o, Text n, Text v) { o.connect_timeout = seconds(n, v); }},
    {"timeout", [](Options& o, Text n, Text v) { o.timeout = seconds(n, v); }},
    {"retries",
     [](Options& o, Text n, Text v) { o.retries = static_cast<int>(whole(n, v, 0, 100)); }},
    {"delay", [](Options& o, Text n, Text v) { o.delay = seconds(n, v); }},
    {"longest-delay", [](Options& o, Text n, Text v) { o.longest_delay = seconds(n, v); }},
    {"batch", [](Options& o, Text n, Text v) { o.batch = whole(n, v, 1, 1 << 20); }},
    {"largest-answer",
     [](Options& o, Text n, Text v) { o.largest_answer = whole(n, v, 1024, int64_t{1} << 32); }},
    {"token-variable", [](Options& o, Text, Text v) { o.token_variable = v; }},
    {"ca-file", [](Options& o, Text, Text v) { o.ca_file = v; }},
    {"scale", [](Options& o, Text, Text v) { o.scale = parse_scale(v); }},
};

}  // namespace

void set_option(Options& options, std::string_view name, std::string_view value) {
    std::string dashed(name), known;
    std::ranges::replace(dashed, '_', '-');
    for (const Row& row : rows) {
        if (row.name == dashed) return row.set(options, row.name, value);
        known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error(ErrorKind::usage,
                "no endpoint option '" + printable(name) + "'; there are: " + known);
}

Options parse_options(const std::vector<std::string>& texts) {
    Options options;
    for (const std::string& text : texts) {
        const size_t equals = text.find('=');
        if (equals == std::string::npos)
            throw Error(ErrorKind::usage, "endpoint option '" + printable(text) +
                                              "': write NAME=VALUE, for example timeout=5");
        set_option(options, std::string_view(text).substr(0, equals),
                   std::string_view(text).substr(equals + 1));
    }
    return options;
}

}  // namespace whence::remote

#include "global_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "outputs.h"
#include "whence/core/error.h"
#include "whence/data/csv.h"
#include "whence/render/global.h"

namespace whence::cli {
namespace {

using Bytes = std::vector<std::byte>;
using Cells = std::vector<std::string>;

std::string number(double value) {
    return std::isnan(value) ? std::string() : fmt::format("{}", value);
}

// One table for each kind of result, its titles first.
struct Lines {
    const GlobalView& view;
    [[nodiscard]] const std::string& name(int64_t feature) const {
        return view.schema[feature].name;
    }

    std::vector<Cells> operator()(const Importance& importance) const {
        std::vector<Cells> out = {{"feature", "importance", "standard_error"}};
        for (size_t i = 0; i < importance.features.size(); ++i)
            out.push_back({name(importance.features[i]), number(importance.values[i]),
                           number(importance.standard_errors[i])});
        return out;
    }
    // A line for each point; of ICE for each row and point.
    std::vector<Cells> operator()(const Curves& curves) const {
        const bool lines =
            std::ranges::any_of(curves.curves, [](const Curve& c) { return !c.lines.empty(); });
        std::vector<Cells> out = {lines ? Cells{"feature", "row", "at", "value"}
                                        : Cells{"feature", "at", "value", "standard_error"}};
        for (const Curve& curve : curves.curves)
            for (size_t point = 0; point < curve.grid.size(); ++point) {
                const Feature& feature = view.schema[curve.feature];
                const std::string at = feature.categorical() ? display(feature, curve.grid[point])
                                                             : number(curve.grid[point]);
                if (!lines)
                    out.push_back({feature.name, at, number(curve.values[point]),
                                   number(curve.standard_errors[point])});
                for (size_t row = 0; row < curve.lines.size(); ++row)
                    out.push_back({feature.name, std::to_string(curve.rows[row]), at,
                                   number(curve.lines[row][point])});
            }
        return out;
    }
    std::vector<Cells> operator()(const InteractionStrengths& found) const {
        std::vector<Cells> out = {{"feature", "with", "h", "strength"}};
        for (size_t i = 0; i < found.features.size(); ++i)
            out.push_back({name(found.features[i]), "", number(found.totals[i].h),
                           number(found.totals[i].strength)});
        for (const auto& pair : found.pairs)
            out.push_back({name(pair.first), name(pair.second), number(pair.interaction.h),
                           number(pair.interaction.strength)});
        return out;
    }
    std::vector<Cells> operator()(const SurrogateTree& tree) const {
        std::vector<Cells> out = {{"node", "left_if", "left", "right", "value", "share"}};
        for (size_t i = 0; i < tree.nodes.size(); ++i) {
            const SurrogateTree::Node& node = tree.nodes[i];
            out.push_back({std::to_string(i), node.leaf() ? "" : to_text(node.left_if, view.schema),
                           node.leaf() ? "" : std::to_string(node.left),
                           node.leaf() ? "" : std::to_string(node.right), number(node.value),
                           number(node.share)});
        }
        return out;
    }
    std::vector<Cells> operator()(const RuleList& list) const {
        std::vector<Cells> out = {{"if", "value", "share"}};
        for (const RuleList::Rule& rule : list.rules) {
            std::string conditions;
            for (const Condition& condition : rule.conditions)
                conditions += (conditions.empty() ? "" : " and ") + to_text(condition, view.schema);
            out.push_back({conditions, number(rule.value), number(rule.share)});
        }
        return out;
    }
    std::vector<Cells> operator()(const LinearSurrogate& linear) const {
        std::vector<Cells> out = {{"feature", "category", "weight", "effect"},
                                  {"", "", number(linear.intercept), ""}};
        for (const LinearSurrogate::Term& term : linear.terms)
            out.push_back(
                {name(term.feature),
                 term.category ? view.schema[term.feature].categories[*term.category] : "",
                 number(term.weight), number(term.effect)});
        return out;
    }
};

Bytes csv(const GlobalView& view, int64_t) {
    std::string text;
    for (const Cells& cells : std::visit(Lines{view}, view.result)) text += data::csv_line(cells);
    return bytes_of(text);
}

struct Row {
    std::string_view ending;
    Bytes (*encode)(const GlobalView&, int64_t top);
};
constexpr Row formats[] = {
    {".json", [](const GlobalView& view, int64_t) { return bytes_of(to_json(view)); }},
    {".csv", csv},
    {".png", [](const GlobalView& view, int64_t top) { return render::draw(view, {.top = top}); }},
    {".svg",
     [](const GlobalView& view, int64_t top) {
         return render::draw(view, {.format = render::Format::svg, .top = top});
     }},
    {".html",
     [](const GlobalView& view, int64_t top) { return bytes_of(render::report(view, top)); }},
    {".txt", [](const GlobalView& view,
                int64_t top) { return bytes_of(render::to_text(view, {.top = top})); }},
};

const Row& format_of(const std::string& path) {
    std::string ending = std::filesystem::path(path).extension().string(), have;
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const Row& row : formats) {
        if (row.ending == ending) return row;
        have += (have.empty() ? "" : ", ") + std::string(row.ending);
    }
    throw Error(ErrorKind::usage, fmt::format("-o {}: the ending says the format, and there are {}",
                                              printable(path, 400), have));
}

}  // namespace

void check_global_outputs(const std::vector<std::string>& paths,
                          const std::vector<std::string>& inputs) {
    for (const std::string& path : paths) static_cast<void>(format_of(path));
    check_places(paths, inputs);
}

Bytes encode_global(const std::string& path, const GlobalView& view, int64_t top) {
    return format_of(path).encode(view, top);
}

}  // namespace whence::cli

#include "whence/recipe/mixed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/recipe/recipe.h"
#include "whence/recipe/superpixels.h"
#include "whence/shapley/background.h"
#include "whence/shapley/hierarchy.h"

namespace whence::recipe {
namespace {

// One input of the several.
struct Part {
    const Subject& subject;
    const Input& input;
    const std::string& name;
    [[nodiscard]] const Tensor& values() const { return input.batch[0].value; }
};

Part part_of(const Task& task, size_t i) {
    const Input& input = task.input.parts[i];
    const std::string& name = task.subject.preprocessing().inputs[i].name;
    if (input.batch.size() != 1)
        throw Error(ErrorKind::unsupported,
                    "input '" + printable(name) + "' is no matrix of floating-point numbers");
    return {task.subject.parts()[i], input, name};
}

void add_picture(const Task& task, const Part& part, Filling filling, MixedPlayers& out) {
    const Tensor& image = part.values();
    const Tensor segments = renumbered(superpixels(task, image));
    Tensor hidden;
    std::string words;
    const std::string hide =
        filling == Filling::one ? task.options.get<std::string>("hide") : describe(task.baseline);
    if (filling == Filling::one && hide == "mean") {
        hidden = superpixel_means(image, segments);
        words = "mean colour";
    } else {
        const Baseline baseline = filling == Filling::one ? parse_baseline(hide) : task.baseline;
        hidden = baseline_values(baseline, image, task.run);
        words = hide;
    }
    const std::vector<int32_t> labels = pixel_labels(image, segments);
    const auto before = static_cast<int64_t>(out.displays.size());
    std::vector<std::string> names;
    for (int32_t s = 0; s <= *std::ranges::max_element(labels); ++s)
        names.push_back(fmt::format("{}: segment {}", part.name, s));
    if (!out.segments) {
        out.segments = segments;
        for (int32_t& label : out.segments->as<int32_t>()) label += static_cast<int32_t>(before);
    }
    out.displays.resize(out.displays.size() + names.size());
    out.own.push_back(
        std::make_unique<LabelMasker>(part.name, image, hidden, labels, std::move(names)));
    out.hidden += (out.hidden.empty() ? "" : "; ") + part.name + ": " + words;
}

Background background_of(const Task& task, const Part& part, Filling filling) {
    const data::Table* table = part.subject.background();
    const Tensor& row = part.values();
    if (!table) return {baseline_values(task.baseline, row, task.run), {}, describe(task.baseline)};
    if (filling == Filling::one)
        return {baseline_values(baseline_for("mean", part.subject, part.input), *part.input.row,
                                task.run),
                {},
                "mean"};
    return summarized({table->matrix(), {}, "background"}, task.options.get<std::string>("summary"),
                      task.run);
}

void add_row(const Task& task, const Part& part, Filling filling, MixedPlayers& out) {
    const Tensor& row = part.values();
    if (row.rank() != 2)
        throw Error(ErrorKind::unsupported,
                    fmt::format("input '{}' has shape {}: only pictures and rows of columns have "
                                "players",
                                printable(part.name), to_string(row.shape())));
    const Background background = background_of(task, part, filling);
    const std::vector<double> cells = row.to_doubles();
    std::vector<std::string> names;
    for (int64_t c = 0; c < row.size(); ++c) {
        const bool known = static_cast<size_t>(c) < part.input.schema.size();
        names.push_back(fmt::format("{}: {}", part.name,
                                    known ? part.input.schema[c].name : fmt::format("{}", c)));
        out.displays.push_back(known ? display(part.input.schema[c], cells[c])
                                     : fmt::format("{:.6g}", cells[c]));
    }
    const int64_t rows = background.rows.rows();
    out.own.push_back(std::make_unique<LabelMasker>(
        part.name, row, background.rows.cast(row.type()), column_labels(row.size()),
        std::move(names), background.weights));
    out.hidden += (out.hidden.empty() ? "" : "; ") + part.name + ": " + background.description +
                  (rows > 1 ? fmt::format(" ({} rows)", rows) : "");
}

Hierarchy hierarchy_of(const Task& task, const Part& part, const Masker& masker) {
    if (part.input.image())
        return bisecting_hierarchy(segment_centres(renumbered(superpixels(task, part.values()))));
    const data::Table* background = part.subject.background();
    if (!background) return balanced_hierarchy(masker.players());
    std::vector<double> values = background->matrix().to_doubles();
    for (double& value : values)
        if (!std::isfinite(value)) value = 0;
    return correlation_hierarchy(values, masker.players(), task.run);
}

}  // namespace

MixedPlayers mixed_players(const Task& task, Filling filling) {
    MixedPlayers out;
    for (size_t i = 0; i < task.input.parts.size(); ++i) {
        const Part part = part_of(task, i);
        if (part.input.image())
            add_picture(task, part, filling, out);
        else
            add_row(task, part, filling, out);
        out.players.push_back(out.own.back()->players());
    }
    std::vector<const Masker*> parts;
    for (const auto& own : out.own) parts.push_back(own.get());
    out.masker = std::make_unique<JointMasker>(std::move(parts));
    return out;
}

Hierarchy mixed_hierarchy(const Task& task, const MixedPlayers& players) {
    std::vector<Hierarchy> trees;
    for (size_t i = 0; i < players.own.size(); ++i)
        trees.push_back(hierarchy_of(task, part_of(task, i), *players.own[i]));
    return joined_hierarchy(trees, players.players);
}

void place_players(const MixedPlayers& players, Attribution& attribution) {
    attribution.displays = players.displays;
    attribution.segments = players.segments;
}

}  // namespace whence::recipe

#include "outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/core/file.h"
#include "whence/data/csv.h"
#include "whence/data/npy.h"
#include "whence/render/changes.h"
#include "whence/render/heatmap.h"
#include "whence/render/highlight.h"
#include "whence/render/map.h"
#include "whence/render/matrix.h"
#include "whence/render/rule.h"

namespace whence::cli {
namespace {

using Bytes = std::vector<std::byte>;

Tensor texts(const std::vector<std::string>& values) {
    return Tensor::of<std::string>({static_cast<int64_t>(values.size())}, values);
}

Tensor number(double value) {
    return Tensor::of<double>({}, std::vector<double>{value});
}

// All rows in one array [count, ...], as the model reads them.
void add_counterfactuals(const Counterfactuals& all, std::vector<NamedTensor>& arrays) {
    const auto count = static_cast<int64_t>(all.found.size());
    if (count == 0) return;
    Shape shape = all.found[0].values.shape();
    shape[0] = count;
    const bool strings = all.found[0].values.type() == ElementType::string;
    std::vector<double> rows, distances;
    std::vector<std::string> written;
    std::vector<uint8_t> valid;
    for (const Counterfactual& one : all.found) {
        if (strings)
            std::ranges::copy(one.values.as<std::string>(), std::back_inserter(written));
        else
            std::ranges::copy(one.values.to_doubles(), std::back_inserter(rows));
        distances.push_back(one.distance);
        valid.push_back(one.valid);
    }
    arrays.push_back({"counterfactuals", strings ? Tensor::of<std::string>(shape, written)
                                                 : Tensor::of<double>(shape, rows)});
    arrays.push_back({"distances", Tensor::of<double>({count}, distances)});
    arrays.push_back({"valid", Tensor::of<uint8_t>({count}, valid)});
}

// One line for each change.
Bytes changes_csv(const Counterfactuals& all) {
    std::string text = data::csv_line(std::vector<std::string>{"counterfactual", "answer", "valid",
                                                               "distance", "feature", "from", "to"});
    for (size_t i = 0; i < all.found.size(); ++i)
        for (const Counterfactual::Change& change : all.found[i].changes)
            text += data::csv_line(std::vector<std::string>{
                std::to_string(i + 1), all.found[i].label, all.found[i].valid ? "true" : "false",
                fmt::format("{}", all.found[i].distance), change.name, change.from, change.to});
    return bytes_of(text);
}

Bytes npz(const render::ReportItem& item) {
    const Explanation& e = item.explanation;
    std::vector<NamedTensor> arrays = {{"values", e.attribution.values}};
    if (e.counterfactuals) add_counterfactuals(*e.counterfactuals, arrays);
    if (e.attribution.segments) arrays.push_back({"segments", *e.attribution.segments});
    if (!e.attribution.names.empty()) arrays.push_back({"names", texts(e.attribution.names)});
    if (!e.attribution.displays.empty())
        arrays.push_back({"displays", texts(e.attribution.displays)});
    const std::vector<double>& errors = e.attribution.standard_errors;
    if (!errors.empty())
        arrays.push_back(
            {"standard_errors", Tensor::of<double>({static_cast<int64_t>(errors.size())}, errors)});
    if (e.interactions) arrays.push_back({"interactions", e.interactions->values});
    arrays.push_back({"prediction", number(e.target.value)});
    if (e.target.baseline_value) arrays.push_back({"base_value", number(*e.target.baseline_value)});
    if (e.attribution.intercept) arrays.push_back({"intercept", number(*e.attribution.intercept)});
    if (e.diagnostics.attribution_error)
        arrays.push_back({"error", number(*e.diagnostics.attribution_error)});
    if (e.diagnostics.surrogate_r2) arrays.push_back({"r2", number(*e.diagnostics.surrogate_r2)});
    return data::encode_npz(arrays);
}

// One line for each value: features by name; superpixels by number and size; elements by position.
Bytes csv(const render::ReportItem& item) {
    if (item.explanation.counterfactuals) return changes_csv(*item.explanation.counterfactuals);
    const Attribution& a = item.explanation.attribution;
    const std::vector<double> values = a.values.to_doubles();
    const bool positions = a.names.empty() && !a.segments;
    const bool by_segment = a.names.empty() && a.segments;
    std::vector<int64_t> pixels(values.size());
    if (a.segments)
        for (const int32_t label : a.segments->as<int32_t>())
            if (label >= 0 && label < static_cast<int64_t>(pixels.size())) ++pixels[label];
    std::vector<std::string> cells;
    if (positions)
        for (int64_t d = 1; d < std::max<int64_t>(2, a.values.rank()); ++d)
            cells.push_back(fmt::format("axis{}", d));
    else
        cells = by_segment ? std::vector<std::string>{"segment", "pixels"}
                           : std::vector<std::string>{"feature", "value"};
    cells.emplace_back("weight");
    if (!a.standard_errors.empty()) cells.emplace_back("standard_error");
    std::string text = data::csv_line(cells);
    for (size_t i = 0; i < values.size(); ++i) {
        cells.clear();
        if (positions) {
            auto rest = static_cast<int64_t>(i);
            for (int64_t d = std::max<int64_t>(2, a.values.rank()) - 1; d >= 1; --d) {
                const int64_t length = a.values.rank() > 1 ? a.values.shape()[d] : a.values.size();
                cells.insert(cells.begin(), std::to_string(rest % length));
                rest /= length;
            }
        } else if (by_segment) {
            cells = {std::to_string(i), std::to_string(pixels[i])};
        } else {
            cells = {a.names[i], i < a.displays.size() ? a.displays[i] : ""};
        }
        cells.push_back(fmt::format("{}", values[i]));
        if (!a.standard_errors.empty()) cells.push_back(fmt::format("{}", a.standard_errors[i]));
        text += data::csv_line(cells);
    }
    return bytes_of(text);
}

Bytes chart(const render::ReportItem& item, render::Format format) {
    if (item.explanation.interactions)
        return render::interaction_matrix(item.explanation, {.format = format});
    if (item.explanation.counterfactuals && render::kind(item.explanation) == render::Kind::table)
        return render::changes_chart(item.explanation, {.format = format});
    if (item.explanation.rule)
        return render::rule_figure(item.explanation, item.image ? &*item.image : nullptr,
                                   {.format = format, .note = item.note});
    if (item.explanation.attribution.text)
        return render::text_figure(item.explanation, {.format = format});
    if (render::kind(item.explanation) == render::Kind::table || !item.image)
        return render::weight_table(item.explanation, item.scores, {.format = format});
    return render::image_figure(item.explanation, *item.image,
                                {.format = format,
                                 .original = item.original ? &*item.original : nullptr,
                                 .note = item.note});
}

struct Row {
    std::string_view ending;
    Bytes (*encode)(const render::ReportItem&);
};
const Row formats[] = {
    {".json", [](const render::ReportItem& item) { return bytes_of(to_json(item.explanation)); }},
    {".npz", npz},
    {".npy", [](const render::ReportItem& item) {
         return data::encode_npy(item.explanation.attribution.values);
     }},
    {".csv", csv},
    {".png", [](const render::ReportItem& item) { return chart(item, render::Format::png); }},
    {".svg", [](const render::ReportItem& item) { return chart(item, render::Format::svg); }},
    {".html", [](const render::ReportItem& item) { return bytes_of(render::report({item})); }},
};

const Row& format_of(const std::filesystem::path& path) {
    std::string ending = path.extension().string(), have;
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const Row& row : formats) {
        if (row.ending == ending) return row;
        have += (have.empty() ? "" : ", ") + std::string(row.ending);
    }
    throw Error(ErrorKind::usage, fmt::format("-o {}: the ending says the format, and there are {}",
                                              printable(path.string(), 400), have));
}

void check_folder(const std::filesystem::path& path) {
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const auto refuse = [&](int error) {
        throw Error(ErrorKind::io, fmt::format("cannot write {}: {}", printable(path.string(), 400),
                                               std::strerror(error)));
    };
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed)) refuse(EISDIR);
    if (std::filesystem::is_character_file(path, failed)) return;
    if (!std::filesystem::exists(folder, failed)) refuse(failed ? failed.value() : ENOENT);
    if (!std::filesystem::is_directory(folder, failed)) refuse(ENOTDIR);
    if (::access(folder.c_str(), W_OK | X_OK) != 0) refuse(errno);
}

}  // namespace

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto view = std::as_bytes(std::span(text.data(), text.size()));
    return {view.begin(), view.end()};
}

void check_outputs(const std::vector<std::string>& paths, const std::vector<std::string>& inputs) {
    for (const std::string& path : paths) static_cast<void>(format_of(path));
    check_places(paths, inputs);
}

void check_places(const std::vector<std::string>& paths, const std::vector<std::string>& inputs) {
    for (size_t i = 0; i < paths.size(); ++i) {
        check_folder(paths[i]);
        if (std::find(paths.begin(), paths.begin() + static_cast<int64_t>(i), paths[i]) !=
            paths.begin() + static_cast<int64_t>(i))
            throw Error(ErrorKind::usage, "-o " + printable(paths[i], 400) + " was given twice");
        for (const std::string& input : inputs) {
            std::error_code ignored;
            if (!input.empty() && std::filesystem::equivalent(paths[i], input, ignored))
                throw Error(ErrorKind::usage,
                            "-o " + printable(paths[i], 400) + " would overwrite what is read");
        }
    }
}

Bytes encode(const std::filesystem::path& path, const render::ReportItem& item) {
    return format_of(path).encode(item);
}

void write_outputs(const std::vector<std::string>& paths, const render::ReportItem& item) {
    std::vector<Bytes> files;
    for (const std::string& path : paths) files.push_back(encode(path, item));
    for (size_t i = 0; i < paths.size(); ++i) write_file(paths[i], files[i]);
}

}  // namespace whence::cli

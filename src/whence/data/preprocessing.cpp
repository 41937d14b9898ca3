#include "preprocessing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "csv_cells.h"
#include "csv.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/data/utf.h"

namespace whence::data {
namespace {

constexpr uint64_t most_bytes = 16 << 20;

struct Preset {
    std::string_view name;
    ImagePreprocessing image;
};

// Sources: torchvision's ImageNet recipes, the three modes of keras.applications.preprocess_input.
const std::array<Preset, 6>& presets() {
    static const std::array<Preset, 6> rows = {
        Preset{"imagenet",
               {.height = 224,
                .width = 224,
                .resize_to = 256,
                .mean = {0.485, 0.456, 0.406},
                .std = {0.229, 0.224, 0.225}}},
        Preset{"unit", {}},
        Preset{"tf", {.mean = {0.5}, .std = {0.5}}},
        Preset{"caffe",
               {.channels = ChannelOrder::bgr, .mean = {103.939, 116.779, 123.68}, .scale = 255}},
        Preset{"raw255", {.scale = 255}},
        Preset{"mnist", {.channels = ChannelOrder::gray}},
    };
    return rows;
}

/// The given length where the model leaves its own open; both must agree where both are there.
int64_t settle(int64_t of_model, int64_t given, std::string_view what) {
    if (of_model < 1 && given < 1)
        throw Error(ErrorKind::input,
                    fmt::format("the model takes images of any {}; the preprocessing must "
                                "say one ('size')",
                                what));
    if (of_model >= 1 && given >= 1 && of_model != given)
        throw Error(ErrorKind::input,
                    fmt::format("the preprocessing makes images of {} {}, the model reads {}", what,
                                given, of_model));
    return of_model >= 1 ? of_model : given;
}

/// torchvision's Resize: the shorter side becomes `to`, the longer one is cut to whole pixels.
Image resize_shorter(const Image& image, int64_t to, Resample resample) {
    const int64_t shorter = std::min(image.height, image.width);
    return resize(image, image.height * to / shorter, image.width * to / shorter, resample);
}

/// The smallest picture of the same shape that covers height x width.
Image resize_to_cover(const Image& image, int64_t height, int64_t width, Resample resample) {
    const bool by_height = height * image.width >= width * image.height;
    const int64_t part = by_height ? height : width, whole = by_height ? image.height : image.width;
    return resize(image, std::max(height, image.height * part / whole),
                  std::max(width, image.width * part / whole), resample);
}

Image fit(Image image, const ImagePreprocessing& how, int64_t height, int64_t width) {
    if (how.resize == ResizeMode::stretch)
        return resize(image, height, width, how.resample);
    if (how.resize == ResizeMode::shorter)
        image = how.resize_to > 0 ? resize_shorter(image, how.resize_to, how.resample)
                                  : resize_to_cover(image, height, width, how.resample);
    if (how.center_crop) return center_crop(image, height, width);
    if (image.height != height || image.width != width)
        throw Error(
            ErrorKind::input,
            fmt::format(
                "this image has {} x {} pixels, the model reads {} x {} (width x height), and "
                "the preprocessing does not crop",
                image.width, image.height, width, height));
    return image;
}

/// Whether the file says "kind"; without it, it belongs to some other program.
bool says_kind(const std::filesystem::path& path) {
    const std::string text = whence::read_text(path, most_bytes);
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    // Broken JSON is ours to complain about where a person edited it and expects it to be read. (A tree
    // ensemble beside another file of itself may hold NaN, which is broken, too.)
    if (json.is_discarded()) return !text.starts_with("{\"learner\"");
    return json.contains("kind");
}

/// The features in the model's order; without such a list all columns but the target.
Schema choose_columns(const Schema& schema, const TablePreprocessing& how,
                      const std::string& source) {
    std::vector<std::string> header;
    for (const Feature& feature : schema) header.push_back(feature.name);
    std::vector<std::string> names = how.features;
    if (names.empty())
        for (const std::string& name : header)
            if (name != how.target) names.push_back(name);
    Schema chosen;
    for (const std::string& name : names) chosen.push_back(schema[column_at(header, name, source)]);
    return chosen;
}

void fix_categories(Schema& schema, const TablePreprocessing& how, const std::string& source) {
    for (const auto& [name, categories] : how.categories) {
        auto feature = schema.begin();
        while (feature != schema.end() && feature->name != name) ++feature;
        if (feature == schema.end())
            throw Error(ErrorKind::input,
                        fmt::format("{}: no column '{}', which the preprocessing gives "
                                    "categories",
                                    source, printable(name)));
        feature->categories = categories;
    }
}

void set_units(Schema& schema, const TablePreprocessing& how, const std::string& source) {
    for (const auto& [name, unit] : how.units) {
        const auto feature = std::ranges::find(schema, name, &Feature::name);
        if (feature == schema.end())
            throw Error(ErrorKind::input,
                        fmt::format("{}: no column '{}', which the preprocessing gives a unit",
                                    source, printable(name)));
        feature->unit = unit;
    }
}

}  // namespace

std::vector<std::string> read_labels(const std::filesystem::path& path) {
    const std::string text = whence::read_text(path, most_bytes);
    if (text.find('\0') != std::string::npos || !decode_utf8(text))
        throw Error(ErrorKind::input, printable(path.string(), 400) + ": this is no text in UTF-8");
    std::vector<std::string> out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        out.push_back(text.substr(at, end - at));
        if (out.back().ends_with('\r')) out.back().pop_back();
        at = end + 1;
    }
    while (!out.empty() && out.back().empty()) out.pop_back();
    if (out.empty())
        throw Error(ErrorKind::input, printable(path.string(), 400) + ": no class names");
    return out;
}

Preprocessing preset(std::string_view name) {
    std::string known;
    for (const Preset& row : presets()) {
        if (row.name == name) return {.kind = InputKind::image, .image = row.image};
        known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error(ErrorKind::usage,
                fmt::format("no preset '{}'; there are {}", printable(name, 40), known));
}

Preprocessing read_preprocessing(const std::filesystem::path& path) {
    try {
        Preprocessing out =
            preprocessing_from_json(whence::read_text(path, most_bytes), path.parent_path());
        if (!out.labels.empty()) out.classes = read_labels(out.labels);
        return out;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io || error.kind() == ErrorKind::limit)
            throw;  // names its file
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

std::optional<Preprocessing> find_beside(const std::filesystem::path& model) {
    std::filesystem::path path = model;
    path.replace_extension(".json");
    std::error_code ignored;
    if (path == model || !std::filesystem::is_regular_file(path, ignored) ||
        std::filesystem::file_size(path, ignored) > most_bytes || !says_kind(path))
        return std::nullopt;
    return read_preprocessing(path);
}

Tensor prepare_image(const Image& image, const Preprocessing& preprocessing, int64_t height,
                     int64_t width) {
    const ImagePreprocessing& how = preprocessing.image;
    height = settle(height, how.height, "height");
    width = settle(width, how.width, "width");
    if (height > max_pixels / width)
        throw Error(ErrorKind::limit, "the model reads more than 100 million pixels");
    const bool gray = how.channels == ChannelOrder::gray;
    const Image fitted = fit(gray ? to_gray(image) : to_rgb(image), how, height, width);
    Tensor out(ElementType::float32, {1, height, width, fitted.channels});
    const std::span<float> values = out.as<float>();
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(fitted.pixels[i]) / 255.0F;
    return out;
}

Schema table_schema(const std::filesystem::path& path, const Preprocessing& preprocessing) {
    const TablePreprocessing& how = preprocessing.table;
    const std::string source = printable(path.string(), 400);
    Schema schema = choose_columns(csv_schema(path), how, source);
    fix_categories(schema, how, source);
    set_units(schema, how, source);
    return schema;
}

}  // namespace whence::data

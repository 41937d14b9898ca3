#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "preprocessing.h"
#include "whence/core/error.h"

namespace whence::data {
namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t longest_side = 100'000;

[[noreturn]] void wrong(std::string_view key, std::string_view why) {
    throw Error(ErrorKind::input, fmt::format("preprocessing: '{}' {}", key, why));
}

// ---- words
// ----------------------------------------------------------------------------------------

template <class T>
struct Word {
    std::string_view text;
    T value;
};
constexpr Word<InputKind> kinds[] = {
    {"none", InputKind::none}, {"image", InputKind::image}, {"table", InputKind::table},
    {"text", InputKind::text},   {"mixed", InputKind::mixed}};
constexpr Word<ResizeMode> resizes[] = {
    {"shorter", ResizeMode::shorter}, {"stretch", ResizeMode::stretch}, {"none", ResizeMode::none}};
constexpr Word<Resample> resamples[] = {{"bilinear", Resample::bilinear},
                                        {"bicubic", Resample::bicubic}};
constexpr Word<bool> crops[] = {{"center", true}, {"none", false}};
constexpr Word<ChannelOrder> orders[] = {
    {"rgb", ChannelOrder::rgb}, {"bgr", ChannelOrder::bgr}, {"gray", ChannelOrder::gray}};
constexpr Word<Layout> layouts[] = {{"nchw", Layout::nchw}, {"nhwc", Layout::nhwc}};

template <class T, size_t n>
T read_word(const Json& json, std::string_view key, const Word<T> (&words)[n]) {
    std::string choices;
    for (const Word<T>& word : words) {
        if (json.is_string() && json.get_ref<const std::string&>() == word.text) return word.value;
        choices += (choices.empty() ? "" : ", ") + std::string(word.text);
    }
    wrong(key, "must be one of " + choices);
}

template <class T, size_t n>
std::string_view word_for(T value, const Word<T> (&words)[n]) {
    for (const Word<T>& word : words)
        if (word.value == value) return word.text;
    throw Error(ErrorKind::internal, "a preprocessing value without a word");
}

// ---- values
// ---------------------------------------------------------------------------------------

int64_t read_side(const Json& json, std::string_view key) {
    if (!json.is_number_unsigned() || json.get<uint64_t>() < 1 ||
        json.get<uint64_t>() > longest_side)
        wrong(key, fmt::format("must hold whole numbers from 1 to {}", longest_side));
    return json.get<int64_t>();
}

void read_size(const Json& json, ImagePreprocessing& image) {
    if (!json.is_array()) {
        image.height = image.width = read_side(json, "size");
        return;
    }
    if (json.size() != 2) wrong("size", "must be one side or [height, width]");
    image.height = read_side(json[0], "size");
    image.width = read_side(json[1], "size");
    if (image.height * image.width > max_pixels) wrong("size", "is more than 100 million pixels");
}

double read_number(const Json& json, std::string_view key) {
    if (!json.is_number() || !std::isfinite(json.get<double>())) wrong(key, "must hold numbers");
    return json.get<double>();
}

std::vector<double> read_numbers(const Json& json, std::string_view key) {
    if (!json.is_array()) return {read_number(json, key)};
    std::vector<double> out;
    for (const Json& value : json) out.push_back(read_number(value, key));
    return out;
}

std::string read_text(const Json& json, std::string_view key) {
    if (!json.is_string()) wrong(key, "must be text");
    return json.get<std::string>();
}

std::vector<std::string> read_texts(const Json& json, std::string_view key) {
    if (!json.is_array()) wrong(key, "must be a list of texts");
    std::vector<std::string> out;
    for (const Json& value : json) out.push_back(read_text(value, key));
    return out;
}

std::vector<std::string> read_names(const Json& json, std::string_view key) {
    std::vector<std::string> out = read_texts(json, key);
    std::vector<std::string> sorted = out;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) wrong(key, "names '" + printable(*twice, 40) + "' twice");
    return out;
}

void read_categories(const Json& json, TablePreprocessing& table) {
    if (!json.is_object()) wrong("categories", "must be an object: a list for each feature");
    for (const auto& [feature, list] : json.items()) {
        table.categories[feature] = read_names(list, "categories");
        if (table.categories[feature].empty()) wrong("categories", "has an empty list");
    }
}

void read_units(const Json& json, TablePreprocessing& table) {
    if (!json.is_object()) wrong("units", "must be an object: a text for each feature");
    for (const auto& [feature, unit] : json.items()) table.units[feature] = read_text(unit, "units");
}

std::filesystem::path read_path(const Json& json, std::string_view key,
                                const std::filesystem::path& folder) {
    const std::filesystem::path path = read_text(json, key);
    if (path.empty()) wrong(key, "is empty");
    return path.is_absolute() || folder.empty() ? path : (folder / path).lexically_normal();
}

void read_images(const Json& json, Preprocessing& whole, const std::filesystem::path& folder) {
    if (!json.is_array()) wrong("images", "must be a list of files");
    for (const Json& one : json) {
        if (one.is_string()) {
            whole.images.push_back({.path = read_path(one, "images", folder)});
            continue;
        }
        if (!one.is_object() || !one.contains("path")) wrong("images", "must hold files, each with its path");
        whole.images.push_back({.path = read_path(one["path"], "images", folder)});
        if (one.contains("sha256")) whole.images.back().sha256 = read_text(one["sha256"], "sha256");
    }
}

// ---- keys
// -----------------------------------------------------------------------------------------

constexpr unsigned for_image = 1, for_table = 2, for_text = 8, for_mixed = 16, for_all = 31;

unsigned mask_of(InputKind kind) {
    switch (kind) {
        case InputKind::image: return for_image;
        case InputKind::table: return for_table;
        case InputKind::text: return for_text;
        case InputKind::mixed: return for_mixed;
        case InputKind::none: break;
    }
    return 4;
}

void read_inputs(const Json& json, Preprocessing& whole, const std::filesystem::path& folder);

struct Key {
    std::string_view name;
    unsigned kinds;
    void (*read)(const Json&, Preprocessing&, const std::filesystem::path& folder);
};

using Folder = const std::filesystem::path&;
constexpr std::array keys = {
    Key{"kind", for_all, [](const Json&, Preprocessing&, Folder) {}},      // read before the others
    Key{"preset", for_image, [](const Json&, Preprocessing&, Folder) {}},  // so is this
    Key{"size", for_image, [](const Json& j, Preprocessing& p, Folder) { read_size(j, p.image); }},
    Key{"resize", for_image,
        [](const Json& j, Preprocessing& p, Folder) {
            p.image.resize = read_word(j, "resize", resizes);
        }},
    Key{"resize_to", for_image,
        [](const Json& j, Preprocessing& p, Folder) {
            p.image.resize_to = read_side(j, "resize_to");
        }},
    Key{"resample", for_image,
        [](const Json& j, Preprocessing& p, Folder) {
            p.image.resample = read_word(j, "resample", resamples);
        }},
    Key{"crop", for_image,
        [](const Json& j, Preprocessing& p, Folder) {
            p.image.center_crop = read_word(j, "crop", crops);
        }},
    Key{"channels", for_image,
        [](const Json& j, Preprocessing& p, Folder) {
            p.image.channels = read_word(j, "channels", orders);
        }},
    Key{"layout", for_image,
        [](const Json& j, Preprocessing& p, Folder) {
            p.image.layout = read_word(j, "layout", layouts);
        }},
    Key{"scale", for_image,
        [](const Json& j, Preprocessing& p, Folder) { p.image.scale = read_number(j, "scale"); }},
    Key{"mean", for_image,
        [](const Json& j, Preprocessing& p, Folder) { p.image.mean = read_numbers(j, "mean"); }},
    Key{"std", for_image,
        [](const Json& j, Preprocessing& p, Folder) { p.image.std = read_numbers(j, "std"); }},
    Key{"features", for_table,
        [](const Json& j, Preprocessing& p, Folder) {
            p.table.features = read_names(j, "features");
        }},
    Key{"categories", for_table,
        [](const Json& j, Preprocessing& p, Folder) { read_categories(j, p.table); }},
    Key{"units", for_table,
        [](const Json& j, Preprocessing& p, Folder) { read_units(j, p.table); }},
    Key{"target", for_table,
        [](const Json& j, Preprocessing& p, Folder) { p.table.target = read_text(j, "target"); }},
    Key{"background", for_table,
        [](const Json& j, Preprocessing& p, Folder f) {
            p.table.background = read_path(j, "background", f);
        }},
    Key{"tokenizer", for_text,
        [](const Json& j, Preprocessing& p, Folder f) {
            p.text.tokenizer = read_path(j, "tokenizer", f);
        }},
    Key{"vocabulary", for_text,
        [](const Json& j, Preprocessing& p, Folder f) {
            p.text.vocabulary = read_path(j, "vocabulary", f);
        }},
    Key{"sha256", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.sha256 = read_text(j, "sha256"); }},
    Key{"max_length", for_text,
        [](const Json& j, Preprocessing& p, Folder) {
            p.text.max_length = read_side(j, "max_length");
        }},
    Key{"ids", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.ids = read_text(j, "ids"); }},
    Key{"mask", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.mask = read_text(j, "mask"); }},
    Key{"types", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.types = read_text(j, "types"); }},
    Key{"words", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.words = read_text(j, "words"); }},
    Key{"lowercase", for_text,
        [](const Json& j, Preprocessing& p, Folder) {
            if (!j.is_boolean()) wrong("lowercase", "must be true or false");
            p.text.lowercase = j.get<bool>();
        }},
    Key{"start", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.start = read_text(j, "start"); }},
    Key{"end", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.end = read_text(j, "end"); }},
    Key{"unknown", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.unknown = read_text(j, "unknown"); }},
    Key{"pad", for_text,
        [](const Json& j, Preprocessing& p, Folder) { p.text.pad = read_text(j, "pad"); }},
    Key{"texts", for_image,
        [](const Json& j, Preprocessing& p, Folder) { p.texts = read_texts(j, "texts"); }},
    Key{"images", for_text,
        [](const Json& j, Preprocessing& p, Folder f) { read_images(j, p, f); }},
    Key{"inputs", for_mixed,
        [](const Json& j, Preprocessing& p, Folder f) { read_inputs(j, p, f); }},
    Key{"classes", for_all,
        [](const Json& j, Preprocessing& p, Folder) { p.classes = read_texts(j, "classes"); }},
    Key{"labels", for_all,
        [](const Json& j, Preprocessing& p, Folder f) { p.labels = read_path(j, "labels", f); }},
};

const Key& key_for(const std::string& name, InputKind kind) {
    std::string known;
    for (const Key& key : keys) {
        if (!(key.kinds & mask_of(kind))) continue;
        if (key.name == name) return key;
        known += (known.empty() ? "" : ", ") + std::string(key.name);
    }
    throw Error(ErrorKind::input, fmt::format("preprocessing: unknown key '{}'; kind '{}' has {}",
                                              printable(name, 40), word_for(kind, kinds), known));
}

// ---- the whole
// ------------------------------------------------------------------------------------

void check_channels(const ImagePreprocessing& image) {
    const size_t channels = image.channels == ChannelOrder::gray ? 1 : 3;
    for (const auto& [key, values] : {std::pair{"mean", &image.mean}, std::pair{"std", &image.std}})
        if (values->size() > 1 && values->size() != channels)
            wrong(key, fmt::format("has {} numbers for {} channel{}", values->size(), channels,
                                   channels == 1 ? "" : "s"));
    if (std::find(image.std.begin(), image.std.end(), 0.0) != image.std.end())
        wrong("std", "must not be 0");
    if (image.scale == 0) wrong("scale", "must not be 0");
}

Json parse(std::string_view text) {
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        const size_t end = std::min(error.byte, text.size());
        const auto line =
            1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(end), '\n');
        throw Error(ErrorKind::input, fmt::format("preprocessing: no valid JSON (line {})", line));
    } catch (const Json::exception&) {
        throw Error(ErrorKind::input, "preprocessing: a number too large for JSON");
    }
}

Json image_json(const ImagePreprocessing& image) {
    const ImagePreprocessing standard;
    Json json = Json::object();
    if (image.height > 0) json["size"] = {image.height, image.width};
    if (image.resize != standard.resize) json["resize"] = word_for(image.resize, resizes);
    if (image.resize_to > 0) json["resize_to"] = image.resize_to;
    if (image.resample != standard.resample) json["resample"] = word_for(image.resample, resamples);
    if (image.center_crop != standard.center_crop)
        json["crop"] = word_for(image.center_crop, crops);
    if (image.channels != standard.channels) json["channels"] = word_for(image.channels, orders);
    if (image.layout != standard.layout) json["layout"] = word_for(image.layout, layouts);
    if (image.scale != standard.scale) json["scale"] = image.scale;
    if (!image.mean.empty()) json["mean"] = image.mean;
    if (!image.std.empty()) json["std"] = image.std;
    return json;
}

Json table_json(const TablePreprocessing& table) {
    Json json = Json::object();
    if (!table.features.empty()) json["features"] = table.features;
    if (!table.categories.empty()) json["categories"] = table.categories;
    if (!table.units.empty()) json["units"] = table.units;
    if (!table.target.empty()) json["target"] = table.target;
    if (!table.background.empty()) json["background"] = table.background.generic_string();
    return json;
}

// Keys of a vocabulary say nothing of a tokenizer.
void check_text(const TextPreprocessing& text) {
    const bool words = !text.words.empty() || !text.lowercase || !text.start.empty() ||
                       !text.end.empty() || !text.unknown.empty() || !text.pad.empty();
    if (!text.tokenizer.empty() && (words || !text.vocabulary.empty()))
        wrong("tokenizer", "says all that 'vocabulary', 'words', 'lowercase', 'start', 'end', "
                           "'unknown' and 'pad' say; leave them out");
    if (text.vocabulary.empty() && words)
        wrong("vocabulary", "is missing: 'words', 'lowercase', 'start', 'end', 'unknown' and 'pad' "
                            "are of one");
}

Json text_json(const TextPreprocessing& text) {
    Json json = Json::object();
    if (!text.tokenizer.empty()) json["tokenizer"] = text.tokenizer.generic_string();
    if (!text.vocabulary.empty()) json["vocabulary"] = text.vocabulary.generic_string();
    if (text.max_length > 0) json["max_length"] = text.max_length;
    if (!text.lowercase) json["lowercase"] = false;
    for (const auto& [key, value] :
         {std::pair{"sha256", &text.sha256}, std::pair{"ids", &text.ids},
          std::pair{"mask", &text.mask}, std::pair{"types", &text.types},
          std::pair{"words", &text.words}, std::pair{"start", &text.start},
          std::pair{"end", &text.end}, std::pair{"unknown", &text.unknown},
          std::pair{"pad", &text.pad}})
        if (!value->empty()) json[key] = *value;
    return json;
}

Preprocessing read_whole(const Json& json, const std::filesystem::path& folder) {
    if (!json.is_object()) throw Error(ErrorKind::input, "preprocessing: this JSON is no object");
    if (!json.contains("kind")) wrong("kind", "is missing: image, table, text, mixed or none");
    const InputKind kind = read_word(json["kind"], "kind", kinds);
    Preprocessing out;
    if (kind == InputKind::image && json.contains("preset"))
        out = preset(read_text(json["preset"], "preset"));
    out.kind = kind;
    for (const auto& [name, value] : json.items()) key_for(name, kind).read(value, out, folder);
    check_channels(out.image);
    check_text(out.text);
    if (!out.classes.empty() && !out.labels.empty())
        wrong("labels", "and 'classes' exclude each other");
    if (kind == InputKind::mixed && out.inputs.empty())
        wrong("inputs", "is missing: an object, a preprocessing for each input of the model");
    return out;
}

void read_inputs(const Json& json, Preprocessing& whole, const std::filesystem::path& folder) {
    if (!json.is_object()) wrong("inputs", "must be an object: a preprocessing for each input");
    for (const auto& [name, value] : json.items()) {
        // Checked first: a mixed one within a mixed one could go on for ever.
        if (value.is_object() && value.contains("kind") &&
            (value["kind"] == "mixed" || value["kind"] == "text"))
            wrong("inputs", "holds pictures, rows and numbers: kinds image, table and none");
        whole.inputs.push_back({name, read_whole(value, folder)});
        if (!whole.inputs.back().how.classes.empty() || !whole.inputs.back().how.labels.empty())
            wrong("classes", "are of the model, not of one of its inputs");
    }
}

Json whole_json(const Preprocessing& preprocessing) {
    Json json = {{"kind", word_for(preprocessing.kind, kinds)}};
    if (preprocessing.kind == InputKind::image) json.update(image_json(preprocessing.image));
    if (preprocessing.kind == InputKind::table) json.update(table_json(preprocessing.table));
    if (preprocessing.kind == InputKind::text) json.update(text_json(preprocessing.text));
    for (const InputPreprocessing& one : preprocessing.inputs)
        json["inputs"][one.name] = whole_json(one.how);
    if (!preprocessing.texts.empty()) json["texts"] = preprocessing.texts;
    for (const ScoredImage& image : preprocessing.images)
        json["images"].push_back({{"path", image.path.generic_string()}, {"sha256", image.sha256}});
    // Once read, the names themselves serve better than the place they came from.
    if (!preprocessing.classes.empty())
        json["classes"] = preprocessing.classes;
    else if (!preprocessing.labels.empty())
        json["labels"] = preprocessing.labels.generic_string();
    return json;
}

}  // namespace

Preprocessing preprocessing_from_json(std::string_view text, const std::filesystem::path& folder) {
    return read_whole(parse(text), folder);
}

std::string to_json(const Preprocessing& preprocessing) {
    return whole_json(preprocessing).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace whence::data

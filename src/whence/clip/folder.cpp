#include "whence/clip/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "whence/clip/tokenizer.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"
#include "whence/core/nesting.h"

namespace whence::clip {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr uint64_t largest_json = 16 << 20;
constexpr int64_t longest_side = 10'000, longest_context = 1 << 16, context_of_clip = 77;
// Radford et al. 2021, in the authors' own code.
const std::vector<double> mean_of_clip = {0.48145466, 0.4578275, 0.40821073},
                          std_of_clip = {0.26862954, 0.26130258, 0.27577711};

bool is_file(const Path& path) {
    std::error_code failed;
    return std::filesystem::is_regular_file(path, failed);
}

std::string shown(const Path& path) {
    return printable(path.string(), 400);
}

[[noreturn]] void wrong(std::string_view key, std::string_view why) {
    throw Error(ErrorKind::input, fmt::format("'{}' {}", printable(key, 60), why));
}

// ---- JSON -----------------------------------------------------------------------------------

Json parsed(std::string_view text) {
    if (nested_too_deeply(text)) throw Error(ErrorKind::input, "nested too deeply");
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) throw Error(ErrorKind::input, "this is no JSON object");
    return json;
}

/// Errors name the file.
template <class Read>
auto of_file(const Path& path, const Read& read) {
    const std::string text = read_text(path, largest_json);
    try {
        return read(text);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("{}: {}", shown(path), error.what()));
    }
}

/// What the object says of a key; nullptr where it says nothing.
const Json* find(const Json& json, std::string_view key) {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
}

const Json& part(const Json& json, std::string_view key) {
    static const Json nothing = Json::object();
    const Json* found = find(json, key);
    if (found && !found->is_object()) wrong(key, "must be an object");
    return found ? *found : nothing;
}

std::optional<double> number(const Json& json, std::string_view key) {
    const Json* found = find(json, key);
    if (!found) return std::nullopt;
    if (!found->is_number() || !std::isfinite(found->get<double>())) wrong(key, "must be a number");
    return found->get<double>();
}

int64_t whole(const Json& json, std::string_view key, int64_t most) {
    if (!json.is_number_unsigned() || json.get<uint64_t>() < 1 ||
        json.get<uint64_t>() > static_cast<uint64_t>(most))
        wrong(key, fmt::format("must be a whole number from 1 to {}", most));
    return json.get<int64_t>();
}

bool flag(const Json& json, std::string_view key, bool otherwise) {
    const Json* found = find(json, key);
    if (found && !found->is_boolean()) wrong(key, "must be true or false");
    return found ? found->get<bool>() : otherwise;
}

std::string text_of(const Json& json, std::string_view key) {
    const Json* found = find(json, key);
    if (found && !found->is_string()) wrong(key, "must be text");
    return found ? found->get<std::string>() : "";
}

/// A number for each of three colours.
std::vector<double> colours(const Json& json, std::string_view key, std::vector<double> otherwise,
                            bool positive) {
    const Json* found = find(json, key);
    if (!found) return otherwise;
    const bool three = found->is_array() && found->size() == 3;
    std::vector<double> out;
    for (size_t c = 0; three && c < 3; ++c)
        if ((*found)[c].is_number()) out.push_back((*found)[c].get<double>());
    const auto usable = [&](double v) { return std::isfinite(v) && (!positive || v > 0); };
    if (out.size() != 3 || !std::ranges::all_of(out, usable))
        wrong(key, positive ? "must hold three numbers above 0" : "must hold three numbers");
    return out;
}

struct Size {
    int64_t height = 0, width = 0, shorter = 0;
};

/// 224, [224, 224], {"shortest_edge": 224} or {"height": 224, "width": 224}.
Size size_of(const Json& json, std::string_view key) {
    if (json.is_array()) {
        if (json.size() != 2) wrong(key, "must be one side or [height, width]");
        return {.height = whole(json[0], key, longest_side),
                .width = whole(json[1], key, longest_side)};
    }
    if (!json.is_object()) return {.shorter = whole(json, key, longest_side)};
    if (const Json* edge = find(json, "shortest_edge"))
        return {.shorter = whole(*edge, key, longest_side)};
    const Json *height = find(json, "height"), *width = find(json, "width");
    if (!height || !width) wrong(key, "must say shortest_edge, or height and width");
    return {.height = whole(*height, key, longest_side), .width = whole(*width, key, longest_side)};
}

// ---- pictures -------------------------------------------------------------------------------

data::Resample resample_of(const Json& json) {
    const Json* found = find(json, "resample");
    if (!found) return data::Resample::bicubic;
    // Pillow's numbers.
    constexpr int64_t bilinear = 2, bicubic = 3;
    if (*found == bilinear) return data::Resample::bilinear;
    if (*found == bicubic) return data::Resample::bicubic;
    throw Error(ErrorKind::unsupported,
                "'resample' is " + printable(found->dump(), 40) +
                    "; pictures are resized by the filters 2 (bilinear) and 3 (bicubic)");
}

data::ImagePreprocessing clip_picture() {
    return {.resample = data::Resample::bicubic, .mean = mean_of_clip, .std = std_of_clip};
}

}  // namespace

std::string_view name(Activation activation) {
    return activation == Activation::softmax ? "softmax" : "sigmoid";
}

data::ImagePreprocessing picture_of_hugging_face(std::string_view text) {
    const Json json = parsed(text);
    data::ImagePreprocessing out = clip_picture();
    out.resample = resample_of(json);
    out.center_crop = flag(json, "do_center_crop", find(json, "crop_size") != nullptr);
    if (out.center_crop)
        if (const Json* crop = find(json, "crop_size")) {
            const Size size = size_of(*crop, "crop_size");
            out.height = size.shorter > 0 ? size.shorter : size.height;
            out.width = size.shorter > 0 ? size.shorter : size.width;
        }
    if (!flag(json, "do_resize", true)) {
        out.resize = data::ResizeMode::none;
    } else if (const Json* found = find(json, "size")) {
        const Size size = size_of(*found, "size");
        // One number is the shorter side where what is too long is then cut off, else both sides.
        if (size.shorter > 0 && (out.center_crop || found->is_object())) {
            out.resize_to = size.shorter;
        } else {
            const Size sides{.height = size.shorter > 0 ? size.shorter : size.height,
                             .width = size.shorter > 0 ? size.shorter : size.width};
            out.resize = data::ResizeMode::stretch;
            if (out.center_crop && out.height > 0 &&
                (out.height != sides.height || out.width != sides.width))
                throw Error(
                    ErrorKind::unsupported,
                    "'size' has two sides and 'crop_size' others: resized so and then cropped");
            out.height = sides.height;
            out.width = sides.width;
        }
    }
    constexpr double white = 255;
    const double factor = number(json, "rescale_factor").value_or(1 / white);
    constexpr double most = 1e6;
    if (!(factor > 0 && factor <= most)) wrong("rescale_factor", "must be above 0, and no more than 1e6");
    out.scale = flag(json, "do_rescale", true) ? white * factor : white;
    if (std::abs(out.scale - 1) < 1e-6) out.scale = 1;
    if (flag(json, "do_normalize", true)) {
        out.mean = colours(json, "image_mean", mean_of_clip, false);
        out.std = colours(json, "image_std", std_of_clip, true);
    } else {
        out.mean.clear();
        out.std.clear();
    }
    return out;
}

data::ImagePreprocessing picture_of_open_clip(std::string_view text) {
    const Json json = parsed(text);
    data::ImagePreprocessing out = clip_picture();
    const std::string filter = text_of(json, "interpolation");
    if (filter == "bilinear")
        out.resample = data::Resample::bilinear;
    else if (!filter.empty() && filter != "bicubic" && filter != "random")
        throw Error(ErrorKind::unsupported, "'interpolation' is '" + printable(filter, 40) +
                                                "'; known are bicubic and bilinear");
    const std::string mode = text_of(json, "resize_mode");
    if (mode == "squash")
        out.resize = data::ResizeMode::stretch;
    else if (!mode.empty() && mode != "shortest")
        throw Error(ErrorKind::unsupported, "'resize_mode' is '" + printable(mode, 40) +
                                                "'; known are shortest and squash");
    if (const Json* found = find(json, "size")) {
        const Size size = size_of(*found, "size");
        out.height = size.shorter > 0 ? size.shorter : size.height;
        out.width = size.shorter > 0 ? size.shorter : size.width;
    }
    out.mean = colours(json, "mean", mean_of_clip, false);
    out.std = colours(json, "std", std_of_clip, true);
    return out;
}

namespace {

// ---- files ----------------------------------------------------------------------------------

struct Names {
    std::string_view image, text;
};
constexpr std::array<Names, 7> pairs = {{{"vision_model.onnx", "text_model.onnx"},
                                         {"onnx/vision_model.onnx", "onnx/text_model.onnx"},
                                         {"visual.onnx", "textual.onnx"},
                                         {"onnx/visual.onnx", "onnx/textual.onnx"},
                                         {"visual/model.onnx", "textual/model.onnx"},
                                         {"image_encoder.onnx", "text_encoder.onnx"},
                                         {"onnx/image_encoder.onnx", "onnx/text_encoder.onnx"}}};
constexpr std::array<std::string_view, 2> singles = {"model.onnx", "onnx/model.onnx"};

std::pair<Path, Path> find_encoders(const Path& folder) {
    std::error_code failed;
    if (!std::filesystem::is_directory(folder, failed))
        throw Error(ErrorKind::io, shown(folder) + ": no such folder");
    std::string half;
    for (const Names& names : pairs) {
        const Path image = folder / names.image, text = folder / names.text;
        if (is_file(image) && is_file(text)) return {image, text};
        if (is_file(image) || is_file(text))
            half = fmt::format("; {} is here, {} is not", is_file(image) ? names.image : names.text,
                               is_file(image) ? names.text : names.image);
    }
    for (const std::string_view name : singles)
        if (is_file(folder / name)) return {folder / name, folder / name};
    std::string looked;
    for (const Names& names : pairs)
        if (!names.image.starts_with("onnx/"))
            looked += fmt::format("{} with {}, ", names.image, names.text);
    throw Error(ErrorKind::io,
                fmt::format("{}: no CLIP model here; looked for {}and model.onnx of two inputs, "
                            "here and in onnx/{}",
                            shown(folder), looked, half));
}

/// The file where the folder or one of its usual parts holds it; empty where none does.
Path find_file(const Path& folder, std::string_view name) {
    for (const std::string_view place : {"", "visual", "textual", "onnx"})
        if (const Path file = folder / place / name; is_file(file)) return file;
    return {};
}

void use_picture(Folder& out) {
    const auto json_of = [](const auto& read, std::string_view key) {
        return [&read, key](std::string_view text) { return read(parsed(text).at(key).dump()); };
    };
    if (const Path file = find_file(out.path, "preprocessor_config.json"); !file.empty()) {
        out.picture = of_file(file, picture_of_hugging_face);
    } else if (const Path cfg = find_file(out.path, "preprocess_cfg.json"); !cfg.empty()) {
        out.picture = of_file(cfg, picture_of_open_clip);
    } else if (const Path open = find_file(out.path, "open_clip_config.json");
               !open.empty() && of_file(open, [](const std::string& text) {
                   const Json json = parsed(text);
                   return !part(json, "preprocess_cfg").empty();
               })) {
        out.picture = of_file(open, json_of(picture_of_open_clip, "preprocess_cfg"));
    } else {
        out.picture = clip_picture();
        out.notes.push_back(
            "no preprocessor_config.json, open_clip_config.json or preprocess_cfg.json: pictures "
            "are "
            "prepared as for CLIP (bicubic, its mean and standard deviation)");
    }
}

/// config.json of Hugging Face and of our own exports, open_clip_config.json, the config.json of
/// immich.
void read_settings(const Json& json, Folder& out) {
    const Json& model = part(json, "model_cfg");
    const Json& text = part(json, "text_config");
    if (text_of(json, "model_type").starts_with("siglip") || find(model, "init_logit_bias") ||
        find(json, "init_logit_bias") || find(json, "logit_bias"))
        out.activation = Activation::sigmoid;
    const auto context = [&](const Json& of, std::string_view key) {
        if (const Json* found = find(of, key)) out.context = whole(*found, key, longest_context);
    };
    context(part(json, "text_cfg"), "context_length");
    context(part(model, "text_cfg"), "context_length");
    context(text, "max_position_embeddings");
    if (out.picture.height == 0 && out.picture.width == 0) {
        for (const Json* vision :
             {&part(json, "vision_config"), &part(json, "vision_cfg"), &part(model, "vision_cfg")})
            if (const Json* size = find(*vision, "image_size")) {
                const Size sides = size_of(*size, "image_size");
                out.picture.height = sides.shorter > 0 ? sides.shorter : sides.height;
                out.picture.width = sides.shorter > 0 ? sides.shorter : sides.width;
            }
    }
    if (const auto scale = number(json, "logit_scale")) {
        if (!(*scale > 0))
            wrong("logit_scale", "must be above 0: the factor itself, not its logarithm");
        out.logit_scale = scale;
    }
    if (const auto bias = number(json, "logit_bias")) out.logit_bias = bias;
}

void use_settings(Folder& out) {
    for (const std::string_view name : {"open_clip_config.json", "config.json"})
        if (const Path file = find_file(out.path, name); !file.empty())
            of_file(file, [&](const std::string& text) {
                read_settings(parsed(text), out);
                return true;
            });
    if (out.context == 0) out.context = out.tokenizer.length().most;
}

/// Where the tokenizer is, and what it is made of: the first that read_tokenizer takes.
struct TokenizerFiles {
    Path folder;
    std::vector<std::string_view> names;
};

TokenizerFiles find_tokenizer(const Path& folder, const Path& text_file) {
    const std::array<std::vector<std::string_view>, 4> forms = {{{"tokenizer.json"},
                                                                 {"vocab.json", "merges.txt"},
                                                                 {"bpe_simple_vocab_16e6.txt"},
                                                                 {"bpe_simple_vocab_16e6.txt.gz"}}};
    for (const Path& place : {folder, folder / "textual", text_file.parent_path()})
        for (const auto& names : forms)
            if (std::ranges::all_of(names,
                                    [&](std::string_view name) { return is_file(place / name); }))
                return {place, names};
    return {folder, {}};  // read_tokenizer says what it looked for
}

}  // namespace

Folder read_folder(const Path& path) {
    auto [image_file, text_file] = find_encoders(path);
    const TokenizerFiles files = find_tokenizer(path, text_file);
    text::Tokenizer tokenizer = read_tokenizer(files.folder);
    Folder out{.path = path,
               .image_file = std::move(image_file),
               .text_file = std::move(text_file),
               .tokenizer = std::move(tokenizer)};
    for (const std::string_view name : files.names)
        out.tokenizer_sha256 += sha256_of_file(files.folder / name);
    use_picture(out);
    use_settings(out);
    if (out.context == 0) {
        out.context = context_of_clip;
        out.notes.push_back(fmt::format("no file says how many tokens a text may have: {}, as CLIP",
                                        context_of_clip));
    }
    // SigLIP was trained on texts filled up to the context, all of which its encoder reads.
    out.pads_texts = out.activation == Activation::sigmoid;
    return out;
}

}  // namespace whence::clip

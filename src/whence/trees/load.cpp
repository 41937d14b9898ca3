#include "whence/trees/load.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/trees/formats.h"

namespace whence::trees {
namespace {

enum class Kind { json, ubjson, lightgbm, old_xgboost, cbm, pickle, unknown };

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The old format of XGBoost has no mark of its own (only files of some languages begin with "binf"
// or, in base64, "bs64"), but names objective and booster soon after its 136 bytes of numbers.
bool is_old_xgboost(std::string_view text) {
    if (text.starts_with("binf") || text.starts_with("bs64")) return true;
    const std::string_view start = text.substr(0, 512);
    const bool onnx = start.starts_with('\x08');  // the tag of its version, which comes first
    const bool binary = start.find('\0') != std::string_view::npos;
    return binary && !onnx &&
           std::ranges::any_of(
               std::initializer_list<std::string_view>{"gbtree", "gblinear", "dart"},
               [&](std::string_view name) { return start.find(name) != std::string_view::npos; });
}

bool is_pickle(std::string_view text) {
    const bool numbered = text.size() > 1 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
    return numbered || text.starts_with("ccopy_reg") || text.starts_with("ccopyreg");
}

Kind kind_of(std::span<const std::byte> bytes) {
    const std::string_view text = as_text(bytes);
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '{') {
        // In UBJSON a length follows, of the first key or of the container.
        const char next = first + 1 < text.size() ? text[first + 1] : '\0';
        return std::string_view("iUIlL#$").find(next) != std::string_view::npos ? Kind::ubjson
                                                                                : Kind::json;
    }
    if (text.starts_with("tree\n") || text.starts_with("tree\r\n")) return Kind::lightgbm;
    if (text.starts_with("CBM1")) return Kind::cbm;
    if (is_pickle(text)) return Kind::pickle;
    return is_old_xgboost(text) ? Kind::old_xgboost : Kind::unknown;
}

[[noreturn]] void refuse(const char* why) {
    throw Error(ErrorKind::model, why);
}

EnsembleParts read_document(const Value& value) {
    const View file(value);
    if (file.has("learner")) return read_xgboost(file);
    if (file.has("oblivious_trees") || (file.has("trees") && file.has("features_info")))
        return read_catboost(file);
    if (file.has("tree_info") && file.has("max_feature_idx"))
        refuse(
            "LightGBM's dump_model writes this JSON, which LightGBM itself cannot read back; "
            "convert: "
            "booster.save_model('model.txt')");
    refuse(
        "this JSON is no tree ensemble: XGBoost's has a 'learner', CatBoost's has trees and "
        "'features_info'");
}

EnsembleParts read(std::span<const std::byte> bytes) {
    switch (kind_of(bytes)) {
        case Kind::json:
            return read_document(parse_json(as_text(bytes)));
        case Kind::ubjson:
            return read_document(parse_ubjson(bytes));
        case Kind::lightgbm:
            return read_lightgbm(as_text(bytes));
        case Kind::old_xgboost:
            refuse(
                "XGBoost's old binary format, which XGBoost 3.1 and later do not read either; "
                "convert "
                "with an older one (pip install 'xgboost<3.1'): "
                "xgboost.Booster(model_file='old.model').save_model('model.json')");
        case Kind::cbm:
            refuse(
                "CatBoost's binary format; convert: "
                "catboost.CatBoost().load_model('model.cbm').save_model('model.json', "
                "format='json')");
        case Kind::pickle:
            refuse(
                "a Python pickle, which runs code when it is opened; save the model itself: "
                "XGBoost "
                "model.save_model('model.json'), LightGBM model.booster_.save_model('model.txt'), "
                "scikit-learn by way of skl2onnx");
        case Kind::unknown:
            break;
    }
    refuse(
        "no tree ensemble of a known format: XGBoost (JSON, UBJSON), LightGBM (text), CatBoost "
        "(JSON)");
}

}  // namespace

bool looks_like_ensemble(std::span<const std::byte> start) {
    return kind_of(start) != Kind::unknown;
}

bool is_ensemble_file(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) return false;  // a pipe can be read once
    std::ifstream file(path, std::ios::binary);
    std::array<char, 512> start{};
    file.read(start.data(), start.size());
    return looks_like_ensemble(
        std::as_bytes(std::span(start).first(static_cast<size_t>(file.gcount()))));
}

Ensemble parse_ensemble(std::span<const std::byte> bytes) {
    return Ensemble::build(read(bytes));
}

Ensemble load_ensemble(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    try {
        return parse_ensemble(bytes);
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

}  // namespace whence::trees

#include "whence/experiment/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/core/nesting.h"
#include "whence/mask/segmentation.h"
#include "whence/mask/segmentation_options.h"

namespace whence::experiment {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
struct Word {
    std::string_view text;
    T value;
};
constexpr Word<Kind> kinds[] = {{"lime", Kind::lime},
                                {"kernel-shap", Kind::kernel_shap},
                                {"deep-shap", Kind::deep_shap},
                                {"gradient-shap", Kind::gradient_shap}};
constexpr Word<Hide> hides[] = {{"superpixel-mean", Hide::superpixel_mean},
                                {"training-mean", Hide::training_mean},
                                {"black", Hide::black}};
constexpr Word<ObjectMask> masks[] = {{"foreground", ObjectMask::foreground},
                                      {"mosaic", ObjectMask::mosaic}};
constexpr Word<training::Architecture> architectures[] = {{"dense", training::Architecture::dense},
                                                          {"cnn", training::Architecture::cnn}};
constexpr Word<metrics::MegeScale> scales[] = {{"largest-class", metrics::MegeScale::largest_class},
                                               {"largest-pair", metrics::MegeScale::largest_pair},
                                               {"absolute", metrics::MegeScale::absolute}};
constexpr Word<bool> classes[] = {{"true", true}, {"predicted", false}};

template <class T, size_t n>
std::string_view word_for(T value, const Word<T> (&words)[n]) {
    for (const Word<T>& word : words)
        if (word.value == value) return word.text;
    throw Error(ErrorKind::internal, "a setting of a study without a word");
}

// One object of the file: every key is asked for once, and what was not asked for is unknown.
class Reader {
  public:
    Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
        if (!json.is_object()) throw Error(ErrorKind::input, where_ + " must be an object {...}");
    }

    [[noreturn]] void wrong(std::string_view key, const std::string& why) const {
        throw Error(ErrorKind::input, fmt::format("{}: '{}' {}", where_, key, why));
    }
    [[nodiscard]] const Json* find(const std::string& key) {
        known_.insert(key);
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }
    void whole(const std::string& key, int64_t low, int64_t high, int64_t& to) {
        const Json* json = find(key);
        if (!json) return;
        if (!json->is_number_integer() ||
            (json->is_number_unsigned() && json->get<uint64_t>() > static_cast<uint64_t>(high)) ||
            json->get<int64_t>() < low || json->get<int64_t>() > high)
            wrong(key, fmt::format("must be a whole number from {} to {}", low, high));
        to = json->get<int64_t>();
    }
    void number(const std::string& key, double low, double high, double& to) {
        const Json* json = find(key);
        if (!json) return;
        if (!json->is_number() || !(json->get<double>() >= low && json->get<double>() <= high))
            wrong(key, fmt::format("must be a number from {} to {}", low, high));
        to = json->get<double>();
    }
    void text(const std::string& key, std::string& to) {
        const Json* json = find(key);
        if (!json) return;
        if (!json->is_string() || json->get_ref<const std::string&>().empty())
            wrong(key, "must be text");
        to = json->get<std::string>();
        if (to != printable(to, 200)) wrong(key, "must be plain text of up to 200 bytes");
    }
    template <class T, size_t n>
    void word(const std::string& key, const Word<T> (&words)[n], T& to) {
        const Json* json = find(key);
        if (!json) return;
        std::string choices;
        for (const Word<T>& one : words) {
            if (json->is_string() && json->get_ref<const std::string&>() == one.text) {
                to = one.value;
                return;
            }
            choices += (choices.empty() ? "" : ", ") + std::string(one.text);
        }
        wrong(key, "must be one of " + choices);
    }
    // Each entry of a list, at least one, with its place in words.
    template <class Read>
    void list(const std::string& key, Read&& read) {
        const Json* json = find(key);
        if (!json || !json->is_array() || json->empty() || json->size() > 100)
            wrong(key, "must be a list of 1 to 100 entries");
        for (size_t i = 0; i < json->size(); ++i)
            read((*json)[i], fmt::format("{}: {}[{}]", where_, key, i));
    }
    void finish() const {
        for (const auto& [key, value] : json_.items())
            if (!known_.contains(key)) {
                std::string choices;
                for (const std::string& name : known_)
                    choices += (choices.empty() ? "" : ", ") + name;
                throw Error(ErrorKind::input,
                            fmt::format("{}: there is no setting '{}'; there are {}", where_,
                                        printable(key, 60), choices));
            }
    }

  private:
    const Json& json_;
    std::string where_;
    std::set<std::string> known_;
};

// Names stand in rows, tables and names of files.
void require_name(const Reader& reader, const std::string& name) {
    const bool fine = !name.empty() && name.size() <= 40 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!fine) reader.wrong("name", "must be a name of small letters, digits and hyphens");
}

template <class T>
void require_different(const std::vector<T>& all, const Reader& reader, const char* key) {
    std::set<std::string> names;
    for (const T& one : all)
        if (!names.insert(one.name).second) reader.wrong(key, "has two entries named " + one.name);
}

// Every option by name.
void read_segmentation(Reader& reader, std::string& to) {
    if (!reader.find("segmentation")) return;
    reader.text("segmentation", to);
    try {
        const Segmentation method = parse_segmentation(to);
        check_options(method);
        to = describe(method);
    } catch (const Error& error) {
        reader.wrong("segmentation", std::string("is no segmentation: ") + error.what());
    }
}

DataSetSpec read_data_set(const Json& json, const std::string& where) {
    Reader reader(json, where);
    DataSetSpec out;
    reader.text("name", out.name);
    require_name(reader, out.name);
    out.folder = out.name;
    reader.text("folder", out.folder);
    reader.word("objects", masks, out.objects);
    reader.number("foreground", 0, 0.999, out.foreground);
    reader.whole("train", 0, 1'000'000'000, out.train);
    reader.whole("test", 0, 1'000'000'000, out.test);
    out.segmentation = describe(Segmentation(Grid{}));
    read_segmentation(reader, out.segmentation);
    reader.finish();
    return out;
}

ArchitectureSpec read_architecture(const Json& json, const std::string& where) {
    Reader reader(json, where);
    ArchitectureSpec out;
    reader.text("name", out.name);
    require_name(reader, out.name);
    reader.word("kind", architectures, out.kind);
    reader.whole("hidden", 1, 65536, out.hidden);
    reader.finish();
    return out;
}

MethodSpec read_method(const Json& json, const std::string& where) {
    Reader reader(json, where);
    MethodSpec out;
    reader.text("name", out.name);
    require_name(reader, out.name);
    if (!json.contains("kind")) reader.wrong("kind", "is missing");
    reader.word("kind", kinds, out.kind);
    if (over_superpixels(out.kind)) {
        read_segmentation(reader, out.segmentation);
        reader.word("hide", hides, out.hide);
        if (out.kind == Kind::lime) reader.number("kernel-width", 1e-3, 1e3, out.kernel_width);
        reader.whole("samples", 0, 100'000, out.samples);
        if (out.samples == 1) reader.wrong("samples", "must be 0 (the default) or 2 and more");
    } else {
        reader.whole("background", 1, 1000, out.background);
        if (out.kind == Kind::gradient_shap) reader.whole("samples", 0, 100'000, out.samples);
    }
    reader.finish();
    if (out.samples == 0 && out.kind == Kind::lime) out.samples = 1000;
    if (out.samples == 0 && out.kind == Kind::gradient_shap) out.samples = 50;
    return out;
}

Difference read_difference(const Json& json, const std::string& where) {
    Reader reader(json, where);
    Difference out;
    std::string distance = "mean-absolute", normalisation = "none";
    reader.text("distance", distance);
    reader.text("normalisation", normalisation);
    try {
        out.distance = metrics::parse_distance(distance);
        out.normalisation = metrics::parse_normalisation(normalisation);
    } catch (const Error& error) {
        throw Error(ErrorKind::input, where + ": " + error.what());
    }
    reader.finish();
    return out;
}

Json parse(std::string_view text, std::string_view where) {
    if (nested_too_deeply(text))
        throw Error(ErrorKind::input, fmt::format("{}: nested too deeply", where));
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded())
        throw Error(ErrorKind::input, fmt::format("{}: this is no JSON", where));
    return json;
}

// The study needs pairs within classes and between them; how many classes there are only the data
// say.
constexpr int64_t fewest_objects = 4, most_objects = 2000, most_runs = 10'000;

}  // namespace

std::string_view name(Kind kind) {
    return word_for(kind, kinds);
}
std::string_view name(Hide hide) {
    return word_for(hide, hides);
}
bool over_superpixels(Kind kind) {
    return kind == Kind::lime || kind == Kind::kernel_shap;
}
std::string Difference::name() const {
    std::string out(metrics::name(distance));
    if (normalisation != metrics::Normalisation::none)
        out += "/" + std::string(metrics::name(normalisation));
    return out;
}

std::vector<MethodSpec> Spec::methods_for(const DataSetSpec& set) const {
    std::vector<MethodSpec> out = methods;
    for (MethodSpec& method : out)
        if (method.segmentation.empty()) method.segmentation = set.segmentation;
    return out;
}
int64_t Spec::units() const {
    return std::ssize(data_sets) * std::ssize(architectures) * iterations * folds;
}
int64_t Spec::explanations() const {
    return units() * epochs * std::ssize(methods) * objects;
}

Spec read_spec(std::string_view text, std::string_view where) {
    const Json json = parse(text, where);
    Reader reader(json, std::string(where));
    Spec spec;
    spec.title = "Accuracy of models and quality of explanations";
    reader.text("title", spec.title);
    int64_t seed = 0;
    reader.whole("seed", 0, int64_t{1} << 53, seed);
    spec.seed = static_cast<uint64_t>(seed);
    reader.whole("iterations", 1, most_runs, spec.iterations);
    reader.whole("folds", 2, 100, spec.folds);
    reader.whole("epochs", 1, most_runs, spec.epochs);
    reader.whole("objects", fewest_objects, most_objects, spec.objects);
    reader.whole("batch", 1, 65536, spec.batch);
    reader.number("learning-rate", 1e-9, 10, spec.learning_rate);
    reader.list("data-sets", [&](const Json& one, const std::string& place) {
        spec.data_sets.push_back(read_data_set(one, place));
    });
    reader.list("architectures", [&](const Json& one, const std::string& place) {
        spec.architectures.push_back(read_architecture(one, place));
    });
    reader.list("methods", [&](const Json& one, const std::string& place) {
        spec.methods.push_back(read_method(one, place));
    });
    reader.list("differences", [&](const Json& one, const std::string& place) {
        spec.differences.push_back(read_difference(one, place));
    });
    require_different(spec.data_sets, reader, "data-sets");
    require_different(spec.architectures, reader, "architectures");
    require_different(spec.methods, reader, "methods");
    for (size_t i = 0; i < spec.differences.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (spec.differences[i] == spec.differences[j])
                reader.wrong("differences", "has " + spec.differences[i].name() + " twice");
    reader.word("mege-scale", scales, spec.mege_scale);
    reader.word("explained-class", classes, spec.explain_true_class);
    bool pairs_by_true = true;
    reader.word("pairs-by", classes, pairs_by_true);
    spec.pair_by_predicted_class = !pairs_by_true;
    reader.number("alpha", 0, 1, spec.alpha);
    reader.number("overlap-threshold", 0, 1, spec.overlap_threshold);
    reader.whole("mask-pieces", 0, 1'000'000, spec.mask_pieces);
    reader.finish();
    return spec;
}

std::string to_json(const Spec& spec) {
    Json out = {{"title", spec.title},           {"seed", spec.seed},
                {"iterations", spec.iterations}, {"folds", spec.folds},
                {"epochs", spec.epochs},         {"objects", spec.objects},
                {"batch", spec.batch},           {"learning-rate", spec.learning_rate}};
    for (const DataSetSpec& set : spec.data_sets) {
        Json one = {
            {"name", set.name}, {"folder", set.folder}, {"objects", word_for(set.objects, masks)}};
        if (set.objects == ObjectMask::foreground) one["foreground"] = set.foreground;
        one["train"] = set.train;
        one["test"] = set.test;
        one["segmentation"] = set.segmentation;
        out["data-sets"].push_back(std::move(one));
    }
    for (const ArchitectureSpec& one : spec.architectures)
        out["architectures"].push_back({{"name", one.name},
                                        {"kind", word_for(one.kind, architectures)},
                                        {"hidden", one.hidden}});
    for (const MethodSpec& method : spec.methods) {
        Json one = {{"name", method.name}, {"kind", name(method.kind)}};
        if (over_superpixels(method.kind)) {
            if (!method.segmentation.empty()) one["segmentation"] = method.segmentation;
            one["samples"] = method.samples;
            one["hide"] = name(method.hide);
        } else {
            one["background"] = method.background;
        }
        if (method.kind == Kind::lime) one["kernel-width"] = method.kernel_width;
        if (method.kind == Kind::gradient_shap) one["samples"] = method.samples;
        out["methods"].push_back(std::move(one));
    }
    for (const Difference& one : spec.differences)
        out["differences"].push_back({{"distance", metrics::name(one.distance)},
                                      {"normalisation", metrics::name(one.normalisation)}});
    out["mege-scale"] = metrics::name(spec.mege_scale);
    out["explained-class"] = word_for(spec.explain_true_class, classes);
    out["pairs-by"] = word_for(!spec.pair_by_predicted_class, classes);
    out["alpha"] = spec.alpha;
    out["overlap-threshold"] = spec.overlap_threshold;
    out["mask-pieces"] = spec.mask_pieces;
    return out.dump();
}

std::string fingerprint(const Spec& spec) {
    const std::string text = to_json(spec);
    return sha256(std::as_bytes(std::span(text)));
}

}  // namespace whence::experiment

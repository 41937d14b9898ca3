#include "whence/core/explanation_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"
#include "whence/core/nesting.h"

namespace whence {
namespace {

using Json = nlohmann::ordered_json;
constexpr int format_version = 1;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// The shortest digits that read back as the same float: half as many as those of a double.
Json number(float value) {
    if (!std::isfinite(value)) return nullptr;
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    double wide = 0;
    std::from_chars(digits, end, wide);
    return static_cast<float>(wide) == value ? wide : static_cast<double>(value);
}

Json numbers(const auto& values) {
    Json out = Json::array();
    for (const auto value : values) out.push_back(number(value));
    return out;
}

template <class T>
Json optional(const std::optional<T>& value) {
    if (!value) return nullptr;
    if constexpr (std::is_same_v<T, double>) return number(*value);
    else return *value;
}

Json tensor_json(const Tensor& tensor) {
    Json values;
    if (tensor.type() == ElementType::float32)
        values = numbers(tensor.as<float>());
    else if (tensor.type() == ElementType::int32)
        values = tensor.as<int32_t>();
    else if (tensor.type() == ElementType::int64)
        values = tensor.as<int64_t>();
    else if (tensor.type() == ElementType::string)
        values = tensor.as<std::string>();
    else
        values = numbers(tensor.to_doubles());
    return {{"type", name(tensor.type())}, {"shape", tensor.shape()}, {"data", std::move(values)}};
}

Json options_json(const std::vector<Option>& options) {
    Json out = Json::object();
    for (const Option& option : options)
        std::visit(
            [&](const auto& value) {
                if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>)
                    out[option.name] = number(value);
                else
                    out[option.name] = value;
            },
            option.value);
    return out;
}

void refuse_deep_nesting(std::string_view text) {
    if (nested_too_deeply(text)) throw Error(ErrorKind::input, "explanation JSON is nested too deeply");
}

// Reading: every access names the key it failed at.
[[noreturn]] void wrong(const std::string& key, const std::string& what) {
    throw Error(ErrorKind::input, "explanation JSON: '" + key + "' " + what);
}

const Json& member(const Json& parent, const char* key) {
    if (!parent.is_object() || !parent.contains(key)) wrong(key, "is missing");
    return parent[key];
}

// Whether a T holds this value exactly: nlohmann's own conversions would cut 1.5 to 1 and wrap -1.
bool holds(const Json& json, const bool&) { return json.is_boolean(); }
bool holds(const Json& json, const std::string&) { return json.is_string(); }
bool holds(const Json& json, const double&) { return json.is_number() || json.is_null(); }
bool holds(const Json& json, const uint64_t&) { return json.is_number_unsigned(); }
bool holds(const Json& json, const int64_t&) {
    return json.is_number_integer() && (!json.is_number_unsigned() || json.get<uint64_t>() >> 63 == 0);
}
template <class T>
bool holds(const Json& json, const std::vector<T>&) {
    return json.is_array() && std::ranges::all_of(json, [](const Json& one) { return holds(one, T{}); });
}

template <class T>
T convert(const Json& json) { return json.get<T>(); }
template <>
double convert(const Json& json) { return json.is_null() ? std::nan("") : json.get<double>(); }
template <>
std::vector<double> convert(const Json& json) {
    std::vector<double> out;
    for (const Json& one : json) out.push_back(convert<double>(one));
    return out;
}

template <class T>
T get(const Json& parent, const char* key) {
    const Json& value = member(parent, key);
    if (!holds(value, T{})) wrong(key, "has the wrong type");
    return convert<T>(value);
}

template <class T>
std::optional<T> get_optional(const Json& parent, const char* key) {
    if (!parent.contains(key) || parent[key].is_null()) return std::nullopt;
    return get<T>(parent, key);
}

const Json& object(const Json& parent, const char* key) {
    const Json& value = member(parent, key);
    if (!value.is_object()) wrong(key, "is no object");
    return value;
}

Scale get_scale(const Json& parent, const char* key) {
    try {
        return parse_scale(get<std::string>(parent, key));
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::input) throw;
        wrong(key, std::string("is ") + error.what());
    }
}

Tensor read_tensor(const Json& parent, const char* key) {
    const Json& json = member(parent, key);
    const auto shape = get<Shape>(json, "shape");
    const auto type_name = get<std::string>(json, "type");
    const Json& data = member(json, "data");
    if (!data.is_array() || element_count(shape) != static_cast<int64_t>(data.size()))
        wrong(key, "does not hold as many values as its shape says");
    const Tensor wide = Tensor::of<double>(shape, get<std::vector<double>>(json, "data"));
    for (const ElementType type : {ElementType::float32, ElementType::float64, ElementType::int32})
        if (name(type) == type_name) return wide.cast(type);
    wrong(key, "has an element type that explanations do not use");
}

std::vector<Option> read_options(const Json& json) {
    std::vector<Option> out;
    for (const auto& [key, value] : json.items()) {
        if (value.is_boolean()) out.push_back({key, value.get<bool>()});
        else if (holds(value, int64_t{})) out.push_back({key, value.get<int64_t>()});
        else if (holds(value, double{})) out.push_back({key, convert<double>(value)});
        else if (value.is_string()) out.push_back({key, value.get<std::string>()});
        else wrong(key, "is no option value");
    }
    return out;
}

Json neutrality_json(const std::optional<Neutrality>& n) {
    if (!n) return nullptr;
    return {{"distance", number(n->distance)}, {"compared_with", n->compared_with}, {"prediction", n->prediction}};
}

Json target_json(const TargetRecord& t) {
    return {{"output", t.resolved.output},
            {"index", t.resolved.index},
            {"minus", optional(t.resolved.minus)},
            {"label", t.label},
            {"scale", name(t.resolved.scale)},
            {"output_scale", name(t.resolved.output_scale)},
            {"classes", t.resolved.classes},
            {"value", number(t.value)},
            {"baseline", t.baseline},
            {"baseline_value", optional(t.baseline_value)},
            {"neutrality", neutrality_json(t.neutrality)}};
}

Json text_json(const ExplainedText& text) {
    Json parts = Json::array();
    for (const ExplainedText::Part& part : text.parts)
        parts.push_back({part.begin, part.end, part.feature});
    return {{"text", text.text}, {"parts", std::move(parts)}};
}

Json attribution_json(const Attribution& a) {
    Json out = {{"values", tensor_json(a.values)}};
    if (!a.layer.empty()) out["layer"] = a.layer;
    if (!a.names.empty()) out["names"] = a.names;
    if (!a.displays.empty()) out["displays"] = a.displays;
    if (!a.columns.empty()) out["columns"] = a.columns;
    if (a.segments) out["segments"] = tensor_json(*a.segments);
    if (a.text) out["text"] = text_json(*a.text);
    if (!a.standard_errors.empty()) out["standard_errors"] = numbers(a.standard_errors);
    if (a.intercept) out["intercept"] = number(*a.intercept);
    return out;
}

Json interactions_json(const Interactions& i) {
    Json out = {{"values", tensor_json(i.values)}};
    if (!i.standard_errors.empty()) out["standard_errors"] = numbers(i.standard_errors);
    return out;
}

Json conditions_json(const std::vector<Rule::Condition>& conditions) {
    Json out = Json::array();
    for (const Rule::Condition& c : conditions)
        out.push_back({{"feature", c.feature}, {"text", c.text}});
    return out;
}

Json local_rules_json(const std::vector<LocalRule>& rules) {
    Json out = Json::array();
    for (const LocalRule& rule : rules)
        out.push_back({{"conditions", conditions_json(rule.conditions)},
                       {"value", number(rule.value)},
                       {"share", number(rule.share)},
                       {"holds_here", rule.holds_here}});
    return out;
}

Json rule_json(const Rule& rule) {
    return {{"conditions", conditions_json(rule.conditions)},
            {"precision", number(rule.precision)},
            {"precision_low", number(rule.precision_low)},
            {"precision_high", number(rule.precision_high)},
            {"confidence", number(rule.confidence)},
            {"coverage", number(rule.coverage)}};
}

Json counterfactual_json(const Counterfactual& c) {
    Json changes = Json::array();
    for (const Counterfactual::Change& change : c.changes)
        changes.push_back({{"feature", change.feature},
                           {"name", change.name},
                           {"from", change.from},
                           {"to", change.to}});
    return {{"values", tensor_json(c.values)},
            {"changes", std::move(changes)},
            {"prediction", number(c.prediction)},
            {"label", c.label},
            {"valid", c.valid},
            {"distance", number(c.distance)},
            {"to_data", optional(c.to_data)}};
}

Json counterfactuals_json(const Counterfactuals& all) {
    Json found = Json::array();
    for (const Counterfactual& one : all.found) found.push_back(counterfactual_json(one));
    Json out = {{"wanted", all.wanted}, {"metric", all.metric}, {"found", std::move(found)}};
    if (all.lower_bound) out["lower_bound"] = number(*all.lower_bound);
    return out;
}

Json diagnostics_json(const Diagnostics& d) {
    Json out = {{"attribution_error", optional(d.attribution_error)},
                {"relative_error", optional(d.relative_error)}};
    if (!d.no_error_because.empty()) out["no_error_because"] = d.no_error_because;
    if (d.surrogate_r2) out["surrogate_r2"] = number(*d.surrogate_r2);
    if (d.local_prediction) out["local_prediction"] = number(*d.local_prediction);
    if (d.converged) out["converged"] = *d.converged;
    out["notes"] = d.notes;
    return out;
}

Json preprocessing_json(const std::string& text) {
    if (text.empty()) return nullptr;
    refuse_deep_nesting(text);
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) throw Error(ErrorKind::input, "the explanation's preprocessing is not valid JSON");
    return json;
}

Json file_json(const std::string& path, const std::string& sha256, std::optional<int64_t> row) {
    return {{"path", path}, {"sha256", sha256}, {"row", optional(row)}};
}

Json provenance_json(const Provenance& p) {
    Json json = {{"method", p.method},
            {"options", options_json(p.options)},
            {"seed", p.seed},
            {"version", p.version},
            {"evaluations", p.evaluations},
            {"gradient_evaluations", p.gradient_evaluations},
            {"seconds", number(p.seconds)},
            {"model", {{"path", p.model_path}, {"sha256", p.model_sha256}}},
            {"input", file_json(p.input_path, p.input_sha256, p.input_row)},
            {"preprocessing", preprocessing_json(p.preprocessing)},
            {"background", {{"path", p.background_path}, {"sha256", p.background_sha256}}}};
    for (const InputFile& one : p.inputs) {
        Json file = file_json(one.path, one.sha256, one.row);
        file["name"] = one.name;
        json["inputs"].push_back(std::move(file));
    }
    return json;
}

TargetRecord read_target(const Json& json) {
    TargetRecord t;
    t.resolved = {.output = get<std::string>(json, "output"),
                  .index = get<int64_t>(json, "index"),
                  .minus = get_optional<int64_t>(json, "minus"),
                  .scale = get_scale(json, "scale"),
                  .output_scale = get_scale(json, "output_scale"),
                  .classes = get<int64_t>(json, "classes")};
    t.label = get<std::string>(json, "label");
    t.value = get<double>(json, "value");
    t.baseline = get<std::string>(json, "baseline");
    t.baseline_value = get_optional<double>(json, "baseline_value");
    if (json.contains("neutrality") && !json["neutrality"].is_null()) {
        const Json& n = json["neutrality"];
        t.neutrality = {.distance = get<double>(n, "distance"),
                        .compared_with = get<std::string>(n, "compared_with"),
                        .prediction = get<std::string>(n, "prediction")};
    }
    return t;
}

ExplainedText read_text(const Json& json, int64_t features) {
    ExplainedText out{.text = get<std::string>(json, "text")};
    const auto size = static_cast<int64_t>(out.text.size());
    int64_t done = 0;
    const Json& parts = member(json, "parts");
    if (!parts.is_array()) wrong("parts", "is no array");
    for (const Json& part : parts) {
        if (!holds(part, Shape{}) || part.size() != 3) wrong("parts", "must hold [begin, end, feature]");
        const auto numbers = part.get<Shape>();
        if (numbers[0] < done || numbers[1] < numbers[0] || numbers[1] > size)
            wrong("parts", "must lie in the text, one behind the other");
        if (numbers[2] < 0 || numbers[2] >= features) wrong("parts", "names a feature that does not exist");
        done = numbers[1];
        out.parts.push_back({numbers[0], numbers[1], numbers[2]});
    }
    return out;
}

Attribution read_attribution(const Json& json) {
    Attribution a;
    a.values = read_tensor(json, "values");
    a.layer = get_optional<std::string>(json, "layer").value_or("");
    a.names = get_optional<std::vector<std::string>>(json, "names").value_or(std::vector<std::string>{});
    a.displays = get_optional<std::vector<std::string>>(json, "displays").value_or(std::vector<std::string>{});
    if (json.contains("segments") && !json["segments"].is_null()) a.segments = read_tensor(json, "segments");
    if (json.contains("text") && !json["text"].is_null())
        a.text = read_text(object(json, "text"), a.values.size());
    a.standard_errors =
        get_optional<std::vector<double>>(json, "standard_errors").value_or(std::vector<double>{});
    a.intercept = get_optional<double>(json, "intercept");
    a.columns = get_optional<std::vector<std::string>>(json, "columns").value_or(std::vector<std::string>{});
    for (const auto* labels : {&a.names, &a.displays, &a.columns})
        if (!labels->empty() && static_cast<int64_t>(labels->size()) != a.values.size())
            wrong("names", "are not as many as the values");
    if (!a.standard_errors.empty() && static_cast<int64_t>(a.standard_errors.size()) != a.values.size())
        wrong("standard_errors", "are not as many as the values");
    return a;
}

Interactions read_interactions(const Json& json) {
    Interactions i{.values = read_tensor(json, "values"),
                   .standard_errors = get_optional<std::vector<double>>(json, "standard_errors")
                                          .value_or(std::vector<double>{})};
    const Shape& shape = i.values.shape();
    if (shape.size() != 2 || shape[0] != shape[1]) wrong("interactions", "is no square matrix");
    if (!i.standard_errors.empty() && static_cast<int64_t>(i.standard_errors.size()) != i.values.size())
        wrong("standard_errors", "are not as many as the interactions");
    return i;
}

const Json& array(const Json& parent, const char* key) {
    const Json& value = member(parent, key);
    if (!value.is_array()) wrong(key, "is no array");
    return value;
}

std::vector<Rule::Condition> read_conditions(const Json& json) {
    std::vector<Rule::Condition> out;
    for (const Json& c : array(json, "conditions"))
        out.push_back({get<int64_t>(c, "feature"), get<std::string>(c, "text")});
    return out;
}

Rule read_rule(const Json& json) {
    Rule rule{.precision = get<double>(json, "precision"),
              .precision_low = get<double>(json, "precision_low"),
              .precision_high = get<double>(json, "precision_high"),
              .confidence = get<double>(json, "confidence"),
              .coverage = get<double>(json, "coverage")};
    rule.conditions = read_conditions(json);
    return rule;
}

// What a model reads: beside numbers also texts, and the numbers of tokens.
Tensor read_changed_input(const Json& parent) {
    const Json& json = member(parent, "values");
    const auto type = get<std::string>(json, "type");
    if (type != name(ElementType::string) && type != name(ElementType::int64))
        return read_tensor(parent, "values");
    const auto shape = get<Shape>(json, "shape");
    const Json& data = member(json, "data");
    if (!data.is_array() || element_count(shape) != static_cast<int64_t>(data.size()))
        wrong("values", "does not hold as many values as its shape says");
    if (type == name(ElementType::int64))
        return Tensor::of<int64_t>(shape, get<std::vector<int64_t>>(json, "data"));
    return Tensor::of<std::string>(shape, get<std::vector<std::string>>(json, "data"));
}

std::vector<LocalRule> read_local_rules(const Json& json) {
    std::vector<LocalRule> out;
    if (!json.contains("local_rules") || json["local_rules"].is_null()) return out;
    for (const Json& rule : array(json, "local_rules"))
        out.push_back({read_conditions(rule), get<double>(rule, "value"),
                       get<double>(rule, "share"), get<bool>(rule, "holds_here")});
    return out;
}

Counterfactual read_counterfactual(const Json& json) {
    Counterfactual c{.values = read_changed_input(json),
                     .prediction = get<double>(json, "prediction"),
                     .label = get<std::string>(json, "label"),
                     .valid = get<bool>(json, "valid"),
                     .distance = get<double>(json, "distance"),
                     .to_data = get_optional<double>(json, "to_data")};
    for (const Json& change : array(json, "changes"))
        c.changes.push_back({get<int64_t>(change, "feature"), get<std::string>(change, "name"),
                             get<std::string>(change, "from"), get<std::string>(change, "to")});
    return c;
}

Counterfactuals read_counterfactuals(const Json& json) {
    Counterfactuals all{.wanted = get<std::string>(json, "wanted"),
                        .metric = get<std::string>(json, "metric"),
                        .found = {}};
    if (json.contains("lower_bound")) all.lower_bound = get_optional<double>(json, "lower_bound");
    for (const Json& one : array(json, "found")) all.found.push_back(read_counterfactual(one));
    return all;
}

template <class Read>
auto read_if_there(const Json& json, const char* key, Read read)
    -> std::optional<decltype(read(json))> {
    if (!json.contains(key) || json[key].is_null()) return std::nullopt;
    return read(object(json, key));
}

Diagnostics read_diagnostics(const Json& json) {
    Diagnostics d;
    d.attribution_error = get_optional<double>(json, "attribution_error");
    d.relative_error = get_optional<double>(json, "relative_error");
    d.no_error_because = get_optional<std::string>(json, "no_error_because").value_or("");
    d.surrogate_r2 = get_optional<double>(json, "surrogate_r2");
    d.local_prediction = get_optional<double>(json, "local_prediction");
    d.converged = get_optional<bool>(json, "converged");
    d.notes = get_optional<std::vector<std::string>>(json, "notes").value_or(std::vector<std::string>{});
    return d;
}

Provenance read_provenance(const Json& json) {
    Provenance p;
    p.method = get<std::string>(json, "method");
    p.options = read_options(object(json, "options"));
    p.seed = get<uint64_t>(json, "seed");
    p.version = get<std::string>(json, "version");
    p.evaluations = get<int64_t>(json, "evaluations");
    p.gradient_evaluations = get<int64_t>(json, "gradient_evaluations");
    p.seconds = get_optional<double>(json, "seconds").value_or(0);
    p.model_path = get<std::string>(object(json, "model"), "path");
    p.model_sha256 = get<std::string>(object(json, "model"), "sha256");
    p.input_path = get<std::string>(object(json, "input"), "path");
    p.input_sha256 = get<std::string>(object(json, "input"), "sha256");
    p.input_row = get_optional<int64_t>(object(json, "input"), "row");
    if (json.contains("inputs"))
        for (const Json& one : array(json, "inputs"))
            p.inputs.push_back({.name = get<std::string>(one, "name"),
                                .path = get<std::string>(one, "path"),
                                .sha256 = get<std::string>(one, "sha256"),
                                .row = get_optional<int64_t>(one, "row")});
    if (json.contains("preprocessing") && !json["preprocessing"].is_null())
        p.preprocessing = json["preprocessing"].dump();
    p.background_path = get<std::string>(object(json, "background"), "path");
    p.background_sha256 = get<std::string>(object(json, "background"), "sha256");
    return p;
}

}  // namespace

std::string to_json(const Explanation& e) {
    Json json = {{"whence", format_version},
                 {"target", target_json(e.target)},
                 {"diagnostics", diagnostics_json(e.diagnostics)},
                 {"provenance", provenance_json(e.provenance)}};
    if (e.rule) json["rule"] = rule_json(*e.rule);
    if (!e.local_rules.empty()) json["local_rules"] = local_rules_json(e.local_rules);
    if (e.counterfactuals) json["counterfactuals"] = counterfactuals_json(*e.counterfactuals);
    if (e.interactions) json["interactions"] = interactions_json(*e.interactions);
    json["attribution"] = attribution_json(e.attribution);
    // One line for each part: readable in an editor, and an array of pixels stays one line.
    std::string text;
    for (const auto& [key, part] : json.items())
        text += (text.empty() ? "{\"" : ",\n\"") + key + "\": " +
                part.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text + "}\n";
}

namespace {

Json parsed(std::string_view text) {
    refuse_deep_nesting(text);
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) throw Error(ErrorKind::input, "explanation JSON: this is not valid JSON");
    return json;
}

Explanation read_explanation(const Json& json) {
    if (get<int64_t>(json, "whence") != format_version)
        wrong("whence", "is a version of the format that this program does not know");
    return {.attribution = read_attribution(object(json, "attribution")),
            .interactions = read_if_there(json, "interactions", read_interactions),
            .rule = read_if_there(json, "rule", read_rule),
            .local_rules = read_local_rules(json),
            .counterfactuals = read_if_there(json, "counterfactuals", read_counterfactuals),
            .target = read_target(object(json, "target")),
            .diagnostics = read_diagnostics(object(json, "diagnostics")),
            .provenance = read_provenance(object(json, "provenance"))};
}

}  // namespace

Explanation explanation_from_json(std::string_view text) {
    return read_explanation(parsed(text));
}

std::string to_json(const std::vector<Explanation>& explanations) {
    std::string text;
    for (const Explanation& e : explanations) text += (text.empty() ? "[" : ",\n") + to_json(e);
    return text.empty() ? "[]\n" : text + "]\n";
}

std::vector<Explanation> explanations_from_json(std::string_view text) {
    const Json json = parsed(text);
    if (!json.is_array()) return {read_explanation(json)};
    std::vector<Explanation> out;
    for (const Json& one : json) out.push_back(read_explanation(one));
    return out;
}

}  // namespace whence

#include "whence/core/explanation.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/support.h"
#include "whence/core/explanation_json.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;
using Json = nlohmann::ordered_json;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Attribution some_attribution() {
    Attribution a;
    a.values = Tensor::of<float>({2}, std::vector<float>{0.1F, -2.5e-8F});
    a.names = {"age", "gr\u00f6\u00dfe"};
    a.displays = {"17.99", "16.8 < \"x\""};
    a.segments = Tensor::of<int32_t>({2, 2}, std::vector<int32_t>{0, 1, 1, 0});
    a.standard_errors = {0.25, 0.5};
    a.intercept = -0.125;
    return a;
}

ExplainedText some_text() {
    return {.text = "a \u00e9 a", .parts = {{0, 1, 0}, {2, 4, 1}, {5, 6, 0}}};
}

TargetRecord some_target() {
    TargetRecord t;
    t.resolved.output = "y";
    t.resolved.index = 3;
    t.resolved.minus = 1;
    t.resolved.scale = Scale::logit;
    t.resolved.output_scale = Scale::probability;
    t.resolved.classes = 10;
    t.label = "cat";
    t.value = 0.1;
    t.baseline = "blur:10";
    t.baseline_value = 1e-300;
    return t;
}

Diagnostics some_diagnostics() {
    Diagnostics d;
    d.attribution_error = 1e-7;
    d.relative_error = 0.5;
    d.no_error_because = "because";
    d.surrogate_r2 = 0.9;
    d.local_prediction = 0.3;
    d.converged = false;
    d.notes = {"one", "two"};
    return d;
}

Provenance some_provenance() {
    Provenance p;
    p.method = "lime";
    p.options = {{"exact", true},
                 {"samples", int64_t{5000}},
                 {"width", 10.0},
                 {"kernel", std::string("cosine")}};
    p.seed = std::numeric_limits<uint64_t>::max();
    p.version = "0.1.0";
    p.evaluations = 1000;
    p.gradient_evaluations = 7;
    p.seconds = 1.5;
    p.model_path = "m.onnx";
    p.model_sha256 = "ab";
    p.input_path = "x.csv";
    p.input_sha256 = "cd";
    p.input_row = 4;
    p.preprocessing = R"({"kind":"table"})";
    p.background_path = "b.csv";
    p.background_sha256 = "ef";
    return p;
}

Interactions some_interactions() {
    return {.values = Tensor::of<double>({2, 2}, std::vector<double>{0.5, -0.1, -0.1, 1e-9}),
            .standard_errors = {0.1, 0.2, 0.2, 0.3}};
}

Rule some_rule() {
    return {.conditions = {{3, "age > 40"}, {0, "sex = \"f\""}},
            .precision = 0.97,
            .precision_low = 0.95,
            .precision_high = 0.98,
            .confidence = 0.9,
            .coverage = 0.21};
}

Counterfactuals some_counterfactuals() {
    Counterfactual near{.values = Tensor::of<double>({1, 2}, std::vector<double>{41, 0}),
                        .changes = {{0, "age", "40", "41"}},
                        .prediction = 0.7,
                        .label = "yes",
                        .valid = true,
                        .distance = 0.25,
                        .to_data = 0.5};
    Counterfactual far = near;
    far.to_data.reset();
    far.valid = false;
    return {.wanted = "yes", .metric = "sum of |change| / MAD", .found = {near, far}};
}

// Everything that an explanation can hold.
Explanation full() {
    return {.attribution = some_attribution(),
            .interactions = some_interactions(),
            .rule = some_rule(),
            .counterfactuals = some_counterfactuals(),
            .target = some_target(),
            .diagnostics = some_diagnostics(),
            .provenance = some_provenance()};
}

TEST(ExplanationJson, RoundTripIsTheSameText) {
    for (const std::string& text : {to_json(full()), to_json(Explanation{})})
        EXPECT_EQ(to_json(explanation_from_json(text)), text);
}

TEST(ExplanationJson, SeveralAreAnArray) {
    const std::vector<Explanation> two{full(), Explanation{}};
    const std::vector<Explanation> again = explanations_from_json(to_json(two));
    ASSERT_EQ(again.size(), 2U);
    EXPECT_EQ(to_json(again[0]), to_json(two[0]));
    EXPECT_EQ(to_json(again[1]), to_json(two[1]));
    EXPECT_EQ(explanations_from_json(to_json(full())).size(), 1U);
    EXPECT_TRUE(explanations_from_json("[]").empty());
    expect_within(error_of(ErrorKind::input, [] { return explanations_from_json("[1]").size(); }),
                  "'whence' is missing");
}

TEST(ExplanationJson, RoundTripIsTheSameExplanation) {
    const Explanation a = full(), b = explanation_from_json(to_json(a));
    EXPECT_EQ(a.attribution.values, b.attribution.values);
    EXPECT_EQ(a.attribution.names, b.attribution.names);
    EXPECT_EQ(a.attribution.displays, b.attribution.displays);
    EXPECT_EQ(a.attribution.segments, b.attribution.segments);
    EXPECT_EQ(a.attribution.standard_errors, b.attribution.standard_errors);
    EXPECT_EQ(a.attribution.intercept, b.attribution.intercept);
    EXPECT_EQ(a.target.resolved.minus, b.target.resolved.minus);
    EXPECT_EQ(a.target.resolved.scale, b.target.resolved.scale);
    EXPECT_EQ(a.target.value, b.target.value);
    EXPECT_EQ(a.target.baseline_value, b.target.baseline_value);
    EXPECT_EQ(a.diagnostics.converged, b.diagnostics.converged);
    EXPECT_EQ(a.diagnostics.notes, b.diagnostics.notes);
    EXPECT_EQ(a.provenance.seed, b.provenance.seed);
    EXPECT_EQ(a.provenance.input_row, b.provenance.input_row);
    ASSERT_EQ(b.provenance.options.size(), 4U);
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(a.provenance.options[i].name, b.provenance.options[i].name);
        EXPECT_EQ(a.provenance.options[i].value, b.provenance.options[i].value);
    }
}

// Any float, subnormal and all: written short, read back as the same bits.
TEST(ExplanationJson, FloatsKeepTheirBits) {
    std::vector<float> values = {0.0F, -0.0F, 0.1F, 1e-45F, 3.4028235e38F, 16777216.0F};
    Rng rng(1, 1, 1);
    while (values.size() < 20000)
        if (const auto value = std::bit_cast<float>(rng.next32()); std::isfinite(value))
            values.push_back(value);
    Explanation e;
    e.attribution.values = Tensor::of<float>({static_cast<int64_t>(values.size())}, values);
    EXPECT_EQ(explanation_from_json(to_json(e)).attribution.values, e.attribution.values);
    e.attribution.values = e.attribution.values.cast(ElementType::float64);
    EXPECT_EQ(explanation_from_json(to_json(e)).attribution.values, e.attribution.values);
    e.attribution.values = Tensor::of<float>({1}, std::vector<float>{0.1F});
    expect_within(to_json(e), "[0.1]");
}

TEST(ExplanationJson, NotANumberIsNull) {
    Explanation e = full();
    const float infinity = std::numeric_limits<float>::infinity();
    e.attribution.values = Tensor::of<float>({2}, std::vector<float>{std::nanf(""), infinity});
    e.attribution.standard_errors = {nan, 1};
    e.attribution.intercept = nan;
    e.target.value = nan;
    e.target.baseline_value = -infinity;
    e.diagnostics.relative_error = infinity;
    e.provenance.options = {{"width", nan}};
    const std::string text = to_json(e);
    EXPECT_TRUE(Json::parse(text)["attribution"]["values"]["data"][0].is_null());
    const Explanation back = explanation_from_json(text);
    EXPECT_TRUE(std::isnan(back.attribution.values.as<float>()[1]));
    EXPECT_TRUE(std::isnan(back.attribution.standard_errors[0]));
    EXPECT_EQ(back.attribution.standard_errors[1], 1);
    EXPECT_TRUE(std::isnan(back.target.value));
    EXPECT_FALSE(back.target.baseline_value);
    EXPECT_FALSE(back.diagnostics.relative_error);
    EXPECT_TRUE(std::isnan(std::get<double>(back.provenance.options[0].value)));
}

TEST(ExplanationJson, UnknownKeysAreIgnored) {
    Json json = Json::parse(to_json(full()));
    json["later"] = {1, 2};
    for (const char* part : {"attribution", "target", "diagnostics", "provenance"})
        json[part]["later"] = "x";
    EXPECT_EQ(to_json(explanation_from_json(json.dump())), to_json(full()));
}

// Whatever is taken away: it reads without (optional), or the error names it.
TEST(ExplanationJson, EveryMissingKeyIsNamed) {
    const Json whole = Json::parse(to_json(full()));
    std::set<std::string> needed;
    for (const auto& [part, value] : whole.items()) {
        Json without = whole;
        without.erase(part);
        if (part == "interactions" || part == "rule" || part == "counterfactuals")
            EXPECT_EQ(Json::parse(to_json(explanation_from_json(without.dump()))), without);
        else
            expect_within(
                error_of(ErrorKind::input, [&] { return explanation_from_json(without.dump()); }),
                "'" + part + "' is missing");
        if (!value.is_object()) continue;
        for (const auto& [key, ignored] : value.items()) {
            Json less = whole;
            less[part].erase(key);
            try {
                (void)explanation_from_json(less.dump());
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::input);
                expect_within(error.what(), "'" + key + "' is missing");
                needed.insert(key);
            }
        }
    }
    for (const char* key :
         {"values", "output", "index", "value", "method", "options", "seed", "model", "input"})
        EXPECT_TRUE(needed.count(key)) << key;
}

// Every value replaced by every kind of value: read, or refused in one line that names the key.
TEST(ExplanationJson, WrongTypesAreNamed) {
    const Json whole = Json::parse(to_json(full()));
    const Json others[] = {nullptr,          true,          -1, 1.5, 1e300, "text", Json::array(),
                           Json::array({1}), Json::object()};
    int refused = 0;
    for (const auto& [part, value] : whole.items()) {
        if (!value.is_object()) continue;
        for (const auto& [key, ignored] : value.items())
            for (const Json& other : others) {
                Json changed = whole;
                changed[part][key] = other;
                try {
                    (void)to_json(explanation_from_json(changed.dump()));
                } catch (const Error& error) {
                    EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
                    ++refused;
                }
            }
    }
    for (const char* part : {"whence", "attribution", "target", "diagnostics", "provenance"})
        for (const Json& other : others) {
            // Nothing is required of diagnostics.
            if (std::string_view(part) == "diagnostics" && other.is_object()) continue;
            Json changed = whole;
            changed[part] = other;
            error_of(ErrorKind::input, [&] { return explanation_from_json(changed.dump()); });
        }
    EXPECT_GT(refused, 150);
    const auto with = [&](const char* part, const char* key, const Json& value) {
        Json changed = whole;
        changed[part][key] = value;
        return error_of(ErrorKind::input, [&] { return explanation_from_json(changed.dump()); });
    };
    expect_within(with("target", "index", 1.5), "'index' has the wrong type");
    expect_within(with("provenance", "seed", -1), "'seed' has the wrong type");
    expect_within(with("provenance", "evaluations", 18446744073709551615ULL),
                  "'evaluations' has the wrong type");
    expect_within(with("target", "scale", "odds"), "'scale' is no scale 'odds'");
    expect_within(with("attribution", "names", {"one"}), "'names' are not as many");
    expect_within(with("attribution", "standard_errors", {1}), "'standard_errors' are not as many");
    const Json huge = {{"type", "float32"}, {"shape", {1LL << 62, 4}}, {"data", {1}}};
    Json changed = whole;
    changed["attribution"]["values"] = huge;
    error_of(ErrorKind::limit, [&] { return explanation_from_json(changed.dump()); });
    expect_within(
        with("attribution", "values", {{"type", "float32"}, {"shape", {3}}, {"data", {1}}}),
        "as many values as its shape says");
    expect_within(
        with("attribution", "values", {{"type", "string"}, {"shape", {1}}, {"data", {1}}}),
        "element type");
}

TEST(ExplanationJson, NotJsonAtAll) {
    for (const char* text : {"", "{", "null", "[]", "{\"whence\": 1", "\xff", "{\"whence\": 1} {}"})
        error_of(ErrorKind::input, [&] { return explanation_from_json(text); });
    expect_within(
        error_of(ErrorKind::input, [] { return explanation_from_json(R"({"whence": 2})"); }),
        "version");
}

TEST(ExplanationJson, DeepNestingIsRefused) {
    const std::string deep(1000000, '[');
    expect_within(error_of(ErrorKind::input, [&] { return explanation_from_json(deep); }),
                  "nested too deeply");
    error_of(ErrorKind::input, [&] { return explanation_from_json("{\"x\":" + deep); });
    // Brackets in strings nest nothing.
    Json json = Json::parse(to_json(full()));
    json["target"]["label"] = "\\\"" + std::string(1000, '[');
    EXPECT_EQ(explanation_from_json(json.dump()).target.label, json["target"]["label"]);
    Explanation e = full();
    e.provenance.preprocessing = deep;
    error_of(ErrorKind::input, [&] { return to_json(e); });
}

TEST(ExplanationJson, PreprocessingMustBeJson) {
    Explanation e = full();
    e.provenance.preprocessing = "{not json";
    expect_within(error_of(ErrorKind::input, [&] { return to_json(e); }),
                  "preprocessing is not valid JSON");
    e.provenance.preprocessing = "";
    EXPECT_EQ(explanation_from_json(to_json(e)).provenance.preprocessing, "");
}

// Names come from files: bytes that are no UTF-8 must not make the output invalid.
TEST(ExplanationJson, InvalidUtf8IsReplaced) {
    Explanation e = full();
    e.target.label = "a\xff";
    e.attribution.names = {"\xc3(", "ok"};
    EXPECT_EQ(explanation_from_json(to_json(e)).target.label, "a\ufffd");
}

Explanation with_values(const std::vector<double>& values, double fx, double fbaseline) {
    Explanation e;
    e.attribution.values = Tensor::of<double>({static_cast<int64_t>(values.size())}, values);
    e.target.value = fx;
    e.target.baseline_value = fbaseline;
    state_attribution_error(e);
    return e;
}

TEST(AttributionError, IsResultLessTarget) {
    const Explanation e = with_values({1, 2, 3.5}, 8, 2);
    EXPECT_EQ(e.diagnostics.attribution_error, 0.5);
    EXPECT_EQ(e.diagnostics.relative_error, 0.5 / 6);
    EXPECT_TRUE(e.diagnostics.notes.empty());
    EXPECT_EQ(with_values({-1}, -1, 0).diagnostics.attribution_error, 0);
    EXPECT_EQ(with_values({-2}, -1, 0).diagnostics.relative_error, 1);
}

TEST(AttributionError, NothingToAttributeIsNoted) {
    const Explanation e = with_values({1e-12}, 5, 5 + 1e-9);
    EXPECT_FALSE(e.diagnostics.relative_error);
    EXPECT_TRUE(e.diagnostics.attribution_error);
    ASSERT_EQ(e.diagnostics.notes.size(), 1U);
    expect_within(e.diagnostics.notes[0], "does not separate");
    // Small differences of small values are differences.
    EXPECT_TRUE(with_values({1e-6}, 1e-6, 0).diagnostics.relative_error);
}

TEST(AttributionError, SumsInDouble) {
    Explanation e;
    // 0.1F a million times: a sum in float would be off by a hundredth.
    e.attribution.values = Tensor::of<float>({1000000}, std::vector<float>(1000000, 0.1F));
    e.target.value = 1e6 * static_cast<double>(0.1F);
    e.target.baseline_value = 0;
    state_attribution_error(e);
    EXPECT_LT(std::abs(*e.diagnostics.attribution_error), 1e-5);
}

TEST(ExplanationJson, ATextAndThePlacesOfItsWords) {
    Explanation e;
    e.attribution.values = Tensor::of<double>({2}, std::vector<double>{0.5, -1});
    e.attribution.text = some_text();
    const std::string json = to_json(e);
    EXPECT_EQ(explanation_from_json(json).attribution.text, some_text());
    EXPECT_FALSE(explanation_from_json(to_json(Explanation{})).attribution.text);
    const auto with_parts = [&](const std::vector<ExplainedText::Part>& parts) {
        Explanation other = e;
        other.attribution.text->parts = parts;
        return to_json(other);
    };
    using Parts = std::vector<ExplainedText::Part>;
    for (const Parts& parts : {Parts{{0, 1, 2}}, Parts{{0, 1, -1}}, Parts{{0, 7, 0}}, Parts{{-1, 1, 0}},
                               Parts{{2, 1, 0}}, Parts{{0, 3, 0}, {2, 4, 1}}})
        EXPECT_THROW((void)explanation_from_json(with_parts(parts)), Error);
    EXPECT_NO_THROW((void)explanation_from_json(with_parts({{0, 6, 1}})));
}

}  // namespace
}  // namespace whence

#include "whence/experiment/rows.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence::experiment {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
    if (!std::isfinite(value)) return nullptr;
    return std::strtod(fmt::format("{:.9g}", value).c_str(), nullptr);
}
Json number(const std::optional<double>& value) {
    return value ? number(*value) : Json(nullptr);
}

constexpr std::string_view digits = "0123456789abcdef";

std::string to_hex(const std::vector<uint8_t>& bytes) {
    std::string out;
    for (const uint8_t byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

[[noreturn]] void wrong(const std::string& why) {
    throw Error(ErrorKind::input, "the ledger's rows are not those of a study: " + why);
}

std::vector<uint8_t> from_hex(const std::string& text) {
    std::vector<uint8_t> out;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        const size_t high = digits.find(text[i]), low = digits.find(text[i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos) wrong("pixels");
        out.push_back(static_cast<uint8_t>(high * 16 + low));
    }
    return out;
}

std::optional<double> maybe(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

Json consistency_json(const Measures& measures, const Spec& spec) {
    Json out = Json::object();
    for (size_t i = 0; i < spec.differences.size(); ++i) {
        const Consistency& c = measures.consistency[i];
        out[spec.differences[i].name()] = {number(c.mege_largest_class),
                                           number(c.mege_largest_pair), number(c.mege_absolute),
                                           number(c.reco), c.skipped};
    }
    return out;
}

Consistency read_consistency(const Json& json) {
    return {maybe(json.at(0)), maybe(json.at(1)), maybe(json.at(2)), maybe(json.at(3)),
            json.at(4).get<int64_t>()};
}

DataRow read_data(const Json& json) {
    DataRow row{.data_set = json.at("data-set"),
                .train = json.at("train"),
                .test = json.at("test"),
                .height = json.at("height"),
                .width = json.at("width"),
                .channels = json.at("channels"),
                .classes = json.at("classes"),
                .note = json.at("note")};
    for (const Json& one : json.at("surveys"))
        row.surveys.push_back({one.at("segmentation"), one.at("pictures"), one.at("single"),
                               one.at("fewest"), one.at("most"), one.at("mean")});
    return row;
}

ResultRow read_result(const Json& json, const Spec& spec) {
    ResultRow row{.data_set = json.at("data-set"),
                  .architecture = json.at("architecture"),
                  .method = json.at("method"),
                  .iteration = json.at("iteration"),
                  .fold = json.at("fold"),
                  .epoch = json.at("epoch"),
                  .accuracy = json.at("accuracy"),
                  .loss = json.at("loss")};
    Measures& m = row.measures;
    for (const Difference& difference : spec.differences)
        m.consistency.push_back(read_consistency(json.at("mege-reco").at(difference.name())));
    const Json& i = json.at("interpretation");
    m.interpretation = {i.at("right-predictions"), i.at("right-interpretations"),
                        i.at("overlap-micro"), i.at("overlap-macro")};
    const Json& e = json.at("attribution-error");
    m.mean_absolute_error = e.at("mean-absolute");
    m.largest_absolute_error = e.at("largest-absolute");
    const Json& p = json.at("pieces");
    m.mean_pieces = p.at("mean");
    m.fewest_pieces = p.at("fewest");
    m.most_pieces = p.at("most");
    m.single = p.at("single");
    return row;
}

ExampleRow read_example(const Json& json) {
    ExampleRow row{.data_set = json.at("data-set"),
                   .architecture = json.at("architecture"),
                   .method = json.at("method"),
                   .number = json.at("number"),
                   .label = json.at("label"),
                   .predicted = json.at("predicted"),
                   .probability = json.at("probability"),
                   .pixels = from_hex(json.at("pixels"))};
    row.map.values = json.at("values").get<std::vector<double>>();
    row.map.pieces = json.at("pieces").get<std::vector<int32_t>>();
    for (const int32_t piece : row.map.pieces)
        if (piece < 0 || piece >= std::ssize(row.map.values)) wrong("pieces");
    return row;
}

}  // namespace

std::string to_json(const DataRow& row) {
    Json surveys = Json::array();
    for (const DataRow::Survey& one : row.surveys)
        surveys.push_back({{"segmentation", one.segmentation},
                           {"pictures", one.pictures},
                           {"single", one.single},
                           {"fewest", one.fewest},
                           {"most", one.most},
                           {"mean", number(one.mean)}});
    return Json{{"row", "data"},
                {"data-set", row.data_set},
                {"train", row.train},
                {"test", row.test},
                {"height", row.height},
                {"width", row.width},
                {"channels", row.channels},
                {"classes", row.classes},
                {"note", row.note},
                {"surveys", surveys}}
        .dump();
}

std::string to_json(const ResultRow& row, const Spec& spec) {
    const Measures& m = row.measures;
    return Json{{"row", "result"},
                {"data-set", row.data_set},
                {"architecture", row.architecture},
                {"iteration", row.iteration},
                {"fold", row.fold},
                {"epoch", row.epoch},
                {"method", row.method},
                {"accuracy", number(row.accuracy)},
                {"loss", number(row.loss)},
                {"mege-reco", consistency_json(m, spec)},
                {"interpretation",
                 {{"right-predictions", number(m.interpretation.right_predictions)},
                  {"right-interpretations", number(m.interpretation.right_interpretations)},
                  {"overlap-micro", number(m.interpretation.overlap_micro)},
                  {"overlap-macro", number(m.interpretation.overlap_macro)}}},
                {"attribution-error",
                 {{"mean-absolute", number(m.mean_absolute_error)},
                  {"largest-absolute", number(m.largest_absolute_error)}}},
                {"pieces",
                 {{"mean", number(m.mean_pieces)},
                  {"fewest", m.fewest_pieces},
                  {"most", m.most_pieces},
                  {"single", m.single}}}}
        .dump();
}

std::string to_json(const ExampleRow& row) {
    Json values = Json::array();
    for (const double value : row.map.values)
        values.push_back(std::strtod(fmt::format("{:.4g}", value).c_str(), nullptr));
    return Json{{"row", "example"},
                {"data-set", row.data_set},
                {"architecture", row.architecture},
                {"method", row.method},
                {"number", row.number},
                {"label", row.label},
                {"predicted", row.predicted},
                {"probability", number(row.probability)},
                {"pixels", to_hex(row.pixels)},
                {"values", values},
                {"pieces", row.map.pieces}}
        .dump();
}

std::string header(const Spec& spec, const std::vector<std::string>& data) {
    return Json{{"whence-experiment", 1},
                {"version", version()},
                {"fingerprint", fingerprint(spec)},
                {"data", data},
                {"spec", Json::parse(to_json(spec))}}
        .dump();
}

Study read_study(const std::string& header, const std::vector<std::string>& rows) {
    try {
        const Json first = Json::parse(header);
        if (first.at("whence-experiment").get<int64_t>() != 1) wrong("another form");
        Study study{.spec = read_spec(first.at("spec").dump(), "the ledger's study"),
                    .version = first.at("version"),
                    .fingerprint = first.at("fingerprint")};
        for (const std::string& text : rows) {
            const Json row = Json::parse(text);
            const std::string kind = row.at("row");
            if (kind == "data")
                study.data.push_back(read_data(row));
            else if (kind == "result")
                study.results.push_back(read_result(row, study.spec));
            else if (kind == "example")
                study.examples.push_back(read_example(row));
            else
                wrong("a row '" + printable(kind, 40) + "'");
        }
        return study;
    } catch (const Json::exception& error) {
        wrong(printable(error.what(), 200));
    }
}

}  // namespace whence::experiment

#include "whence/core/target.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/model.h"

namespace whence {
namespace {

struct ScaleRow {
    Scale scale;
    std::string_view name;
};
constexpr ScaleRow scales[] = {{Scale::automatic, "automatic"},
                               {Scale::raw, "raw"},
                               {Scale::logit, "logit"},
                               {Scale::probability, "probability"},
                               {Scale::log_probability, "log-probability"}};

std::optional<int64_t> parse_index(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::string listed(std::span<const std::string> labels) {
    std::string out;
    for (size_t i = 0; i < labels.size() && i < 10; ++i)
        out += (i ? ", " : "") + printable(labels[i], 40);
    return labels.size() > 10 ? out + ", ... (" + std::to_string(labels.size()) + ")" : out;
}

std::optional<int64_t> find_class(std::string_view text, std::span<const std::string> labels) {
    const auto found = std::ranges::find(labels, text);
    return found != labels.end() ? found - labels.begin() : parse_index(text);
}

// "top", a class, or the difference of two; false where it is none of these.
bool read_classes(std::string_view text, std::span<const std::string> labels, Target& target) {
    target.index = find_class(text, labels);
    if (target.index || text.empty() || text == "top") return true;
    // A dash may be part of a label: try every place where both sides are classes.
    for (size_t dash = text.find('-'); dash != std::string_view::npos; dash = text.find('-', dash + 1)) {
        target.index = find_class(text.substr(0, dash), labels);
        target.minus = find_class(text.substr(dash + 1), labels);
        if (target.index && target.minus) return true;
    }
    target.index = target.minus = std::nullopt;
    return false;
}

[[noreturn]] void no_class(std::string_view text, std::span<const std::string> labels) {
    throw Error(ErrorKind::usage,
                "no class '" + printable(text) + "'; give its number" +
                    (labels.empty() ? "" : " or one of: " + listed(labels)));
}

bool is_number(ElementType type) {
    return type == ElementType::float32 || type == ElementType::float64 ||
           type == ElementType::float16;
}

const TensorInfo& find_output(const Model& model, const std::string& name) {
    for (const TensorInfo& output : model.outputs())
        if (name.empty() ? is_number(output.type) : output.name == name) return output;
    std::string have;
    for (const TensorInfo& output : model.outputs())
        have += (have.empty() ? "" : ", ") + printable(output.name);
    if (name.empty())
        throw Error(ErrorKind::unsupported, "no output holds floating-point numbers: " + have);
    throw Error(ErrorKind::usage, "no output '" + printable(name) + "'; the model has: " + have);
}

// log(sum(exp(x))) without overflow.
double log_sum_exp(std::span<const double> scores) {
    const double top = *std::ranges::max_element(scores);
    if (!std::isfinite(top)) return top;
    double sum = 0;
    for (const double score : scores) sum += std::exp(score - top);
    return top + std::log(sum);
}

// log(1 / (1 + exp(-x))), exact at both ends.
double log_sigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }

Scale settle(Scale wanted, Scale preferred, Scale output, int64_t classes) {
    Scale scale = wanted == Scale::automatic ? preferred : wanted;
    if (scale == Scale::automatic) scale = Scale::raw;
    // One number per row that is no probability is a regression: it has no other scale.
    if (classes == 1 && output == Scale::raw) {
        if (wanted != Scale::automatic && wanted != Scale::raw)
            throw Error(ErrorKind::usage, "the output is one number, not classes: it has no " +
                                              std::string(name(wanted)));
        return Scale::raw;
    }
    // Scores of unknown kind over several classes are logits: the convention of every exporter.
    if (scale == Scale::logit && output == Scale::raw) return Scale::raw;
    return scale == output ? Scale::raw : scale;
}

}  // namespace

std::string_view name(Scale scale) {
    return std::ranges::find(scales, scale, &ScaleRow::scale)->name;
}

Scale parse_scale(std::string_view text) {
    for (const ScaleRow& row : scales)
        if (row.name == text) return row.scale;
    throw Error(ErrorKind::usage, "no scale '" + printable(text) +
                                      "'; choose raw, logit, probability or log-probability");
}

Target Target::parse(std::string_view text, std::span<const std::string> labels) {
    Target target;
    if (read_classes(text, labels, target)) return target;
    // A colon may be part of a label or of an output's name: try every place, the last one first.
    for (size_t colon = text.rfind(':'); colon != std::string_view::npos;
         colon = colon == 0 ? std::string_view::npos : text.rfind(':', colon - 1)) {
        target.output = text.substr(0, colon);
        if (read_classes(text.substr(colon + 1), labels, target)) return target;
    }
    const size_t colon = text.rfind(':');
    no_class(colon == std::string_view::npos ? text : text.substr(colon + 1), labels);
}

ResolvedTarget resolve(const Target& target, const Model& model, const Batch& input,
                       Scale preferred, const Run& run) {
    const TensorInfo& output = find_output(model, target.output);
    ResolvedTarget resolved{.output = output.name, .minus = target.minus, .output_scale = output.scale};
    int64_t known = 1;
    for (size_t d = 1; d < output.shape.size(); ++d)
        known = output.shape[d] < 0 || known < 0 ? -1 : known * output.shape[d];
    if (target.index && known >= 0) {
        resolved.index = *target.index;
        resolved.classes = known;
    } else {
        const Batch outputs = model.predict(input, run);
        const std::vector<double> scores = outputs.at(output.name).to_doubles();
        resolved.classes = static_cast<int64_t>(scores.size()) / std::max<int64_t>(1, outputs.rows());
        resolved.index = target.index.value_or(
            std::max_element(scores.begin(), scores.begin() + resolved.classes) - scores.begin());
    }
    for (const int64_t index : {resolved.index, resolved.minus.value_or(0)})
        if (index < 0 || index >= resolved.classes)
            throw Error(ErrorKind::usage, "class " + std::to_string(index) + " does not exist: output '" +
                                              printable(output.name) + "' has " +
                                              std::to_string(resolved.classes) +
                                              " (numbered from 0)");
    resolved.scale = settle(target.scale, preferred, output.scale, resolved.classes);
    if (resolved.scale == Scale::raw) resolved.scale = output.scale;
    return resolved;
}

std::vector<double> convert_scores(std::span<const double> scores, Scale from, Scale to) {
    std::vector<double> out(scores.begin(), scores.end());
    if (to == from || to == Scale::raw || to == Scale::automatic || out.empty()) return out;
    const bool single = scores.size() == 1;
    if (from == Scale::raw) from = Scale::logit;
    if (from == to) return out;
    // Everything goes through log-probabilities (for one class: of that class).
    if (from == Scale::logit) {
        const double norm = single ? 0 : log_sum_exp(scores);
        for (double& value : out) value = single ? log_sigmoid(value) : value - norm;
    } else if (from == Scale::probability) {
        for (double& value : out) value = std::log(value);
    }
    if (to == Scale::probability)
        for (double& value : out) value = std::exp(value);
    if (to == Scale::logit && single)
        for (double& value : out) value = value - std::log(-std::expm1(value));
    return out;
}

std::vector<double> target_values(const ResolvedTarget& target, const Batch& outputs) {
    const Tensor& scores = outputs.at(target.output);
    const std::vector<double> all = scores.to_doubles();
    const int64_t rows = scores.rows();
    if (scores.row_size() != target.classes)
        throw Error(ErrorKind::input, "output '" + printable(target.output) + "' has " +
                                          std::to_string(scores.row_size()) + " scores per row, not " +
                                          std::to_string(target.classes));
    std::vector<double> values(rows);
    for (int64_t row = 0; row < rows; ++row) {
        const std::span<const double> one(all.data() + row * target.classes,
                                          static_cast<size_t>(target.classes));
        if (target.scale == target.output_scale || target.scale == Scale::raw) {
            values[row] = one[target.index] - (target.minus ? one[*target.minus] : 0);
        } else {
            const std::vector<double> scaled = convert_scores(one, target.output_scale, target.scale);
            values[row] = scaled[target.index] - (target.minus ? scaled[*target.minus] : 0);
        }
    }
    return values;
}

GradientRequest request_for(const ResolvedTarget& target) {
    return {.output = target.output, .index = target.index, .minus = target.minus, .scale = target.scale};
}

}  // namespace whence

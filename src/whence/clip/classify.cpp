#include "whence/clip/classify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "whence/core/error.h"

namespace whence::clip {
namespace {

constexpr std::string_view place = "{}";

bool is_zero(std::span<const float> row) {
    return std::ranges::all_of(row, [](float value) { return value == 0; });
}

/// The mean of each label's embeddings [K * prompts, width], of length 1.
Tensor means(const Tensor& all, size_t prompts) {
    const auto width = static_cast<size_t>(all.row_size());
    const int64_t labels = all.rows() / static_cast<int64_t>(prompts);
    Tensor out(ElementType::float32, {labels, all.row_size()});
    const std::span<const float> from = all.as<float>();
    const std::span<float> to = out.as<float>();
    std::vector<double> mean(width);
    for (size_t k = 0; k < static_cast<size_t>(labels); ++k) {
        std::ranges::fill(mean, 0.0);
        for (size_t p = 0; p < prompts; ++p)
            for (size_t d = 0; d < width; ++d) mean[d] += from[(k * prompts + p) * width + d];
        const double length = std::sqrt(std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0));
        for (size_t d = 0; d < width && length > 0; ++d) to[k * width + d] = static_cast<float>(mean[d] / length);
    }
    return out;
}

void check_names(const std::vector<std::string>& names) {
    if (names.empty()) throw Error(ErrorKind::usage, "no labels were given");
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    const auto twice = std::ranges::adjacent_find(sorted);
    if (twice != sorted.end())
        throw Error(ErrorKind::usage, "label '" + printable(*twice) + "' was given twice");
    if (sorted.front().empty()) throw Error(ErrorKind::usage, "a label is empty");
}

}  // namespace

std::string prompted(std::string_view label, std::string_view prompt) {
    const size_t at = prompt.find(place);
    if (at == std::string_view::npos)
        throw Error(ErrorKind::usage,
                    "prompt '" + printable(prompt) + "' has no {}, where the label goes");
    return std::string(prompt.substr(0, at)) + std::string(label) + std::string(prompt.substr(at + place.size()));
}

Labels embed_labels(const Pair& pair, std::vector<std::string> names, std::vector<std::string> prompts,
                    const Run& run) {
    check_names(names);
    if (prompts.empty()) throw Error(ErrorKind::usage, "no prompt was given; {} alone is the label as it stands");
    std::vector<std::string> texts;
    for (const std::string& label : names)
        for (const std::string& prompt : prompts) texts.push_back(prompted(label, prompt));
    const TextEmbeddings embedded = pair.embed_texts(texts, run);
    Labels out{.names = std::move(names), .prompts = std::move(prompts)};
    out.embeddings = out.prompts.size() == 1 ? embedded.values : means(embedded.values, out.prompts.size());
    for (const size_t cut : embedded.cut) out.cut.push_back(texts[cut]);
    return out;
}

std::string_view name(Measure measure) {
    switch (measure) {
        case Measure::confidence: return "confidence";
        case Measure::presence: return "presence";
        case Measure::cosine: break;
    }
    return "cosine";
}

Measure parse_measure(std::string_view text) {
    for (const Measure measure : {Measure::confidence, Measure::presence, Measure::cosine})
        if (text == name(measure)) return measure;
    throw Error(ErrorKind::usage,
                "no measure '" + printable(text, 40) + "'; choose confidence, presence or cosine");
}

Judge::Judge(const Pair& pair, Labels labels, Options options, const Run& run)
    : pair_(pair), labels_(std::move(labels)), options_(std::move(options)) {
    if (options_.measure == Measure::presence && pair.activation() == Activation::softmax)
        nothing_ = pair.embed_texts({&options_.nothing, 1}, run).values;
}

std::vector<double> Judge::measure(const Tensor& pictures) const {
    const size_t columns = labels_.names.size();
    std::vector<double> out = logits_of(pair_, pictures, labels_.embeddings);
    if (options_.measure == Measure::cosine) {
        for (double& value : out) value = (value - pair_.logit_bias()) / pair_.logit_scale();
    } else if (options_.measure == Measure::confidence || pair_.activation() == Activation::sigmoid) {
        out = confidences_of(pair_.activation(), std::move(out), columns);
    } else {
        const std::vector<double> nothing = logits_of(pair_, pictures, nothing_);
        for (size_t i = 0; i < out.size(); ++i) out[i] -= nothing[i / columns];
        out = confidences_of(Activation::sigmoid, std::move(out), columns);
    }
    const std::span<const float> rows = pictures.as<float>();
    const auto width = static_cast<size_t>(pair_.width());
    for (size_t row = 0; row * width < rows.size(); ++row)
        if (is_zero(rows.subspan(row * width, width)))
            std::fill_n(out.begin() + static_cast<int64_t>(row * columns), columns,
                        std::numeric_limits<double>::quiet_NaN());
    return out;
}

std::vector<Found> above(std::span<const double> measures, size_t labels, double threshold) {
    std::vector<Found> out;
    for (size_t at = 0; labels > 0 && at + labels <= measures.size(); at += labels) {
        const std::span<const double> row = measures.subspan(at, labels);
        Found found{.readable = !std::isnan(row[0])};
        for (size_t k = 0; k < labels; ++k)
            if (row[k] >= threshold) found.labels.push_back(k);
        std::ranges::stable_sort(found.labels, [&](size_t a, size_t b) { return row[a] > row[b]; });
        out.push_back(std::move(found));
    }
    return out;
}

}  // namespace whence::clip

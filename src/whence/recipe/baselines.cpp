#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/error.h"
#include "whence/data/image.h"
#include "whence/data/npy.h"
#include "whence/recipe/recipe.h"

namespace whence::recipe {
namespace {

// Column means; of categories the most frequent; missing values are left out.
Tensor column_means(const data::Table& table) {
    std::vector<double> means;
    for (size_t c = 0; c < table.columns.size(); ++c) {
        double sum = 0;
        int64_t count = 0;
        std::map<double, int64_t> frequency;
        for (const double value : table.columns[c]) {
            if (std::isnan(value)) continue;
            sum += value;
            ++count;
            if (table.schema[c].categorical()) ++frequency[value];
        }
        if (count == 0)
            throw Error(ErrorKind::input, "column '" + printable(table.schema[c].name) +
                                              "' of the background is empty");
        means.push_back(
            table.schema[c].categorical()
                ? std::ranges::max_element(frequency, {}, [](const auto& e) { return e.second; })
                      ->first
                : sum / static_cast<double>(count));
    }
    return Tensor::of<double>({1, static_cast<int64_t>(means.size())}, means);
}

// Pixels that the model reads as zero: the mean of its normalisation, in the picture's channel
// order.
Tensor model_zeros(const Subject& subject, const Tensor& input) {
    Tensor out(input.type(), input.shape());
    if (subject.kind() != data::InputKind::image) return out;
    const data::ImagePreprocessing& image = subject.preprocessing().image;
    const int64_t channels = input.shape().back();
    std::vector<double> values(input.size());
    for (int64_t i = 0; i < input.size(); ++i) {
        int64_t channel = i % channels;
        if (image.channels == data::ChannelOrder::bgr) channel = channels - 1 - channel;
        const double mean =
            image.mean.empty() ? 0 : image.mean[image.mean.size() == 1 ? 0 : channel];
        values[i] = mean / image.scale;
    }
    return Tensor::of<double>(input.shape(), values).cast(input.type());
}

bool names_a_file(std::string_view text) {
    return std::ranges::any_of(
        std::vector<std::string_view>{".npy", ".npz", ".png", ".jpg", ".jpeg", ".csv"},
        [&](std::string_view ending) { return text.ends_with(ending); });
}

}  // namespace

Baseline baseline_for(std::string_view text, const Subject& subject, const Input& input) {
    if (text.starts_with(features_prefix)) {
        const std::string_view given = text.substr(features_prefix.size());
        if (!given.ends_with(".npy")) return parse_baseline(given);
        return baseline::Data{data::read_npy(std::filesystem::path(given)), std::string(text)};
    }
    const data::Table* background = input.is_table() ? subject.background() : nullptr;
    if (text.empty()) text = background ? "mean" : "zeros";
    if (text == "mean" && input.is_table()) {
        if (!background)
            throw Error(ErrorKind::usage,
                        "baseline 'mean' of a table needs --background TRAIN.csv");
        return baseline::Data{column_means(*background), "mean"};
    }
    if (text == "model-zeros") {
        const Tensor& like = input.batch.empty() ? *input.row : input.batch[0].value;
        return baseline::Data{model_zeros(subject, like), "model-zeros"};
    }
    if (names_a_file(text)) {
        const Input other = read_input(subject, std::filesystem::path(text));
        return baseline::Data{other.is_table() ? *other.row : other.batch[0].value,
                              std::string(text)};
    }
    return parse_baseline(text);
}

}  // namespace whence::recipe

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "whence/core/error.h"
#include "whence/data/image.h"
#include "whence/data/npy.h"
#include "whence/recipe/recipe.h"
#include "whence/recipe/text.h"

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

constexpr int64_t most_rows_of_a_set = 1000;

std::vector<Input> read_set(const Subject& subject, const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) return read_inputs(subject, path);
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path))
        if (entry.is_regular_file() && names_a_file(entry.path().string()))
            files.push_back(entry.path());
    std::ranges::sort(files);
    if (files.size() > most_rows_of_a_set) files.resize(most_rows_of_a_set);
    std::vector<Input> inputs;
    for (const auto& file : files) inputs.push_back(read_input(subject, file));
    return inputs;
}

// All rows of a folder or file, as the model reads them: [R, ...].
Tensor set_rows(const Subject& subject, const std::string& path) {
    std::vector<Tensor> rows;
    for (const Input& input : read_set(subject, path)) {
        rows.push_back(input.is_table() ? *input.row : input.batch[0].value);
        if (static_cast<int64_t>(rows.size()) == most_rows_of_a_set) break;
    }
    if (rows.empty())
        throw Error(ErrorKind::input, printable(path, 400) + ": holds no inputs to compare with");
    std::vector<double> all;
    for (const Tensor& row : rows) {
        if (row.shape() != rows[0].shape())
            throw Error(ErrorKind::input, printable(path, 400) + ": its inputs differ in shape, " +
                                              to_string(rows[0].shape()) + " and " +
                                              to_string(row.shape()));
        const std::vector<double> values = row.to_doubles();
        all.insert(all.end(), values.begin(), values.end());
    }
    Shape shape = rows[0].shape();
    shape[0] = static_cast<int64_t>(rows.size());
    return Tensor::of<double>(shape, all).cast(rows[0].type());
}

Tensor mean_of(const Tensor& rows) {
    const std::vector<double> all = rows.to_doubles();
    const auto size = static_cast<size_t>(rows.row_size());
    std::vector<double> mean(size);
    for (size_t i = 0; i < all.size(); ++i)
        mean[i % size] += all[i] / static_cast<double>(rows.rows());
    Shape shape = rows.shape();
    shape[0] = 1;
    return Tensor::of<double>(shape, mean);
}

// "set:PATH", "set:PATH:K".
Baseline from_set(const Subject& subject, const std::string& text) {
    const std::string rest = text.substr(4);
    const size_t colon = rest.rfind(':');
    int64_t row = -1;
    if (colon != std::string::npos) {
        const char* end = rest.data() + rest.size();
        const auto [stop, error] = std::from_chars(rest.data() + colon + 1, end, row);
        if (error != std::errc() || stop != end || row < 0) row = -1;
    }
    const Tensor rows = set_rows(subject, row < 0 ? rest : rest.substr(0, colon));
    if (row < 0) return baseline::Data{rows, text};
    if (row >= rows.rows())
        throw Error(ErrorKind::usage, "baseline '" + printable(text) + "': there are " +
                                          std::to_string(rows.rows()) + " rows, numbered from 0");
    return baseline::Data{rows.slice_rows(row, 1), text};
}

}  // namespace

Baseline baseline_for(std::string_view text, const Subject& subject, const Input& input) {
    if (text.starts_with(features_prefix)) {
        const std::string_view given = text.substr(features_prefix.size());
        if (!given.ends_with(".npy")) return parse_baseline(given);
        return baseline::Data{data::read_npy(std::filesystem::path(given)), std::string(text)};
    }
    // A baseline of a text is a text of the same length that says nothing.
    if (input.text && input.text->tokens.size() > 0 && (text.empty() || text == "padding"))
        return baseline::Data{padded_tokens(subject, input), "padding"};
    const data::Table* background = input.is_table() ? subject.background() : nullptr;
    if (text.empty()) text = background ? "mean" : "zeros";
    if (text == "mean" && input.is_table()) {
        if (!background)
            throw Error(ErrorKind::usage,
                        "baseline 'mean' of a table needs --background TRAIN.csv");
        return baseline::Data{column_means(*background), "mean"};
    }
    if (text == "background") {
        if (!background)
            throw Error(ErrorKind::usage, "baseline 'background' needs --background TRAIN.csv");
        return baseline::Data{*subject.background_matrix(), "background"};
    }
    if (text.starts_with("set:")) return from_set(subject, std::string(text));
    if (text.starts_with("mean:"))
        return baseline::Data{mean_of(set_rows(subject, std::string(text.substr(5)))), std::string(text)};
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

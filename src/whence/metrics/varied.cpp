#include "whence/metrics/varied.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"

namespace whence::metrics {

Tensor& varied(Batch& batch, const std::string& input_name) {
    const Tensor* wanted = &batch.at(input_name);
    Tensor& tensor = std::ranges::find_if(batch.tensors(), [&](const NamedTensor& t) {
                         return &t.value == wanted;
                     })->value;
    if (tensor.type() != ElementType::float32 && tensor.type() != ElementType::float64)
        throw Error(ErrorKind::unsupported,
                    fmt::format("input '{}' holds {}: only numbers with a fraction have neighbours",
                                printable(input_name), name(tensor.type())));
    return tensor;
}

void write_row(std::span<const double> values, Tensor& to, int64_t row) {
    const int64_t first = row * to.row_size();
    if (to.type() == ElementType::float32)
        std::ranges::transform(values, to.as<float>().begin() + first,
                               [](double value) { return static_cast<float>(value); });
    else
        std::ranges::copy(values, to.as<double>().begin() + first);
}

std::vector<std::vector<double>> rows_of(const Tensor& tensor) {
    const std::vector<double> all = tensor.to_doubles();
    const int64_t width = tensor.row_size();
    std::vector<std::vector<double>> rows;
    for (int64_t r = 0; r < tensor.rows(); ++r)
        rows.emplace_back(all.begin() + r * width, all.begin() + (r + 1) * width);
    return rows;
}

Batch joined(const std::vector<Batch>& parts) {
    if (parts.size() == 1) return parts[0];
    Batch all;
    for (size_t t = 0; t < parts[0].size(); ++t) {
        int64_t rows = 0;
        for (const Batch& part : parts) rows += part.rows();
        Shape shape = parts[0][t].value.shape();
        shape[0] = rows;
        const Tensor& first = parts[0][t].value;
        Tensor tensor(first.type(), shape);
        int64_t at = 0;
        for (const Batch& part : parts) {
            const Tensor& from = part[t].value;
            if (from.type() == ElementType::string)
                std::ranges::copy(from.as<std::string>(), tensor.as<std::string>().begin() + at);
            else
                std::copy_n(from.data(), from.bytes(),
                            tensor.data() + at * static_cast<int64_t>(element_size(from.type())));
            at += from.size();
        }
        all.add(parts[0][t].name, std::move(tensor));
    }
    return all;
}

int64_t predicted_class(std::span<const double> scores, Scale scale) {
    if (scores.size() != 1) return std::ranges::max_element(scores) - scores.begin();
    if (scale == Scale::raw) return -1;
    return convert_scores(scores, scale, Scale::logit)[0] > 0;
}

}  // namespace whence::metrics

#include "whence/training/training.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/graph/io.h"
#include "whence/training/network.h"
#include "whence/training/step.h"

namespace whence::training {
namespace {

constexpr uint32_t order_stream = 0x0D31;

constexpr std::pair<Architecture, std::string_view> architectures[] = {{Architecture::dense, "dense"},
                                                                       {Architecture::cnn, "cnn"}};

void check_rows(const data::LabelledImages& images, std::span<const int64_t> rows) {
    if (rows.empty()) throw Error(ErrorKind::usage, "no pictures were chosen");
    const auto classes = static_cast<int64_t>(images.classes.size());
    for (const int64_t row : rows) {
        if (row < 0 || row >= images.count())
            throw Error(ErrorKind::usage, fmt::format("no picture {} in a set of {}", row, images.count()));
        if (images.labels[row] < 0 || images.labels[row] >= classes)
            throw Error(ErrorKind::input, fmt::format("picture {} has label {}, and there are {} classes", row,
                                                      images.labels[row], classes));
    }
}

// The rows in the order in which this epoch meets them.
std::vector<int64_t> order_of(std::span<const int64_t> rows, uint64_t seed, int64_t epoch) {
    std::vector<int32_t> places(rows.size());
    for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int32_t>(i);
    Rng(seed, order_stream, static_cast<uint64_t>(epoch)).shuffle(places);
    std::vector<int64_t> order;
    order.reserve(rows.size());
    for (const int32_t place : places) order.push_back(rows[place]);
    return order;
}

}  // namespace

std::string_view name(Architecture architecture) {
    return std::ranges::find(architectures, architecture, &std::pair<Architecture, std::string_view>::first)->second;
}

Architecture architecture_of(std::string_view name) {
    for (const auto& [architecture, known] : architectures)
        if (known == name) return architecture;
    throw Error(ErrorKind::usage, "no architecture '" + printable(name) + "'; there are dense and cnn");
}

std::string ModelState::onnx() const { return graph::serialize(graph_); }

OnnxModel ModelState::model(const OnnxModelOptions& options) const {
    const std::string bytes = onnx();
    return OnnxModel::parse(std::as_bytes(std::span(bytes)), {}, options);
}

ModelState initial(const data::LabelledImages& images, const Options& options, uint64_t seed) {
    return ModelState(network(images, options, seed));
}

ModelState train(const data::LabelledImages& images, std::span<const int64_t> rows, const Options& options, const Run& run,
                 const OnEpoch& on_epoch) {
    Trainee trainee(network(images, options, run.seed), options, run);
    check_rows(images, rows);
    const auto count = static_cast<int64_t>(rows.size()), total = count * options.epochs;
    for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
        const std::vector<int64_t> order = order_of(rows, run.seed, epoch);
        double loss = 0;
        for (int64_t first = 0; first < count; first += options.batch) {
            const int64_t pictures = std::min(options.batch, count - first);
            loss += trainee.step(images, std::span(order).subspan(first, pictures), run);
            run.report("training", (epoch - 1) * count + first + pictures, total);
        }
        if (on_epoch) on_epoch({.number = epoch, .loss = loss / static_cast<double>(count), .state = ModelState(trainee.network())});
    }
    return ModelState(trainee.network());
}

double accuracy(const Model& model, const data::LabelledImages& images, std::span<const int64_t> rows, const Run& run) {
    check_rows(images, rows);
    const int64_t at_once = model.preferred_batch();
    int64_t right = 0;
    for (size_t first = 0; first < rows.size(); first += at_once) {
        const auto numbers = rows.subspan(first, std::min<size_t>(at_once, rows.size() - first));
        Batch batch;
        batch.add(model.inputs()[0].name, images.rows(numbers));
        const Tensor scores = model.predict(batch, run)[0].value.cast(ElementType::float32);
        if (scores.rows() != static_cast<int64_t>(numbers.size()) || scores.row_size() < 1)
            throw Error(ErrorKind::input, fmt::format("the model's first output has shape {} for {} pictures: these are no scores",
                                                      to_string(scores.shape()), numbers.size()));
        for (size_t i = 0; i < numbers.size(); ++i) {
            const auto row = scores.as<float>().subspan(i * scores.row_size(), scores.row_size());
            right += std::ranges::max_element(row) - row.begin() == images.labels[numbers[i]];
        }
    }
    return static_cast<double>(right) / static_cast<double>(rows.size());
}

}  // namespace whence::training

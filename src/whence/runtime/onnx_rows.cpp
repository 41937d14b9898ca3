// How rows run: in which parts, on how many threads, through which sessions.

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "whence/core/error.h"
#include "whence/runtime/environment.h"
#include "whence/runtime/onnx_state.h"
#include "whence/runtime/parts.h"

namespace whence {
namespace {

Tensor class_number(int64_t index) { return Tensor::of<int64_t>({1}, std::vector<int64_t>{index}); }

}  // namespace

int64_t OnnxModel::State::row_elements() const {
    constexpr int64_t too_many = int64_t{1} << 30;
    int64_t elements = 1;
    for (const TensorInfo& input : inputs) {
        int64_t size = 1;  // lengths come from the file: no more than what is too much anyway
        for (size_t d = 1; d < input.shape.size(); ++d)
            size = std::min(size, too_many) * std::clamp<int64_t>(input.shape[d], 1, too_many);
        elements = std::min(elements + size, too_many);
    }
    return elements;
}

// Rows per part: one photograph, or as many small pictures as stay in a core's cache with their layers.
int64_t OnnxModel::State::part_rows() const {
    const int64_t fit = (int64_t{1} << 17) / row_elements();
    return std::clamp<int64_t>(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(fit))), 1, 16);
}

std::vector<int64_t> OnnxModel::State::parts(int64_t rows) const {
    if (fixed_batch > 0) {
        if (rows % fixed_batch != 0)
            throw Error(ErrorKind::input, fmt::format("this model reads {} rows at a time; {} were given", fixed_batch, rows));
        return std::vector<int64_t>(rows / fixed_batch, fixed_batch);
    }
    return convolutional ? runtime::whole_parts_and_singles(rows, part_rows()) : std::vector<int64_t>{rows};
}

int OnnxModel::State::part_threads(const Run& run) const {
    const int own = threads > 0 ? threads : runtime_threads();
    return run.threads > 0 ? std::min(own, run.threads) : own;
}

std::vector<Tensor> OnnxModel::State::run_request(const Batch& batch, const GradientRequest& request,
                                                  const std::vector<Tensor>& directions, const Run& run) {
    std::vector<Tensor> converted, converted_references;
    std::vector<const Tensor*> tensors = checked(batch, converted);
    const std::vector<int64_t> sizes = parts(batch.rows());
    check_classes(request);
    Batch repeated;
    if (request.rules == Rules::deep_lift)
        for (const Tensor* reference : references(request, tensors, converted_references, repeated)) tensors.push_back(reference);
    const auto with_rows = static_cast<int64_t>(tensors.size());
    for (const Tensor& direction : directions) tensors.push_back(&direction);
    const Tensor index = class_number(request.index.value_or(0)), minus = class_number(request.minus.value_or(0));
    const bool fixed = convolutional && fixed_batch == 0, alone = sizes.size() > 1;
    const auto session_of = [&](State& state, int64_t rows) {
        return state.gradient_session(request, fixed ? rows : 0, alone, !directions.empty(), run);
    };
    State& at_place = place(batch.rows(), request.rules, key_of(request, !directions.empty()), [&](State& state) { (void)session_of(state, sizes[0]); });
    const auto run_part = [&](std::vector<const Tensor*> part, int64_t rows) {
        // Classes stand between what has rows and the directions.
        auto at = part.begin() + with_rows;
        if (request.index) at = part.insert(at, &index) + 1;
        if (request.minus) part.insert(at, &minus);
        return session_of(at_place, rows)->run(given_at(at_place, std::move(part)), run);
    };
    return runtime::run_parts(tensors, sizes, part_threads(run), run, run_part);
}

}  // namespace whence

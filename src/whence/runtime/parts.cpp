#include "whence/runtime/parts.h"

#include <algorithm>
#include <cstring>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::runtime {
namespace {

void copy_rows(const Tensor& part, Tensor& whole, int64_t first) {
    if (part.row_size() != whole.row_size() || part.type() != whole.type())
        throw Error(ErrorKind::model, "the model's outputs differ in shape from row to row");
    if (whole.type() == ElementType::string)
        std::ranges::copy(part.as<std::string>(), whole.as<std::string>().begin() + first * whole.row_size());
    else if (part.bytes() > 0)
        std::memcpy(whole.data() + first * whole.row_size() * element_size(whole.type()), part.data(), part.bytes());
}

std::vector<Tensor> joined(std::vector<std::vector<Tensor>> parts) {
    std::vector<Tensor> all;
    for (size_t output = 0; output < parts[0].size(); ++output) {
        int64_t rows = 0;
        for (const auto& part : parts) rows += part[output].rows();
        Shape shape = parts[0][output].shape();
        if (shape.empty()) shape = {1};
        shape[0] = rows;
        Tensor whole(parts[0][output].type(), shape);
        int64_t first = 0;
        for (const auto& part : parts) {
            copy_rows(part[output], whole, first);
            first += part[output].rows();
        }
        all.push_back(std::move(whole));
    }
    return all;
}

}  // namespace

std::vector<Tensor> run_parts(const std::vector<const Tensor*>& inputs, const std::vector<int64_t>& sizes,
                              int threads, const Run& run, const RunPart& run_part) {
    if (sizes.size() == 1) return run_part(inputs, sizes[0]);
    std::vector<int64_t> begins = {0};
    for (const int64_t size : sizes) begins.push_back(begins.back() + size);
    std::vector<std::vector<Tensor>> parts(sizes.size());
    Run spread = run;
    spread.threads = threads;
    parallel_for(spread, static_cast<int64_t>(sizes.size()), 1, [&](int64_t i, int64_t) {
        std::vector<Tensor> rows;
        for (const Tensor* input : inputs) rows.push_back(input->slice_rows(begins[i], sizes[i]));
        std::vector<const Tensor*> pointers;
        for (const Tensor& tensor : rows) pointers.push_back(&tensor);
        parts[i] = run_part(pointers, sizes[i]);
    });
    return joined(std::move(parts));
}

std::vector<int64_t> whole_parts_and_singles(int64_t rows, int64_t size) {
    std::vector<int64_t> sizes(rows / size, size);
    sizes.insert(sizes.end(), rows % size, 1);
    return sizes;
}

}  // namespace whence::runtime

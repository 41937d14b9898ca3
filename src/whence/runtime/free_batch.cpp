// Files exported for one row: their batch dimension is freed, and what comes of it verified.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/graph/passes/passes.h"
#include "whence/runtime/annotate.h"
#include "whence/runtime/onnx_state.h"

namespace whence {
namespace {

using graph::Graph;
using runtime::Session;

// Two rows together must give what each gives alone, up to the rounding of differently blocked sums.
constexpr double batch_tolerance = 1e-4;

std::vector<const Tensor*> pointers(const std::vector<Tensor>& tensors) {
    std::vector<const Tensor*> out;
    for (const Tensor& tensor : tensors) out.push_back(&tensor);
    return out;
}

bool close(const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape() || a.type() != b.type()) return false;
    if (!runtime::is_float(a.type())) return a == b;
    const std::vector<double> x = a.to_doubles(), y = b.to_doubles();
    double scale = 0;
    for (const double value : x) scale = std::max(scale, std::abs(value));
    for (size_t i = 0; i < x.size(); ++i)
        if (!(std::abs(x[i] - y[i]) <= batch_tolerance * scale) && !(std::isnan(x[i]) && std::isnan(y[i])))
            return false;
    return true;
}

// Rows are independent: two made-up rows run together and one by one agree.
bool rows_are_independent(const Graph& graph, const Session& session, const Run& run) {
    try {
        const std::vector<Tensor> both = runtime::made_up_inputs(graph, 2);
        const std::vector<Tensor> together = session.run(pointers(both), run);
        for (int64_t row = 0; row < 2; ++row) {
            std::vector<Tensor> one;
            for (const Tensor& input : both) one.push_back(input.slice_rows(row, 1));
            const std::vector<Tensor> alone = session.run(pointers(one), run);
            for (size_t i = 0; i < alone.size(); ++i)
                if (together[i].rows() != 2 || !close(together[i].slice_rows(row, 1), alone[i])) return false;
        }
        return true;
    } catch (const Error&) {
        run.check();
        return false;
    }
}

}  // namespace

// A file exported for one row is freed and tried; where that fails, rows run one by one.
void OnnxModel::State::free_batch() {
    const auto first = [](const graph::ValueInfo& input) {
        return input.shape && !input.shape->empty() ? (*input.shape)[0].length : -1;
    };
    if (graph.inputs.empty() || first(graph.inputs[0]) < 0) return;
    Graph freed = graph;
    if (graph::free_batch_dimension(freed)) {
        try {
            auto session = std::make_unique<Session>(freed, runtime::SessionOptions{.threads = threads});
            if (rows_are_independent(freed, *session, trial)) {
                graph = std::move(freed);
                forward = std::move(session);
                batch_note = "exported for one row; the batch dimension was freed and verified";
                return;
            }
        } catch (const Error&) {
            trial.check();
            // The freed graph does not even load: keep the original.
        }
    }
    fixed_batch = first(graph.inputs[0]);
    batch_note = fmt::format("exported for batches of {}; freeing the batch dimension failed, so rows run {} by {}",
                             fixed_batch, fixed_batch, fixed_batch);
}

}  // namespace whence

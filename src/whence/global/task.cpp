#include "whence/global/task.h"

#include <algorithm>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/global/questions.h"

namespace whence::global {

std::vector<double> Task::column(int64_t feature) const {
    std::vector<double> out(rows.rows());
    for (int64_t i = 0; i < rows.rows(); ++i) out[i] = row(i)[feature];
    return out;
}

void check(const Task& task) {
    const Tensor& rows = task.rows;
    if (rows.type() != ElementType::float64 || rows.rank() != 2 ||
        rows.shape()[1] != task.columns())
        throw Error(ErrorKind::input,
                    "the table must be float64 [rows, " + std::to_string(task.columns()) +
                        "], not " + std::string(name(rows.type())) + " " + to_string(rows.shape()));
    if (rows.size() == 0) throw Error(ErrorKind::input, "the table has no rows or no columns");
}

std::vector<double> ask(const Task& task, int64_t count, const FillRow& fill,
                        const Measure& measure, std::string_view what, const Run& run) {
    std::vector<double> out;
    out.reserve(count);
    const int64_t columns = task.columns();
    const int64_t per_batch = std::min(count, std::max<int64_t>(1, task.model.preferred_batch()));
    Tensor rows(ElementType::float64, {per_batch, columns});
    for (int64_t first = 0; first < count; first += per_batch) {
        run.check();
        const int64_t now = std::min(per_batch, count - first);
        if (now < per_batch) rows = Tensor(ElementType::float64, {now, columns});
        for (int64_t i = 0; i < now; ++i)
            fill(first + i, rows.as<double>().subspan(i * columns, columns));
        Batch batch;
        batch.add(task.model.inputs()[0].name, std::move(rows));
        const std::vector<double> part = measure(task.model.predict(batch, run), first);
        rows = std::move(batch[0].value);
        out.insert(out.end(), part.begin(), part.end());
        run.report(what, first + now, count);
    }
    return out;
}

std::vector<double> ask(const Task& task, int64_t count, const FillRow& fill, std::string_view what,
                        const Run& run) {
    return ask(
        task, count, fill,
        [&](const Batch& outputs, int64_t) { return target_values(task.target, outputs); }, what,
        run);
}

std::vector<double> predictions(const Task& task, const Run& run) {
    check(task);
    return ask(
        task, task.rows.rows(),
        [&](int64_t i, std::span<double> row) { std::ranges::copy(task.row(i), row.begin()); },
        "predictions", run);
}

std::vector<int64_t> sampled_rows(int64_t rows, int64_t count, const Run& run) {
    std::vector<int32_t> order(rows);
    std::iota(order.begin(), order.end(), 0);
    if (count < rows) {
        constexpr uint32_t stream = 0x5a301;
        Rng(run.seed, stream, 0).shuffle(order);
        order.resize(count);
        std::ranges::sort(order);
    }
    return {order.begin(), order.end()};
}

}  // namespace whence::global

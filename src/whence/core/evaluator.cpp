#include "whence/core/evaluator.h"

#include <algorithm>

#include "whence/core/error.h"

namespace whence {

std::vector<double> Evaluator::scores(const Batch& inputs) {
    run_.check();
    std::vector<double> values = target_values(target_, model_.predict(inputs, run_));
    evaluations_ += inputs.rows();
    return values;
}

std::vector<double> Evaluator::scores(const Batch& input, int64_t count, const FillRows& fill,
                                      std::string_view what, const Seen& seen) {
    std::vector<double> values;
    values.reserve(count);
    const int64_t per_batch = std::min(count, std::max<int64_t>(1, model_.preferred_batch()));
    Batch batch = input.repeat_row(per_batch);
    for (int64_t first = 0; first < count; first += per_batch) {
        if (count - first < per_batch) batch = input.repeat_row(count - first);
        fill(first, batch);
        try {
            const std::vector<double> part = scores(batch);
            values.insert(values.end(), part.begin(), part.end());
        } catch (const OutOfReach& why) {
            throw OutOfReach(why, std::move(values));
        }
        run_.report(what, first + batch.rows(), count);
        if (seen) seen(values);
    }
    return values;
}

}  // namespace whence

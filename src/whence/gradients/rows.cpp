#include "whence/gradients/rows.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"

namespace whence::gradients {

std::vector<std::vector<double>> gradients_of_rows(const DifferentiableModel& model,
                                                   const ResolvedTarget& target,
                                                   const std::string& input, const Batch& rows,
                                                   const Run& run) {
    if (rows.rows() < 1) return {};
    const ExplainedInput explained = choose_input(model, rows.slice_rows(0, 1), input);
    GradientRequest request = request_for(target);
    request.gradients = {explained.name};
    const int64_t limit = std::max<int64_t>(1, model.preferred_batch());
    std::vector<std::vector<double>> all;
    for (int64_t first = 0; first < rows.rows(); first += limit) {
        run.check();
        const int64_t count = std::min(limit, rows.rows() - first);
        const GradientResult result = model.run(rows.slice_rows(first, count), request, run);
        const std::vector<double> values = result.gradients[0].to_doubles();
        for (const double value : values) check_model_number(value, "gradient");
        const int64_t width = result.gradients[0].row_size();
        for (int64_t row = 0; row < count; ++row)
            all.emplace_back(values.begin() + row * width, values.begin() + (row + 1) * width);
    }
    return all;
}

}  // namespace whence::gradients

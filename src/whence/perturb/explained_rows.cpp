#include "whence/perturb/explained_rows.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/version.h"

namespace whence::perturb {

const NamedTensor& explained_tensor(const Batch& input) {
    if (input.rows() != 1)
        throw Error(ErrorKind::input,
                    "one row is explained at a time, not " + std::to_string(input.rows()));
    for (const NamedTensor& tensor : input.tensors()) {
        const ElementType type = tensor.value.type();
        if (type != ElementType::float32 && type != ElementType::float64) continue;
        const std::vector<double> values = tensor.value.to_doubles();
        for (size_t i = 0; i < values.size(); ++i)
            if (!std::isfinite(values[i]))
                throw Error(ErrorKind::input, "input '" + printable(tensor.name) + "' holds " +
                                                  (std::isnan(values[i]) ? "NaN" : "infinity") +
                                                  " at position " + std::to_string(i));
        return tensor;
    }
    throw Error(ErrorKind::input, "no input of float32 or float64 numbers to explain");
}

std::vector<double> with_all_and_none(Evaluator& evaluator, const Batch& input,
                                      const Masker& masker) {
    Batch rows = input.repeat_row(2);
    std::vector<uint8_t> present(2 * masker.players(), 0);
    std::fill_n(present.begin(), masker.players(), uint8_t{1});
    masker.apply({present.data(), 2, masker.players()}, 0, rows, evaluator.run());
    return evaluator.scores(rows);
}

void note_held(Explanation& explanation, const Batch& input) {
    if (input.size() > 1)
        explanation.diagnostics.notes.push_back("only input '" +
                                                printable(explained_tensor(input).name) +
                                                "' is explained; the others are held constant");
}

void fill_common(Explanation& explanation, const char* method, const Batch& input, const Run& run) {
    explanation.provenance.method = method;
    explanation.provenance.seed = run.seed;
    explanation.provenance.version = version();
    note_held(explanation, input);
}

}  // namespace whence::perturb

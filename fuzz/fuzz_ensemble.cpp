// A tree ensemble that is read answers a row of any numbers with numbers, or the file is refused in
// one line.

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "require.h"
#include "whence/core/error.h"
#include "whence/trees/load.h"
#include "whence/trees/predict.h"

using namespace whence::trees;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    try {
        const Ensemble ensemble = parse_ensemble(std::as_bytes(std::span(bytes, size)));
        if (ensemble.features() > 4096 || ensemble.outputs() > 4096)
            return 0;  // slow, not interesting
        std::vector<double> row(static_cast<size_t>(ensemble.features()));
        const Predictor predictor(ensemble);
        for (const double value :
             {0.0, 1.0, -1e30, 3e38, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
            std::ranges::fill(row, value);
            const whence::MatrixView<const double> rows{row.data(), 1, ensemble.features()};
            std::vector<double> margins = predictor.margins(rows, {.threads = 1});
            require(static_cast<int64_t>(margins.size()) == ensemble.outputs());
            apply_link(ensemble.parts().link, ensemble.outputs(), margins);
        }
    } catch (const whence::Error& error) {
        require(std::string_view(error.what()).find('\n') == std::string_view::npos);
    }
    return 0;
}

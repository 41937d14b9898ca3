// Tree SHAP from C++, beside a peer that Python times in turn with it.
// Usage: tree_shap_library MODEL ROWS.f32 COUNT KIND PRECISION ISA THREADS BACKGROUND
// ROWS.f32: row-major float32, taken again in turn where
// COUNT is larger. KIND: values or interactions, or interventional or interventional-interactions
// (against the last BACKGROUND rows of the file). Prints the seconds of the compilation; then, for each line N of its input, the mean
// seconds of N calls, and for each line that is no number, writes the values to the file it names.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "whence/trees/load.h"
#include "whence/trees/shap/interactions.h"
#include "whence/trees/shap/interventional.h"
#include "whence/trees/shap/interventional_interactions.h"
#include "whence/trees/shap/tree_shap.h"

namespace {

using namespace whence;
using namespace whence::trees;

std::vector<float> read_rows(const std::string& path) {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    std::vector<float> data(static_cast<size_t>(in.tellg()) / sizeof(float));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(data.data()),
            static_cast<std::streamsize>(data.size() * sizeof(float)));
    return data;
}

template <class Call>
double seconds(Call call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Isa isa_named(const std::string& wanted) {
    for (const Isa isa : available_isas())
        if (name(isa) == wanted) return isa;
    return Isa::best;
}

/// The values of a kind, compiled once.
template <class Compiled>
struct Contestant {
    Compiled compiled;
    MatrixView<const float> rows;
    Run run;
    std::vector<double> values;

    void call() { values = compiled.values(rows, run).values; }

    void serve() {
        call();  // warm
        for (std::string line; std::getline(std::cin, line);) {
            if (const int calls = std::atoi(line.c_str()); calls > 0) {
                const auto several = [&] {
                    for (int i = 0; i < calls; ++i) call();
                };
                std::printf("%.9g\n", seconds(several) / calls);
            } else {
                std::ofstream out(line, std::ios::binary);
                out.write(reinterpret_cast<const char*>(values.data()),
                          static_cast<std::streamsize>(values.size() * sizeof(double)));
                out.close();
                std::printf("written\n");
            }
            std::fflush(stdout);
        }
    }
};

template <class Compile>
void serve(const Compile& compile, MatrixView<const float> rows, const Run& run) {
    std::printf("%.9g\n", seconds([&] { (void)compile(); }));
    std::fflush(stdout);
    Contestant<decltype(compile())>{compile(), rows, run, {}}.serve();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 9) return 2;
    const Ensemble ensemble = load_ensemble(argv[1]);
    const std::vector<float> table = read_rows(argv[2]);
    const int64_t features = ensemble.features(), count = std::atoll(argv[3]);
    std::vector<float> data(count * features);
    for (size_t i = 0; i < data.size(); ++i) data[i] = table[i % table.size()];
    const MatrixView<const float> rows{data.data(), count, features};
    const std::string kind = argv[4];
    const Precision precision =
        std::string(argv[5]) == "float64" ? Precision::float64 : Precision::float32;
    const Isa isa = isa_named(argv[6]);
    const Run run{.threads = std::atoi(argv[7])};
    const TreeShapOptions options{.precision = precision, .isa = isa};
    const int64_t background = std::atoll(argv[8]);
    const std::vector<double> last(table.end() - background * features, table.end());
    const MatrixView<const double> others{last.data(), background, features};
    if (kind == "interventional") {
        serve([&] { return InterventionalShap(ensemble, others, {}, options); }, rows, run);
    } else if (kind == "interventional-interactions") {
        serve(
            [&] {
                return InterventionalInteractions(ensemble, others, {},
                                                  {.precision = precision, .isa = isa});
            },
            rows, run);
    } else if (kind == "interactions") {
        serve([&] { return TreeInteractions(ensemble, {.precision = precision, .isa = isa}); },
              rows, run);
    } else {
        serve([&] { return TreeShap(ensemble, options); }, rows, run);
    }
}

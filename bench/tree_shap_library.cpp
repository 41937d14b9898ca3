// Tree SHAP from C++: seconds of one call, in rounds.
// Usage: tree_shap_library MODEL.dump ROWS.f32 COUNT KIND PRECISION ISA THREADS ROUNDS [VALUES.f64]
// MODEL.dump: text of bench/tree_shap.py. ROWS.f32: row-major float32, drawn from again in turn
// where COUNT is larger. Prints "compile SECONDS", then one line for each round; writes the values
// of the file's rows.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "whence/trees/shap/tree_shap.h"

namespace {

using namespace whence;
using namespace whence::trees;

Ensemble read_dump(const std::string& path) {
    std::ifstream in(path);
    EnsembleParts parts;
    size_t trees = 0;
    in >> parts.features >> parts.outputs >> trees;
    parts.base.resize(parts.outputs);
    for (double& base : parts.base) in >> base;
    parts.has_covers = true;
    parts.trees.resize(trees);
    for (Tree& tree : parts.trees) {
        size_t nodes = 0;
        in >> tree.output >> nodes;
        tree.nodes.resize(nodes);
        for (Node& node : tree.nodes) {
            double number = 0;
            int missing_left = 0;
            in >> node.feature >> node.left >> node.right >> number >> missing_left >> node.cover;
            if (!node.is_leaf()) {
                node.threshold = number;
                node.missing_left = missing_left != 0;
                continue;
            }
            node.leaf = static_cast<int32_t>(tree.values.size());
            tree.values.push_back(number);
        }
    }
    if (!in) {
        std::cerr << path << ": not a dump\n";
        std::exit(1);
    }
    return Ensemble::build(std::move(parts));
}

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

}  // namespace

int main(int argc, char** argv) {
    if (argc < 9) return 2;
    const Ensemble ensemble = read_dump(argv[1]);
    const std::vector<float> table = read_rows(argv[2]);
    const int64_t features = ensemble.features(), count = std::atoll(argv[3]);
    std::vector<float> data(count * features);
    for (size_t i = 0; i < data.size(); ++i) data[i] = table[i % table.size()];
    const MatrixView<const float> rows{data.data(), count, features};
    const std::string kind = argv[4];
    const Precision precision =
        std::string(argv[5]) == "float64" ? Precision::float64 : Precision::float32;
    const Run run{.threads = std::atoi(argv[7])};

    std::vector<double> values;
    const TreeShapOptions options{.precision = precision, .isa = isa_named(argv[6])};
    std::printf("compile %.6g\n", seconds([&] { TreeShap{ensemble, options}; }));
    const TreeShap shap(ensemble, options);
    const auto call = [&] { values = shap.values(rows, run).values; };
    call();  // warm
    for (int round = 0; round < std::atoi(argv[8]); ++round) std::printf("%.9g\n", seconds(call));
    if (argc > 9) {
        std::ofstream out(argv[9], std::ios::binary);
        out.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof(double)));
    }
}

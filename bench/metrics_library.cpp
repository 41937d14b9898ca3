// Metrics of saliency maps of a small network, timed by bench/metrics.py.
//
// Usage: metrics_library MODEL.onnx PICTURES.npy MAPS.npy CLASSES.npy THREADS. Reads a name of a metric a line, scores all pictures,
// answers with the seconds it took and the mean score.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "whence/data/npy.h"
#include "whence/gradients/rows.h"
#include "whence/graph/randomise.h"
#include "whence/mask/masker.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/linear_imputer.h"
#include "whence/metrics/randomisation.h"
#include "whence/metrics/robustness.h"
#include "whence/metrics/subsets.h"
#include "whence/runtime/onnx_model.h"

namespace {

using namespace whence;
using metrics::Score;

struct Bench {
    OnnxModel model;
    Tensor pictures, maps;
    std::vector<int64_t> classes;
    Run run;

    [[nodiscard]] ResolvedTarget target(int64_t index) const {
        return {.output = model.outputs()[0].name, .index = index, .scale = Scale::raw, .output_scale = Scale::raw, .classes = 10};
    }
    [[nodiscard]] Batch picture(int64_t i) const {
        return Batch({{model.inputs()[0].name, pictures.slice_rows(i, 1)}});
    }

    // What a picture's players are, how they are removed, and what the map says of each.
    struct Judged {
        std::unique_ptr<const Masker> masker;
        std::vector<double> values;
    };
    [[nodiscard]] double asked(const metrics::Metric& metric,
                               Judged (*judged)(const std::string&, const Tensor&, std::vector<double>)) const {
        std::vector<Batch> inputs;
        std::vector<Judged> all;
        std::vector<metrics::Explained> explained;
        for (int64_t i = 0; i < pictures.rows(); ++i) {
            inputs.push_back(picture(i));
            all.push_back(judged(inputs.back()[0].name, inputs.back()[0].value, maps.slice_rows(i, 1).to_doubles()));
        }
        for (int64_t i = 0; i < pictures.rows(); ++i)
            explained.push_back({.input = &inputs[i],
                                 .target = target(classes[i]),
                                 .masker = all[i].masker.get(),
                                 .values = all[i].values});
        const metrics::Metric* one = &metric;
        const metrics::Scores scores = metrics::evaluate(model, std::move(explained), {&one, 1}, run);
        double sum = 0;
        for (const Score& score : scores.of[0]) sum += score.value;
        return sum / static_cast<double>(pictures.rows());
    }

    // Numbers as players, as Quantus has them.
    static Judged numbers(const std::string& input, const Tensor& picture, std::vector<double> map) {
        return {std::make_unique<LabelMasker>(input, picture, Tensor(ElementType::float32, picture.shape()),
                                              column_labels(picture.row_size())),
                std::move(map)};
    }
    // Pixels, with the largest value of their channels.
    static Judged imputed(const std::string& input, const Tensor& picture, std::vector<double> map) {
        const int64_t channels = picture.shape()[1], pixels = picture.row_size() / channels;
        for (int64_t p = 0; p < pixels; ++p)
            for (int64_t c = 1; c < channels; ++c) map[p] = std::max(map[p], map[c * pixels + p]);
        map.resize(pixels);
        return {std::make_unique<metrics::LinearImputer>(input, picture), std::move(map)};
    }

    [[nodiscard]] metrics::Explainer saliency(const DifferentiableModel& of, int64_t index) const {
        return [this, &of, index](const Batch& rows, const Run& with) {
            return gradients::gradients_of_rows(of, target(index), model.inputs()[0].name, rows, with);
        };
    }
    // Pictures of one class are explained together.
    template <class Metric>
    [[nodiscard]] double by_class(const Metric& metric) const {
        std::map<int64_t, std::vector<float>> groups;
        for (int64_t i = 0; i < pictures.rows(); ++i) {
            const auto row = pictures.as<float>().subspan(i * pictures.row_size(), pictures.row_size());
            groups[classes[i]].insert(groups[classes[i]].end(), row.begin(), row.end());
        }
        double sum = 0;
        for (const auto& [index, values] : groups) {
            const auto rows = static_cast<int64_t>(values.size()) / pictures.row_size();
            Shape shape = pictures.shape();
            shape[0] = rows;
            const Batch batch({{model.inputs()[0].name, Tensor::of<float>(shape, values)}});
            for (const Score& score : metric(index, batch)) sum += score.value;
        }
        return sum / static_cast<double>(pictures.rows());
    }

    [[nodiscard]] double max_sensitivity() const {
        return by_class([&](int64_t index, const Batch& batch) {
            return metrics::max_sensitivity(metrics::explain_neighbours(saliency(model, index), batch, model.inputs()[0].name,
                                                                        {.samples = 10, .size = 0.2}, {}, run));
        });
    }
    [[nodiscard]] double mprt() const {
        const graph::RandomisedWeights weights(model.graph(), run.seed);
        const metrics::Randomise randomise = [&](const std::vector<int64_t>& layers) {
            return model.with_constants(weights.with(layers));
        };
        return by_class([&](int64_t index, const Batch& batch) {
            const metrics::ExplainerOf explain = [&](const std::shared_ptr<const Model>& of) {
                return saliency(dynamic_cast<const DifferentiableModel&>(*of), index);
            };
            return metrics::mprt(saliency(model, index), explain, randomise, weights.layers(), batch, {}, run);
        });
    }
    [[nodiscard]] double score(const std::string& name) const {
        if (name == "pixel-flipping") return asked(metrics::PixelFlipping({.step = 16}), numbers);
        if (name == "infidelity") {
            const int64_t patches = pictures.shape()[2] / 4 * (pictures.shape()[3] / 4);
            return asked(metrics::Infidelity({.samples = 10 * patches}), numbers);
        }
        if (name == "road") {
            metrics::RoadOptions options{.fractions = {}};
            for (int percent = 1; percent < 100; percent += 2) options.fractions.push_back(percent / 100.0);
            return asked(metrics::Road(options), imputed);
        }
        if (name == "max-sensitivity") return max_sensitivity();
        if (name == "mprt") return mprt();
        std::exit(2);
    }
};

Tensor read(const char* path) {
    return data::read_arrays(path).at(0).value;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) return 2;
    const int threads = std::atoi(argv[5]);
    Bench bench{OnnxModel::load(argv[1], {.threads = threads}), read(argv[2]), read(argv[3]), {}, {}};
    for (const double index : read(argv[4]).to_doubles()) bench.classes.push_back(static_cast<int64_t>(index));
    bench.run.threads = threads;
    for (std::string name; std::getline(std::cin, name);) {
        const auto start = std::chrono::steady_clock::now();
        const double score = bench.score(name);
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        std::printf("%.6f %.6f\n", seconds.count(), score);
        std::fflush(stdout);
    }
}

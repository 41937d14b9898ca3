// One call of explain (saliency) on a small network, from C++: microseconds per call, in rounds.
// Usage: saliency_library MODEL.onnx ROUNDS. Prints one line per round: explain forward.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "whence/core/rng.h"
#include "whence/gradients/saliency.h"
#include "whence/runtime/onnx_model.h"

namespace {

constexpr int calls_per_round = 500;

template <class Call>
double microseconds_per_call(Call call) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls_per_round; ++i) call();
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    return time.count() / calls_per_round;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto model = whence::OnnxModel::load(argv[1], {.threads = 1});
    whence::Shape shape = model.inputs()[0].shape;
    shape[0] = 1;
    whence::Tensor input(whence::ElementType::float32, shape);
    whence::Rng rng(0, 0, 0);
    for (float& value : input.as<float>()) value = static_cast<float>(rng.uniform());
    const whence::Batch row(input);
    const whence::Run run;
    const whence::Saliency saliency(model);
    const auto explain = [&] { (void)saliency.explain(row, {}, run); };
    const auto predict = [&] { (void)model.predict(row, run); };
    microseconds_per_call(explain);  // warm
    for (int round = 0; round < std::atoi(argv[2]); ++round)
        std::printf("%.3f %.3f\n", microseconds_per_call(explain), microseconds_per_call(predict));
}

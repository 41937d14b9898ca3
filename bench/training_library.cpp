// Trainings side by side, from C++: wall seconds, then each one's test accuracy.
// Usage: training_library FOLDER ARCHITECTURE EPOCHS ROWS FIRST_SEED TRAININGS. Prints one line; reading the set is not timed.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "whence/training/training.h"

int main(int argc, char** argv) {
    using namespace whence;
    if (argc != 7) return 2;
    const data::ImageSet set = data::read_image_set(argv[1]);
    const training::Options options{.architecture = training::architecture_of(argv[2]), .epochs = std::atoi(argv[3])};
    std::vector<int64_t> rows(std::min<int64_t>(std::atoi(argv[4]), set.train.count())), test(set.test.count());
    std::iota(rows.begin(), rows.end(), 0);
    std::iota(test.begin(), test.end(), 0);
    const auto first_seed = std::strtoull(argv[5], nullptr, 10);
    std::vector<std::vector<training::ModelState>> states(std::atoi(argv[6]));
    const auto start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> side_by_side;
        for (size_t i = 0; i < states.size(); ++i)
            side_by_side.emplace_back(
                [&, i] { states[i].push_back(training::train(set.train, rows, options, {.seed = first_seed + i})); });
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%.4f", seconds.count());
    for (const auto& state : states) std::printf(" %.4f", training::accuracy(state[0].model({.threads = 1}), set.test, test, {}));
    std::printf("\n");
}

// Counterfactual queries over a store of embeddings, timed by bench/clip_counterfactual.py.
//
// Usage: clip_counterfactual_library EMBEDDINGS.f32 WIDTH STORE THREADS. Puts the embeddings into the store where it is not there
// yet, and says "stored SECONDS SIZE IN_GRAPH". Then reads questions, a line each,
//     raise|lower GOAL COUNT LIMIT SCALE WANTED TEXTS.f32 ORIGINAL.f32
// and answers "SECONDS SECONDS_OF_THE_INDEX SECONDS_OF_PROCESSORS QUESTIONS SCORED COMPLETE ID...", ids of what reaches the goal,
// counted from 0.

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "whence/clip/collection.h"
#include "whence/core/error.h"
#include "whence/store/writer.h"

namespace {

using namespace whence;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<float> read_floats(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::vector<float> values(static_cast<size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    if (!file) throw Error(ErrorKind::io, path + " could not be read");
    return values;
}

// In blocks: the file may be larger than what is to be held in memory.
void fill(const std::string& path, int64_t width, const std::string& folder, const Run& run) {
    store::Writer writer(folder, {.fingerprint = "bench", .model = "bench", .width = width});
    std::ifstream file(path, std::ios::binary);
    constexpr int64_t block = 50'000;
    std::vector<float> rows(static_cast<size_t>(block * width));
    for (int64_t first = 0;; first += block) {
        file.read(reinterpret_cast<char*>(rows.data()), static_cast<std::streamsize>(rows.size() * sizeof(float)));
        const int64_t count = file.gcount() / (width * static_cast<int64_t>(sizeof(float)));
        if (count == 0) break;
        std::vector<store::Entry> entries(static_cast<size_t>(count));
        for (int64_t i = 0; i < count; ++i) entries[static_cast<size_t>(i)].path = std::to_string(first + i);
        writer.put(store::Kind::image, entries, std::span(rows).first(static_cast<size_t>(count * width)), run);
    }
    writer.finish(run);
}

struct Question {
    std::string aim, texts, original;
    double goal = 0, scale = 0;
    int64_t count = 0, limit = 0, wanted = 0;
};

void answer(store::Store& store, const Question& question, int64_t width, const Run& run) {
    const std::vector<float> anchors = read_floats(question.texts), from = read_floats(question.original);
    const Tensor matrix = Tensor::of<float>({std::ssize(anchors) / width, width}, anchors);
    const double start = now();
    const std::clock_t busy = std::clock();
    double index = 0;
    clip::EmbeddingCounterfactuals found;
    store.view(store::Kind::image, [&](const store::View& view) {
        const auto confidence = clip::Confidence::softmax(matrix, question.wanted, question.scale);
        clip::Collection collection = clip::collection_of(view, run);
        const auto nearest = collection.nearest;
        collection.nearest = [&](std::span<const float> query, int64_t k) {
            const double before = now();
            auto answers = nearest(query, k);
            index += now() - before;
            return answers;
        };
        found = clip::find_counterfactuals(confidence, std::vector<double>(from.begin(), from.end()), question.goal,
                                           question.aim == "raise" ? clip::Aim::raise : clip::Aim::lower, collection,
                                           {.count = question.count, .limit = question.limit}, run);
        for (const clip::Candidate& candidate : found.found) (void)view.item(candidate.id);
    });
    const double processors = static_cast<double>(std::clock() - busy) / CLOCKS_PER_SEC;
    std::printf("%.9f %.9f %.9f %ld %ld %d", now() - start, index, processors, static_cast<long>(found.questions),
                static_cast<long>(found.scored), found.complete);
    for (const clip::Candidate& candidate : found.found)
        if (candidate.reaches) std::printf(" %ld", static_cast<long>(candidate.id));
    std::printf("\n");
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    try {
        Run run;
        run.threads = std::atoi(argv[4]);
        const int64_t width = std::atoll(argv[2]);
        const double start = now();
        if (!std::filesystem::exists(std::filesystem::path(argv[3]) / "store.db")) fill(argv[1], width, argv[3], run);
        store::Store store(argv[3]);
        const store::Counts counts = store.counts(store::Kind::image);
        std::printf("stored %.3f %ld %ld\n", now() - start, static_cast<long>(counts.items), static_cast<long>(counts.in_graph));
        std::fflush(stdout);
        Question question;
        while (std::cin >> question.aim >> question.goal >> question.count >> question.limit >> question.scale >> question.wanted >>
               question.texts >> question.original)
            answer(store, question, width, run);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}

#include "whence/anchors/arms.h"

#include <algorithm>
#include <bit>

namespace whence::anchors {

Arms::Arms(const Sampler& sampler, Judge& judge, const Run& run)
    : sampler_(sampler), judge_(judge), run_(run), arms_(1) {}

Arm& Arms::extend(Arm& parent, int32_t predicate) {
    Arm& arm = arms_.emplace_back();
    arm.anchor = parent.anchor;
    arm.anchor.insert(std::ranges::upper_bound(arm.anchor, predicate), predicate);
    arm.coverage = sampler_.coverage(arm.anchor);
    arm.parent = &parent;
    arm.predicate = predicate;
    return arm;
}

void Arms::reserve(Arm& arm, int64_t samples) const {
    const auto words = static_cast<size_t>(words_for(samples));
    if (arm.known.size() >= words) return;
    for (Bits* bits : {&arm.known, &arm.same, &arm.asked}) bits->resize(words);
    if (!arm.parent) return;
    for (auto word = static_cast<int64_t>(arm.kept.size()); word < static_cast<int64_t>(words);
         ++word)
        arm.kept.push_back(sampler_.kept(arm.parent->anchor, arm.predicate, word));
}

// Collects what must be asked of the model so that the wanted samples of `arm` are known.
void Arms::demand(Arm& arm, int64_t word, uint64_t wanted) {
    reserve(arm, 64 * (word + 1));
    uint64_t missing = wanted & ~arm.asked[word];
    arm.asked[word] |= missing;
    if (arm.parent && (missing & arm.kept[word]) != 0) {
        demand(*arm.parent, word, missing & arm.kept[word]);
        missing &= ~arm.kept[word];
    }
    for (; missing != 0; missing &= missing - 1)
        questions_.push_back({&arm, 64 * word + std::countr_zero(missing)});
}

// Copies from the parents what they were asked for.
void Arms::settle(Arm& arm, int64_t word, uint64_t wanted) {
    const uint64_t missing = wanted & ~arm.known[word];
    if (missing == 0) return;
    settle(*arm.parent, word, missing);
    arm.same[word] |= arm.parent->same[word] & missing;
    arm.known[word] |= missing;
}

void Arms::ask() {
    std::vector<Draw> draws;
    const std::vector<uint8_t> answers =
        judge_.same(static_cast<int64_t>(questions_.size()), [&](int64_t first, Batch& rows) {
            draws.clear();
            for (int64_t row = 0; row < rows.rows(); ++row) {
                const Question& question = questions_[first + row];
                draws.push_back({question.arm->anchor, question.index});
            }
            sampler_.draw(draws, rows, run_);
        });
    for (size_t i = 0; i < answers.size(); ++i) {
        const auto& [arm, index] = questions_[i];
        const uint64_t bit = uint64_t{1} << (index % 64);
        arm->known[index / 64] |= bit;
        if (answers[i]) arm->same[index / 64] |= bit;
    }
    questions_.clear();
}

void Arms::pull(std::span<Arm* const> arms, int64_t count) {
    const auto each_word = [&](const auto& visit) {
        for (Arm* arm : arms) {
            const int64_t begin = arm->tally.drawn, end = begin + count;
            for (int64_t word = begin / 64; word < words_for(end); ++word)
                visit(*arm, word, mask_of(word, begin, end));
        }
    };
    each_word([&](Arm& arm, int64_t word, uint64_t wanted) { demand(arm, word, wanted); });
    ask();
    each_word([&](Arm& arm, int64_t word, uint64_t wanted) {
        settle(arm, word, wanted);
        arm.tally.hits += std::popcount(arm.same[word] & wanted);
    });
    for (Arm* arm : arms) arm->tally.drawn += count;
}

}  // namespace whence::anchors

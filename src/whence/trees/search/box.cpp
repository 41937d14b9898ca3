#include "whence/trees/search/box.h"

namespace whence::trees {

Box whole(const Space& space) {
    Box box(static_cast<size_t>(space.words()));
    for (int64_t v = 0; v < space.variables(); ++v)
        keep(space, v, std::vector<uint8_t>(space.variable(v).choices.size(), 1), box);
    return box;
}

void keep(const Space& space, int64_t variable, std::span<const uint8_t> marks, Box& box) {
    const Space::Place& place = space.places()[static_cast<size_t>(variable)];
    uint32_t* words = box.data() + place.at;
    std::fill_n(words, place.words, 0U);
    if (!place.interval) {
        for (size_t i = 0; i < marks.size(); ++i)
            if (marks[i]) words[i / 32] |= 1U << (i % 32);
        return;
    }
    const auto numbers = marks.first(static_cast<size_t>(place.numbers));
    const auto first = std::ranges::find(numbers, 1);
    const auto last = std::find(numbers.rbegin(), numbers.rend(), 1);
    words[0] = first == numbers.end() ? 1U : static_cast<uint32_t>(first - numbers.begin());
    words[1] = first == numbers.end() ? 0U : static_cast<uint32_t>(numbers.rend() - last - 1);
    words[2] = marks.size() > static_cast<size_t>(place.numbers) && marks.back() ? 1 : 0;
}

bool holds(const Space& space, int64_t variable, int32_t choice, std::span<const uint32_t> box) {
    const Space::Place& place = space.places()[static_cast<size_t>(variable)];
    const uint32_t* words = box.data() + place.at;
    if (!place.interval) return (words[choice / 32] >> (choice % 32)) & 1U;
    if (choice >= place.numbers) return words[2] != 0;
    return choice >= static_cast<int32_t>(words[0]) && choice <= static_cast<int32_t>(words[1]);
}

void Walker::ignore_costs(bool ignore) {
    if (ignore) none_.assign(space_.costs().size(), 0.0);
    costs_ = ignore ? none_.data() : space_.costs().data();
}

double Walker::least() const {
    double sum = 0;
    for (int32_t v = 0; v < static_cast<int32_t>(space_.variables()); ++v) sum += least(v);
    return sum;
}

}  // namespace whence::trees

#include "whence/clip/collection.h"

#include <algorithm>

namespace whence::clip {

Collection collection_of(const store::View& view, const Run& run) {
    Collection collection;
    collection.size = view.size();
    // A store gives at most this many at once: of more a search could not ask for all there are.
    collection.exact = view.exact() && view.size() <= 1'000'000;
    collection.nearest = [&view, &run](std::span<const float> query, int64_t count) {
        std::vector<Collection::Neighbour> neighbours;
        // Not the first few alone are wanted: a graph misses more towards the end of its answer.
        for (const store::View::Near& near : view.nearest(query, count, 4 * count, run))
            neighbours.push_back({near.slot, near.score});
        return neighbours;
    };
    collection.embedding = [&view](int64_t slot) { return view.embedding(slot); };
    return collection;
}

StoreCounterfactuals find_counterfactuals(const Confidence& confidence,
                                          std::span<const double> original, double goal, Aim aim,
                                          store::Store& store, store::Kind kind,
                                          const SearchOptions& options, const Run& run) {
    StoreCounterfactuals found;
    store.view(kind, [&](const store::View& view) {
        found.answer = find_counterfactuals(confidence, original, goal, aim,
                                            collection_of(view, run), options, run);
        for (Candidate& candidate : found.answer.found) {
            found.items.push_back(view.item(candidate.id));
            candidate.id = found.items.back().id;
        }
    });
    return found;
}

}  // namespace whence::clip

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
        for (const store::View::Near& near : view.nearest(query, count, run))
            neighbours.push_back({near.slot, near.score});
        return neighbours;
    };
    collection.embedding = [&view](int64_t slot) { return view.embedding(slot); };
    return collection;
}

}  // namespace whence::clip

#pragma once
// Counterfactuals from a store (store.h).

#include <span>
#include <vector>

#include "whence/clip/counterfactual.h"
#include "whence/store/store.h"

namespace whence::clip {

/// The vectors of the view, under their slots; exact where the store keeps no graph of them. Both must
/// outlive what is returned.
[[nodiscard]] Collection collection_of(const store::View& view, const Run& run);

struct StoreCounterfactuals {
    EmbeddingCounterfactuals answer;  ///< ids of candidates are those of the items
    std::vector<store::Item> items;   ///< of answer.found, one for each
};

/// Searches the items of that kind, all as they are at one moment (counterfactual.h). Throws also
/// Error(input) for damage that it meets.
[[nodiscard]] StoreCounterfactuals find_counterfactuals(const Confidence& confidence,
                                                        std::span<const double> original,
                                                        double goal, Aim aim, store::Store& store,
                                                        store::Kind kind,
                                                        const SearchOptions& options,
                                                        const Run& run);

}  // namespace whence::clip

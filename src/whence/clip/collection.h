#pragma once
// A store (store.h) as a collection that can be searched for counterfactuals.

#include "whence/clip/counterfactual.h"
#include "whence/store/store.h"

namespace whence::clip {

/// The vectors of the view, under their slots; exact where the store keeps no graph of them. Both
/// must outlive what is returned.
[[nodiscard]] Collection collection_of(const store::View& view, const Run& run);

}  // namespace whence::clip

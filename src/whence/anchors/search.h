#pragma once
// The search for an anchor: a beam of growing sets of predicates (Ribeiro, Singh, Guestrin 2018,
// algorithm 2).

#include "whence/anchors/anchors.h"
#include "whence/anchors/arms.h"

namespace whence::anchors {

struct Found {
    Anchor anchor;
    double coverage = 1;
    /// Its precision meets the threshold as far as the search can tell.
    bool valid = false;
    /// What the search saw of it. Too good on average: it was chosen for it.
    Tally tally;
    /// Why the search ended before it was done; empty: it did not.
    std::string ended;
};

/// The anchor with the largest coverage among those found precise enough, the smaller set where two
/// are equal; where none is, the set that seems most precise. The same of what was seen until then
/// where the time is over or the model out of reach, if anything was.
[[nodiscard]] Found search(const Sampler& sampler, Judge& judge, const AnchorOptions& options,
                           const Run& run);

}  // namespace whence::anchors

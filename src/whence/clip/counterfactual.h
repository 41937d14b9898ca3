#pragma once
// Counterfactuals from a store: of the embeddings there, those nearest to the original to which the
// model gives the wanted confidence.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "whence/clip/confidence.h"
#include "whence/clip/reach.h"
#include "whence/core/run.h"

namespace whence::clip {

/// Embeddings that can be asked for those nearest to a direction.
struct Collection {
    struct Neighbour {
        int64_t id = 0;
        double similarity = 0;  ///< inner product with the query
    };
    int64_t size = 0;
    /// `nearest` leaves out nothing that is nearer than what it returns, but for roundings of
    /// float.
    bool exact = false;
    /// The `count` embeddings with the greatest inner product with `query` (length 1), greatest
    /// first; fewer only where there are no more. `count` is at most `size`.
    std::function<std::vector<Neighbour>(std::span<const float> query, int64_t count)> nearest;
    /// That embedding, of any length (those without a direction are left out and counted). It stays
    /// where it is until the next call.
    std::function<std::span<const float>(int64_t id)> embedding;
};

struct SearchOptions {
    int64_t count = 5;   ///< how many are wanted; at least 1
    int64_t first = 64;  ///< neighbours that the first questions ask for; at least 1
    /// Embeddings of an index that is not exact that are looked at before the search gives up
    /// proving. An exact one is asked until it is proven, if need be for all it has.
    int64_t limit = 20000;
};

struct Candidate {
    int64_t id = 0;
    double confidence = 0;  ///< of the model, from the embedding itself
    double angle = 0;       ///< from the original, in radians
    bool reaches = false;   ///< the goal
};

struct EmbeddingCounterfactuals {
    double confidence = 0;  ///< of the original
    double goal = 0;
    Aim aim = Aim::raise;
    Reach reach;  ///< what the whole sphere would allow
    /// That reach the goal, the nearest to the original first (the lower id first where they are
    /// equally near). Where none does: those whose confidence comes closest to it, the closest
    /// first.
    std::vector<Candidate> found;
    int64_t size = 0;       ///< embeddings in the collection
    int64_t scored = 0;     ///< of them those whose confidence was asked
    int64_t questions = 0;  ///< of the index
    /// Proven: nothing that was not scored reaches the goal and is nearer than the last one found
    /// (or reaches it at all, where fewer were found than were wanted), as far as the index is
    /// right.
    bool complete = false;
    /// The same without a reservation: complete, and the index is exact.
    bool exact = false;
    std::vector<std::string> notes;  ///< one line each
};

/// Finds the embedding that is wanted (reach.h), asks for its neighbours, scores them, keeps those
/// that reach the goal and orders them by the angle from the ORIGINAL embedding.
///
/// While too few reach it, the question moves on towards embeddings of a higher confidence. Then
/// the answer is proven: all x at most as far from the original as the last one found that may
/// reach the goal lie in a cap (lens) around a direction between the original's and the wanted
/// one's, so that nothing is missing once the index's last answer lies outside that cap. Until it
/// does, more neighbours are asked for, four times as many each time.
///
/// The same with roles exchanged explains a text: `original` is its embedding, the anchors of
/// `confidence` are images, the collection holds captions.
///
/// An original that reaches the goal already and a goal that no embedding reaches are answers, not
/// errors. Throws Error(input) for an embedding without a direction, Error(usage) for a goal that
/// is no confidence or options that make no sense. Stops by run.check(). Reports nothing that
/// depends on threads: it runs on one.
///
/// Cost: about ten questions of the index, for 64 neighbours and more, up to `limit` where only few
/// of many that are near reach the goal. Misleads where
/// the model's confidence does: it is the embedding that is near, not the picture.
[[nodiscard]] EmbeddingCounterfactuals find_counterfactuals(
    const Confidence& confidence, std::span<const double> original, double goal, Aim aim,
    const Collection& collection, const SearchOptions& options, const Run& run);

}  // namespace whence::clip

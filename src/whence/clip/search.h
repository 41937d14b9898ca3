#pragma once
// A store with its model: pictures and captions found by texts and pictures.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "whence/clip/pair.h"
#include "whence/core/run.h"
#include "whence/data/image.h"
#include "whence/store/store.h"

namespace whence::clip {

/// The score of a hit is the cosine of both embeddings. Those of a text and a picture that match
/// are some 0.2 to 0.35 for most CLIP models, those of two pictures 0.5 and more: scores of the two
/// kinds of search must not be compared.
class Search {
  public:
    /// Throws Error(usage) for a store of another model.
    Search(Pair pair, store::Store store);

    [[nodiscard]] std::vector<store::Found> text(const std::string& text,
                                                 const store::SearchOptions& options = {},
                                                 const Run& run = {});
    [[nodiscard]] std::vector<store::Found> image(const data::Image& image,
                                                  const store::SearchOptions& options = {},
                                                  const Run& run = {});
    [[nodiscard]] const Pair& pair() const { return pair_; }
    [[nodiscard]] store::Store& store() { return store_; }

  private:
    Pair pair_;
    store::Store store_;
};

}  // namespace whence::clip

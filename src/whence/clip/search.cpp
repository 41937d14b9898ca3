#include "whence/clip/search.h"

#include <utility>

#include "whence/core/error.h"

namespace whence::clip {

Search::Search(Pair pair, store::Store store) : pair_(std::move(pair)), store_(std::move(store)) {
    store_.require(pair_.fingerprint());
}

std::vector<store::Found> Search::text(const std::string& text, const store::SearchOptions& options,
                                       const Run& run) {
    const TextEmbeddings query = pair_.embed_texts({&text, 1}, run);
    return store_.search(query.values.as<float>(), options, run);
}

std::vector<store::Found> Search::image(const data::Image& image,
                                        const store::SearchOptions& options, const Run& run) {
    const ImageEmbeddings query = pair_.embed_images({&image, 1}, run);
    if (!query.unreadable.empty()) throw Error(ErrorKind::input, query.unreadable.front().reason);
    return store_.search(query.values.as<float>(), options, run);
}

}  // namespace whence::clip

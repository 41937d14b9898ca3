#pragma once
// Pictures of folders and their captions into a store (store/store.h) of a model's embeddings, and
// what it takes to keep it up to date.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "whence/clip/pair.h"
#include "whence/core/run.h"
#include "whence/store/writer.h"

namespace whence::clip {

/// What is said of a picture, or a text by itself.
struct Caption {
    std::filesystem::path picture;  ///< empty: of none
    std::string text;
};

/// Captions of a file. One that ends in .csv or .tsv has a header with a column "caption" or "text"
/// and, where they belong to pictures, "path", "file", "filename" or "image" (from the file's
/// folder on). Any other holds one caption in each line; empty lines are skipped. Throws Error(io),
/// Error(input).
[[nodiscard]] std::vector<Caption> read_captions(const std::filesystem::path& file);

struct IndexOptions {
    bool prune =
        false;  ///< remove from the store what the folders, or the captions, no longer have
    store::WriterOptions writer;
};

struct Indexed {
    int64_t added = 0, replaced = 0, unchanged = 0, removed = 0;  ///< pictures
    int64_t captions_added = 0, captions_unchanged = 0, captions_removed = 0;
    int64_t captions_cut = 0;         ///< longer than the model reads
    std::vector<std::string> broken;  ///< a line for each picture that could not be read
};

/// Embeds the pictures (PNG and JPEG) of files and folders, and what is below these, into the store
/// in `folder`, which is begun where there is none; then the captions. A picture is known by its
/// absolute path; one of the same size and time as before, or of the same bytes, is not embedded
/// again. Broken ones are passed over and told. Stopped at any moment the store keeps what was done
/// until a second before. Throws as Writer and Pair do, and Error(io) for a file or folder that is
/// not there.
///
/// Cost: one encoding of each new picture; reading others goes on meanwhile.
[[nodiscard]] Indexed index(const Pair& pair, std::span<const std::filesystem::path> places,
                            std::span<const Caption> captions, const std::filesystem::path& folder,
                            const IndexOptions& options = {}, const Run& run = {});

/// Removes pictures by their path and all captions of them, or, where there is no such picture, all
/// that lie below the path as a folder. Returns how many items that were; what was not found is
/// appended to `missing`.
int64_t remove_pictures(store::Writer& writer, std::span<const std::filesystem::path> paths,
                        std::vector<std::filesystem::path>& missing);

}  // namespace whence::clip

#pragma once
// An embedded vector database: one folder with the embeddings of pictures and texts, and what
// belongs to each. It knows nothing of models but a name and a fingerprint.
//
// On disk, for G the generation (compaction begins a new one):
//     store.db                            SQLite: what the store is, the items, each with its slot
//     images-G.vectors, texts-G.vectors   unit vectors in float32, slot after slot, only ever
//     appended images-G.codes, texts-G.codes       the same as bytes (codec.h) images-G.graph,
//     texts-G.graph       HNSW over the first slots, where there are many (graph.h) lock held by
//     the one who writes
// Vectors are on the disk before the transaction that makes them visible, so a process killed at
// any moment leaves every change whole or not made. Numbers are in the byte order of the machine.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/run.h"

namespace whence::store {

enum class Kind { image, text };
[[nodiscard]] std::string_view name(Kind kind);

/// What the vectors of a store were made with.
struct Identity {
    std::string fingerprint;  ///< of the model; stores of another one are refused
    std::string model;        ///< where the model was: to find it again
    int64_t width = 0;        ///< numbers in a vector
};

/// What belongs to a vector. Images are known by their path, texts by path and caption.
struct Entry {
    std::string path;               ///< file; of a text that of its picture, or empty
    std::string caption;            ///< the text itself, or what is said of the picture
    std::string hash;               ///< of the file; empty: not known
    int64_t bytes = 0;              ///< of the file
    int64_t modified = 0;           ///< of the file, as its reader counts time
    int64_t width = 0, height = 0;  ///< of the picture
    bool operator==(const Entry&) const = default;
};

struct Item : Entry {
    int64_t id = 0;  ///< grows with each entry that is put in; never given again
    Kind kind = Kind::image;
};

struct Found {
    Item item;
    double score = 0;              ///< cosine with the query, in float32
    std::vector<float> embedding;  ///< of length 1, where it was asked for
};

struct SearchOptions {
    Kind kind = Kind::image;
    int64_t k = 10;
    bool exact = false;       ///< a full scan also where there is a graph
    int64_t effort = 0;       ///< vectors kept in view on the graph (ef); 0: max(256, 2 k)
    bool embeddings = false;  ///< give the vectors of what was found
};

/// Of many queries, without what belongs to the items.
struct Nearest {
    std::vector<int64_t> ids;   ///< [queries, k]; 0 where there are fewer than k
    std::vector<float> scores;  ///< [queries, k]
};

struct Counts {
    int64_t items = 0;
    int64_t removed = 0;   ///< vectors still on the disk whose items are gone
    int64_t in_graph = 0;  ///< vectors the graph covers; 0: there is none
};

/// The vectors of one kind as they are at one moment, known by the slots they lie in: for work that
/// asks many questions and wants to know the items of little that it finds. Not from several threads.
class View {
  public:
    struct Near {
        int64_t slot = 0;
        double score = 0;  ///< cosine with the query, in float32
    };
    [[nodiscard]] int64_t size() const;
    /// Searches leave out nothing that is nearer than what they give: there is no graph.
    [[nodiscard]] bool exact() const;
    /// As Store::search with that k and effort.
    [[nodiscard]] std::vector<Near> nearest(std::span<const float> query, int64_t k, int64_t effort,
                                            const Run& run) const;
    /// Of length 1, for a slot that a search gave; not checked for damage, but finite.
    [[nodiscard]] std::span<const float> embedding(int64_t slot) const;
    /// Throws Error(input) where the vector is damaged.
    [[nodiscard]] Item item(int64_t slot) const;

  private:
    friend class Store;
    struct Parts;
    explicit View(const Parts& parts) : parts_(parts) {}
    const Parts& parts_;
};

/// Reads a store; other processes may read and one may write it meanwhile. Every answer is one of
/// the store at one moment, not older than the call. Calls from several threads wait for one
/// another.
class Store {
  public:
    /// Throws Error(io); Error(input) for a folder that is no store, a newer format or damage.
    explicit Store(std::filesystem::path folder);
    ~Store();
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;

    [[nodiscard]] const Identity& identity() const;
    /// Throws Error(usage) unless the store was made with this model.
    void require(std::string_view fingerprint) const;
    [[nodiscard]] Counts counts(Kind kind);
    /// The image of this path, or the texts' one of this path and caption.
    [[nodiscard]] std::optional<Item> find(Kind kind, const std::string& path,
                                           const std::string& caption = "");
    /// Items in the order they came in.
    void each(Kind kind, const std::function<void(const Item&)>& tell);

    /// The k items nearest to a query (identity().width numbers, of any length but 0) by cosine,
    /// the nearest first, of equals the older. Exact while there is no graph; with one, at least 99
    /// of 100 of the true ones for vectors such as CLIP models give (bench/RESULTS.md). Throws
    /// Error(input) for a query of another width, with NaN or without direction, and for damage
    /// that it meets.
    [[nodiscard]] std::vector<Found> search(std::span<const float> query,
                                            const SearchOptions& options = {}, const Run& run = {});
    /// The same for `count` queries, one after the other in memory, side by side.
    [[nodiscard]] std::vector<std::vector<Found>> search_many(std::span<const float> queries,
                                                              int64_t count,
                                                              const SearchOptions& options = {},
                                                              const Run& run = {});
    /// Only which items, and how near: without a look into the database. Damage of a vector that is
    /// found is not noticed.
    [[nodiscard]] Nearest nearest(std::span<const float> queries, int64_t count,
                                  const SearchOptions& options = {}, const Run& run = {});
    /// Calls `look` with the vectors of that kind. The store must not be asked anything else
    /// meanwhile; who writes it need not wait.
    void view(Kind kind, const std::function<void(const View&)>& look);
    /// What is not as it should be though answers are right: a damaged graph that is not used.
    [[nodiscard]] std::vector<std::string> notes();

  private:
    friend class View;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace whence::store

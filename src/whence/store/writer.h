#pragma once
// Writes a store (store.h).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "whence/core/run.h"
#include "whence/store/store.h"

namespace whence::store {

struct WriterOptions {
    /// From how many vectors of a kind finish() makes a graph of them: below, a scan takes some
    /// milliseconds and is exact.
    int64_t graph_from = 50'000;
};

/// The only writer of a store while it lives. What a call returned from is on the disk; what a call
/// threw from has changed nothing.
class Writer {
  public:
    /// Opens the store in `folder`, or begins one in a folder that is empty or not there. Throws
    /// Error(usage) where another process writes it, where it was made with another model and for a
    /// folder of something else; Error(io); Error(input) for a newer format or damage.
    Writer(std::filesystem::path folder, const Identity& identity, WriterOptions options = {});
    /// Opens a store that is there, whatever its model: to remove, or to compact.
    explicit Writer(std::filesystem::path folder, WriterOptions options = {});
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    [[nodiscard]] const Identity& identity() const;
    [[nodiscard]] std::optional<Item> find(Kind kind, const std::string& path,
                                           const std::string& caption = "");
    void each(Kind kind, const std::function<void(const Item&)>& tell);
    [[nodiscard]] Counts counts(Kind kind);

    /// Adds entries with their embeddings (rows of identity().width numbers, of any length but 0:
    /// they are stored with length 1). One of the same path (texts: path and caption) is replaced.
    /// Returns how many were. Throws Error(input) for NaN, infinities, zeros or a wrong number of
    /// them; Error(io) on a full disk.
    int64_t put(Kind kind, std::span<const Entry> entries, std::span<const float> embeddings,
                const Run& run = {});
    /// Writes what is said of items anew (their ids decide which); vectors stay.
    void restate(std::span<const Item> items);
    /// Removes items; ids that are not there are passed over. Returns how many were there.
    int64_t remove(std::span<const int64_t> ids);

    /// To be called after the last change: makes or extends the graph of each kind that is large
    /// enough for one, and compacts a store of which more than half is gone.
    void finish(const Run& run = {});
    /// Writes everything anew without what was removed, codes and graphs too: this also mends them.
    /// Needs room for a second copy meanwhile. Throws Error(input) naming an item whose vector is
    /// damaged.
    void compact(const Run& run = {});

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace whence::store

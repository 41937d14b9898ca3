#pragma once
// A graph over vectors in which the nearest are found by walking: HNSW (Malkov, Yashunin 2016,
// "Efficient and robust approximate nearest neighbor search using hierarchical navigable small
// world graphs"). Private to this folder.
//
// It knows vectors by their codes (codec.h) only; who asks scores what it found again.
//
// Vectors are added in batches, as in ParlayANN (Manohar et al. 2024, "ParlayANN: scalable and
// deterministic parallel graph-based approximate nearest neighbor search algorithms"): those of a
// batch choose their neighbours side by side, from the graph as it was before and among themselves,
// then every vector that was chosen takes its new neighbours up. So the graph is the same bits on
// any number of threads.
//
// Copies (rows of one code) are no members: a hundred of them would be all that a walk has in view.
// They stand behind the first of them.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "whence/core/run.h"
#include "whence/store/rows.h"

namespace whence::store {

struct GraphOptions {
    int64_t links = 16;    ///< neighbours a vector chooses; it holds twice as many (M in the paper)
    int64_t effort = 100;  ///< vectors kept in view while neighbours are sought (efConstruction)
};

/// Which rows a graph file belongs to.
struct GraphOwner {
    uint64_t store = 0, generation = 0, kind = 0;
    bool operator==(const GraphOwner&) const = default;
};

class Graph {
  public:
    explicit Graph(GraphOptions options = {});

    /// Rows it covers: [0, size()).
    [[nodiscard]] int64_t size() const { return size_; }
    /// Adds the rows [size(), count). Reports progress; stopped half-way it is good for size()
    /// rows.
    void extend(const Codes& codes, int64_t count, const Run& run);
    /// The `effort` rows that a walk ends with (fewer, where there are fewer), the nearest first by
    /// their codes, each followed by its copies. Any number of threads at once.
    [[nodiscard]] std::vector<Hit> search(const Codes& codes, const Query& query,
                                          int64_t effort) const;

    /// Written beside the target and renamed. Throws Error(io).
    void save(const std::filesystem::path& path, const GraphOwner& owner) const;
    /// Throws Error(io), or Error(input) for a file that is damaged, of another owner or of more
    /// than `rows` rows.
    [[nodiscard]] static Graph load(const std::filesystem::path& path, const GraphOwner& owner,
                                    int64_t rows);

  private:
    /// Its members have numbers of their own, in the order of their rows. In the lowest layer,
    /// which has a place for every row, they are the rows. Copies have places, and no links.
    struct Layer {
        int64_t degree = 0, count = 0;
        std::vector<uint32_t> rows, below;  ///< row, and number in the layer below; lowest: empty
        std::vector<uint32_t> links;        ///< `degree` numbers for each, `none` behind the last

        [[nodiscard]] uint32_t row(uint32_t member) const {
            return rows.empty() ? member : rows[member];
        }
        [[nodiscard]] std::span<const uint32_t> of(uint32_t member) const;
        void set(uint32_t member, std::span<const Hit> neighbours);
    };
    struct Walk;  ///< what a search needs for itself
    class Walks;  ///< those not in use
    struct Wish;  ///< to be taken up as a neighbour

    /// What a new row found in one layer.
    struct Place {
        size_t layer;
        uint32_t member;
        std::vector<Hit> near;
    };
    struct Newcomer {
        std::vector<Place> places;
        uint32_t copy_of;
    };

    void enter(int64_t begin, int64_t end);
    [[nodiscard]] Newcomer look(const Codes& codes, std::span<const int64_t> old,
                                int64_t row) const;
    void link(const Codes& codes, std::span<Newcomer> newcomers, const Run& run);
    /// Where a walk may begin; nothing where all members are copies.
    [[nodiscard]] std::optional<uint32_t> entry(const Layer& layer, int64_t members) const;
    void take_up(const Codes& codes, Layer& layer, std::span<const Wish> wishes) const;
    [[nodiscard]] std::vector<Hit> choose(const Codes& codes, const Layer& layer, uint32_t member,
                                          std::vector<Hit> candidates, int64_t most) const;
    [[nodiscard]] Hit descend(const Codes& codes, const Query& query, const Layer& layer,
                              Hit from) const;
    void walk(const Codes& codes, const Query& query, const Layer& layer, Hit from, int64_t effort,
              Walk& walk) const;

    GraphOptions options_;
    int64_t size_ = 0;
    std::vector<Layer> layers_;      ///< the lowest first
    std::vector<uint32_t> copy_of_;  ///< for each row; none for one that stands for itself
    std::unordered_map<uint32_t, std::vector<uint32_t>> copies_;
    std::shared_ptr<Walks> walks_;
};

}  // namespace whence::store

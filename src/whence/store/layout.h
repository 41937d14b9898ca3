#pragma once
// What reader and writer of a store have to agree on. Private to this folder.

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "whence/store/database.h"
#include "whence/store/graph.h"
#include "whence/store/store.h"

namespace whence::store {

constexpr std::array kinds{Kind::image, Kind::text};
constexpr int64_t most_slots = 0xfffffffe;  // slots are 32 bits wide in graphs

/// What a store says of itself.
struct Facts {
    Identity identity;
    int64_t store = 0;       ///< a number of its own, by lot
    int64_t generation = 0;  ///< of its files
    int64_t change = 0;      ///< grows with each change
    int64_t next_id = 1;
    std::array<int64_t, kinds.size()> slots{};  ///< vectors on the disk

    [[nodiscard]] int64_t of(Kind kind) const { return slots[static_cast<size_t>(kind)]; }
    [[nodiscard]] GraphOwner owner(Kind kind) const;
};

[[nodiscard]] std::filesystem::path database_file(const std::filesystem::path& folder);
/// `what`: "vectors", "codes" or "graph".
[[nodiscard]] std::filesystem::path data_file(const std::filesystem::path& folder, Kind kind,
                                              int64_t generation, const char* what);

/// Nothing where a store was begun and its first transaction not finished. Throws Error(input) for
/// a newer format and for what makes no sense.
[[nodiscard]] std::optional<Facts> read_facts(Database& database,
                                              const std::filesystem::path& folder);

/// Statements about items, prepared once.
class Items {
  public:
    explicit Items(Database& database);
    [[nodiscard]] std::optional<Item> find(Kind kind, const std::string& path,
                                           const std::string& caption);
    void each(Kind kind, const std::function<void(const Item&)>& tell);
    struct Placed {
        Item item;
        uint64_t checksum;  ///< of the vector
    };
    [[nodiscard]] std::optional<Placed> at(Kind kind, int64_t slot);
    [[nodiscard]] int64_t count(Kind kind);
    [[nodiscard]] int64_t removed(Kind kind);

  private:
    Statement image_, text_, each_, at_, count_, removed_;
};

/// `vector` with length 1. Throws Error(input), speaking of `what`, where it has no direction.
[[nodiscard]] std::vector<float> unit(std::span<const float> vector, const std::string& what);

}  // namespace whence::store

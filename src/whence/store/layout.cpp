#include "whence/store/layout.h"

#include <fmt/format.h>

#include <cmath>

#include "whence/core/error.h"

namespace whence::store {
namespace {

constexpr int64_t format = 1;
constexpr int64_t widest = 65536;

#define WHENCE_ITEM_COLUMNS "id, kind, path, caption, hash, bytes, modified, width, height"

Item item_of(const Statement& row) {
    Item item;
    item.id = row.integer(0);
    item.kind = row.integer(1) == 0 ? Kind::image : Kind::text;
    item.path = row.text(2);
    item.caption = row.text(3);
    item.hash = row.text(4);
    item.bytes = row.integer(5);
    item.modified = row.integer(6);
    item.width = row.integer(7);
    item.height = row.integer(8);
    return item;
}

}  // namespace

std::string_view name(Kind kind) {
    return kind == Kind::image ? "image" : "text";
}

GraphOwner Facts::owner(Kind kind) const {
    return {static_cast<uint64_t>(store), static_cast<uint64_t>(generation),
            static_cast<uint64_t>(kind)};
}

std::filesystem::path database_file(const std::filesystem::path& folder) {
    return folder / "store.db";
}

std::filesystem::path data_file(const std::filesystem::path& folder, Kind kind, int64_t generation,
                                const char* what) {
    return folder / fmt::format("{}s-{}.{}", name(kind), generation, what);
}

std::optional<Facts> read_facts(Database& database, const std::filesystem::path& folder) {
    const std::string shown = printable(folder.string(), 400);
    Statement version(database, "PRAGMA user_version");
    (void)version.step();
    const int64_t found = version.integer(0);
    if (found == 0) return std::nullopt;
    if (found != format)
        throw Error(
            ErrorKind::input,
            fmt::format("{}: this store has format {}, and this Whence knows format {}: use "
                        "a newer Whence",
                        shown, found, format));
    Statement row(database,
                  "SELECT fingerprint, model, width, store, generation, change, next_id, "
                  "image_slots, text_slots FROM facts");
    const bool there = row.step();
    Facts facts;
    if (there) {
        facts.identity = {row.text(0), row.text(1), row.integer(2)};
        facts.store = row.integer(3);
        facts.generation = row.integer(4);
        facts.change = row.integer(5);
        facts.next_id = row.integer(6);
        facts.slots = {row.integer(7), row.integer(8)};
    }
    const auto possible = [](int64_t slots) { return slots >= 0 && slots <= most_slots; };
    if (!there || facts.identity.width < 1 || facts.identity.width > widest ||
        !possible(facts.slots[0]) || !possible(facts.slots[1]))
        throw Error(ErrorKind::input,
                    shown +
                        ": what this store says of itself makes no sense: restore it from a "
                        "copy, or index again into another folder");
    return facts;
}

Items::Items(Database& database)
    : image_(database, "SELECT " WHENCE_ITEM_COLUMNS " FROM items WHERE kind = 0 AND path = ?"),
      text_(database, "SELECT " WHENCE_ITEM_COLUMNS
                      " FROM items WHERE kind = 1 AND path = ? AND caption = ?"),
      each_(database, "SELECT " WHENCE_ITEM_COLUMNS " FROM items WHERE kind = ? ORDER BY slot"),
      at_(database,
          "SELECT " WHENCE_ITEM_COLUMNS ", checksum FROM items WHERE kind = ? AND slot = ?"),
      count_(database, "SELECT count(*) FROM items WHERE kind = ?"),
      removed_(database, "SELECT count(*) FROM removed WHERE kind = ?") {}

std::optional<Item> Items::find(Kind kind, const std::string& path, const std::string& caption) {
    Statement& row = kind == Kind::image ? image_.with(path) : text_.with(path, caption);
    if (!row.step()) return std::nullopt;
    Item item = item_of(row);
    row.reset();
    return item;
}

void Items::each(Kind kind, const std::function<void(const Item&)>& tell) {
    each_.with(static_cast<int64_t>(kind));
    while (each_.step()) tell(item_of(each_));
}

std::optional<Items::Placed> Items::at(Kind kind, int64_t slot) {
    at_.with(static_cast<int64_t>(kind), slot);
    if (!at_.step()) return std::nullopt;
    Placed placed{item_of(at_), static_cast<uint64_t>(at_.integer(9))};
    at_.reset();
    return placed;
}

int64_t Items::count(Kind kind) {
    (void)count_.with(static_cast<int64_t>(kind)).step();
    const int64_t count = count_.integer(0);
    count_.reset();
    return count;
}

int64_t Items::removed(Kind kind) {
    (void)removed_.with(static_cast<int64_t>(kind)).step();
    const int64_t count = removed_.integer(0);
    removed_.reset();
    return count;
}

std::vector<float> unit(std::span<const float> vector, const std::string& what) {
    double squares = 0;
    for (const float value : vector) squares += double{value} * double{value};
    if (!std::isfinite(squares))
        throw Error(ErrorKind::input, what + " has a value that is no finite number");
    const double length = std::sqrt(squares);
    if (!(length > 0)) throw Error(ErrorKind::input, what + " is all zeros: it has no direction");
    std::vector<float> out(vector.size());
    for (size_t j = 0; j < out.size(); ++j) out[j] = static_cast<float>(vector[j] / length);
    return out;
}

}  // namespace whence::store

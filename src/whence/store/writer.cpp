#include "whence/store/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/store/checksum.h"
#include "whence/store/files.h"
#include "whence/store/layout.h"

namespace whence::store {
namespace {

constexpr int64_t copied_rows = 4096;  // at a time, when everything is written anew

constexpr const char* schema[] = {
    R"(CREATE TABLE facts (
        fingerprint TEXT NOT NULL, model TEXT NOT NULL, width INTEGER NOT NULL,
        store INTEGER NOT NULL, generation INTEGER NOT NULL, change INTEGER NOT NULL,
        next_id INTEGER NOT NULL, image_slots INTEGER NOT NULL, text_slots INTEGER NOT NULL))",
    R"(CREATE TABLE items (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, slot INTEGER NOT NULL,
        checksum INTEGER NOT NULL, path TEXT NOT NULL, caption TEXT NOT NULL,
        hash TEXT NOT NULL, bytes INTEGER NOT NULL, modified INTEGER NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL))",
    "CREATE UNIQUE INDEX slots ON items (kind, slot)",
    "CREATE UNIQUE INDEX images ON items (path) WHERE kind = 0",
    "CREATE UNIQUE INDEX texts ON items (path, caption) WHERE kind = 1",
    R"(CREATE TABLE removed (
        kind INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (kind, slot)) WITHOUT ROWID)",
    "PRAGMA user_version = 1",
};

std::string shown(const std::filesystem::path& path) {
    return printable(path.string(), 400);
}

// A folder that was not there, is empty, or is a store or the beginning of one.
void prepare(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        throw Error(ErrorKind::io, fmt::format("{}: this folder cannot be made: {}", shown(folder),
                                               error.message()));
    if (std::filesystem::exists(database_file(folder))) return;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().filename() != "lock")
            throw Error(ErrorKind::usage,
                        shown(folder) +
                            ": this folder holds something else than a store: give an "
                            "empty one, or one that is not there");
}

const std::filesystem::path& require_store(const std::filesystem::path& folder) {
    if (!std::filesystem::exists(database_file(folder)))
        throw Error(ErrorKind::input, shown(folder) + ": this is no store: it has no store.db");
    return folder;
}

void begin_store(Database& database, const Identity& identity) {
    Transaction transaction(database, Transaction::Kind::write);
    for (const char* statement : schema) database.run(statement);
    std::random_device lot;
    const auto number = static_cast<int64_t>((uint64_t{lot()} << 31) ^ lot());
    Statement(database, "INSERT INTO facts VALUES (?, ?, ?, ?, 1, 1, 1, 0, 0)")
        .with(identity.fingerprint, identity.model, identity.width, number)
        .run();
    transaction.commit();
}

struct ColumnFiles {
    AppendedFile vectors, codes;
};

}  // namespace

struct Writer::State {
    State(std::filesystem::path path, const Identity* identity, WriterOptions wanted)
        : folder(std::move(path)),
          options(wanted),
          lock(folder),
          database(database_file(folder), Database::Access::write),
          facts(begin(identity)),
          codec(facts.identity.width),
          items(database) {
        open_files();
        clean();
    }

    Facts begin(const Identity* identity);
    void open_files();
    void clean() const;
    [[nodiscard]] std::filesystem::path file(Kind kind, const char* what) const {
        return data_file(folder, kind, facts.generation, what);
    }
    ColumnFiles& of(Kind kind) { return files[static_cast<size_t>(kind)]; }

    void write_vectors(Kind kind, std::span<const Entry> entries, std::span<const float> embeddings,
                       const Run& run, std::vector<uint64_t>& checksums);
    int64_t write_rows(Kind kind, std::span<const Entry> entries,
                       std::span<const uint64_t> checksums);
    bool remove(int64_t id);
    void changed();
    void make_graph(Kind kind, const Run& run);
    std::vector<int64_t> copy_live(Kind kind, ColumnFiles& to, const Run& run);
    void compact(const Run& run);

    std::filesystem::path folder;
    WriterOptions options;
    WriterLock lock;
    Database database;
    Facts facts;
    Codec codec;
    Items items;
    std::vector<ColumnFiles> files;
};

Facts Writer::State::begin(const Identity* identity) {
    std::optional<Facts> found = read_facts(database, folder);
    if (!found && !identity)
        throw Error(ErrorKind::input, shown(folder) +
                                          ": this store was begun, and nothing is in it "
                                          "yet: index into it");
    if (!found) {
        begin_store(database, *identity);
        found = read_facts(database, folder);
    }
    if (identity && (identity->fingerprint != found->identity.fingerprint ||
                     identity->width != found->identity.width))
        throw Error(ErrorKind::usage,
                    fmt::format("{}: this store was made with another model ({}..., vectors of {} "
                                "numbers): use that model, or another folder",
                                shown(folder), printable(found->identity.fingerprint).substr(0, 12),
                                found->identity.width));
    return *found;
}

void Writer::State::open_files() {
    files.clear();
    for (const Kind kind : kinds) {
        const auto slots = static_cast<uint64_t>(facts.of(kind));
        const uint64_t width = sizeof(float) * static_cast<uint64_t>(codec.width());
        const auto stride = static_cast<uint64_t>(codec.stride());
        files.push_back({AppendedFile(file(kind, "vectors"), slots * width),
                         AppendedFile(file(kind, "codes"), slots * stride)});
    }
    sync_folder(folder);
}

// Takes away what killed processes left: files of another generation and unfinished ones.
void Writer::State::clean() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        bool ours = name.starts_with(".whence-"), current = false;  // FileWriter's, unfinished
        for (const Kind kind : kinds) {
            ours = ours || name.starts_with(fmt::format("{}s-", store::name(kind)));
            for (const char* what : {"vectors", "codes", "graph"})
                current = current || file(kind, what).filename() == name;
        }
        std::error_code ignored;
        if (ours && !current) std::filesystem::remove(entry.path(), ignored);
    }
}

void Writer::State::write_vectors(Kind kind, std::span<const Entry> entries,
                                  std::span<const float> embeddings, const Run& run,
                                  std::vector<uint64_t>& checksums) {
    const auto width = static_cast<size_t>(codec.width());
    const auto stride = static_cast<size_t>(codec.stride());
    std::vector<float> vectors(embeddings.size());
    AlignedVector<std::byte> codes(entries.size() * stride);
    checksums.resize(entries.size());
    parallel_for(run, std::ssize(entries), 16, [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
            const Entry& entry = entries[i];
            const std::vector<float> vector =
                unit(embeddings.subspan(i * width, width),
                     fmt::format("the embedding of '{}'",
                                 printable(entry.path.empty() ? entry.caption : entry.path, 200)));
            std::ranges::copy(vector, vectors.begin() + static_cast<std::ptrdiff_t>(i * width));
            codec.encode(vector, facts.next_id + static_cast<int64_t>(i),
                         codes.data() + i * stride);
            checksums[i] = checksum(std::span(vector));
        }
    });
    of(kind).vectors.append(std::as_bytes(std::span(vectors)));
    of(kind).codes.append(codes);
    of(kind).vectors.sync();
    of(kind).codes.sync();
}

bool Writer::State::remove(int64_t id) {
    Statement item(database, "SELECT kind, slot FROM items WHERE id = ?");
    if (!item.with(id).step()) return false;
    const int64_t kind = item.integer(0), slot = item.integer(1);
    item.reset();
    Statement(database, "DELETE FROM items WHERE id = ?").with(id).run();
    Statement(database, "INSERT INTO removed VALUES (?, ?)").with(kind, slot).run();
    return true;
}

// Tells readers to look again. To be called in a transaction, last.
void Writer::State::changed() {
    Statement(database,
              "UPDATE facts SET change = ?, generation = ?, next_id = ?, image_slots = ?, "
              "text_slots = ?")
        .with(facts.change + 1, facts.generation, facts.next_id, facts.slots[0], facts.slots[1])
        .run();
}

int64_t Writer::State::write_rows(Kind kind, std::span<const Entry> entries,
                                  std::span<const uint64_t> checksums) {
    const Facts old = facts;
    try {
        Transaction transaction(database, Transaction::Kind::write);
        Statement insert(database,
                         "INSERT INTO items (id, kind, slot, checksum, path, caption, hash, bytes, "
                         "modified, width, height) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        int64_t replaced = 0;
        int64_t& slots = facts.slots[static_cast<size_t>(kind)];
        for (size_t i = 0; i < entries.size(); ++i) {
            const Entry& entry = entries[i];
            if (const auto there = items.find(kind, entry.path, entry.caption))
                replaced += remove(there->id);
            insert
                .with(facts.next_id++, static_cast<int64_t>(kind), slots++,
                      static_cast<int64_t>(checksums[i]), entry.path, entry.caption, entry.hash,
                      entry.bytes, entry.modified, entry.width, entry.height)
                .run();
        }
        changed();
        transaction.commit();
        ++facts.change;
        return replaced;
    } catch (...) {
        facts = old;
        throw;
    }
}

Writer::Writer(std::filesystem::path folder, const Identity& identity, WriterOptions options) {
    prepare(folder);
    state_ = std::make_unique<State>(std::move(folder), &identity, options);
}

Writer::Writer(std::filesystem::path folder, WriterOptions options)
    : state_(std::make_unique<State>(require_store(folder), nullptr, options)) {}

Writer::~Writer() = default;

const Identity& Writer::identity() const {
    return state_->facts.identity;
}

std::optional<Item> Writer::find(Kind kind, const std::string& path, const std::string& caption) {
    return state_->items.find(kind, path, caption);
}

void Writer::each(Kind kind, const std::function<void(const Item&)>& tell) {
    state_->items.each(kind, tell);
}

Counts Writer::counts(Kind kind) {
    const int64_t removed = state_->items.removed(kind);
    return {.items = state_->facts.of(kind) - removed, .removed = removed, .in_graph = 0};
}

int64_t Writer::put(Kind kind, std::span<const Entry> entries, std::span<const float> embeddings,
                    const Run& run) {
    State& state = *state_;
    const auto width = static_cast<size_t>(identity().width);
    if (embeddings.size() != entries.size() * width)
        throw Error(
            ErrorKind::input,
            fmt::format("{}: this store holds vectors of {} numbers; {} numbers are no "
                        "embeddings of {} {}s",
                        shown(state.folder), width, embeddings.size(), entries.size(), name(kind)));
    if (state.facts.of(kind) + std::ssize(entries) >= most_slots)
        throw Error(ErrorKind::limit, shown(state.folder) +
                                          ": this store is full: compact it, or "
                                          "begin another");
    if (entries.empty()) return 0;
    ColumnFiles& files = state.of(kind);
    const uint64_t vectors = files.vectors.size(), codes = files.codes.size();
    try {
        std::vector<uint64_t> checksums;
        state.write_vectors(kind, entries, embeddings, run, checksums);
        return state.write_rows(kind, entries, checksums);
    } catch (...) {
        files.vectors.cut(vectors);
        files.codes.cut(codes);
        throw;
    }
}

void Writer::restate(std::span<const Item> items) {
    State& state = *state_;
    Transaction transaction(state.database, Transaction::Kind::write);
    Statement update(state.database,
                     "UPDATE items SET caption = ?, hash = ?, bytes = ?, modified = ?, width = ?, "
                     "height = ? WHERE id = ?");
    for (const Item& item : items)
        update
            .with(item.caption, item.hash, item.bytes, item.modified, item.width, item.height,
                  item.id)
            .run();
    state.changed();
    transaction.commit();
    ++state.facts.change;
}

int64_t Writer::remove(std::span<const int64_t> ids) {
    State& state = *state_;
    Transaction transaction(state.database, Transaction::Kind::write);
    int64_t removed = 0;
    for (const int64_t id : ids) removed += state.remove(id);
    state.changed();
    transaction.commit();
    ++state.facts.change;
    return removed;
}

void Writer::State::make_graph(Kind kind, const Run& run) {
    const int64_t slots = facts.of(kind);
    if (slots - items.removed(kind) < options.graph_from) return;
    Graph graph;
    try {
        if (std::filesystem::exists(file(kind, "graph")))
            graph = Graph::load(file(kind, "graph"), facts.owner(kind), slots);
    } catch (const Error&) {
        // Damaged or of other vectors: it is made again.
    }
    // A short tail is scanned sooner than the file of the graph is written.
    if (graph.size() > 0 && slots - graph.size() <= slots / 32) return;
    const MappedFile codes(file(kind, "codes"), static_cast<uint64_t>(slots * codec.stride()));
    graph.extend({&codec, codes.data()}, slots, run);
    graph.save(file(kind, "graph"), facts.owner(kind));
    Transaction transaction(database, Transaction::Kind::write);
    changed();
    transaction.commit();
    ++facts.change;
}

void Writer::finish(const Run& run) {
    State& state = *state_;
    int64_t removed = 0, slots = 0;
    for (const Kind kind : kinds) {
        removed += state.items.removed(kind);
        slots += state.facts.of(kind);
    }
    if (2 * removed > slots) return compact(run);
    for (const Kind kind : kinds) state.make_graph(kind, run);
}

// Appends the vectors of all items, in order, to new files. Returns the items' ids.
std::vector<int64_t> Writer::State::copy_live(Kind kind, ColumnFiles& to, const Run& run) {
    struct Live {
        int64_t id, slot;
        uint64_t checksum;
    };
    std::vector<Live> live;
    Statement rows(database, "SELECT id, slot, checksum FROM items WHERE kind = ? ORDER BY slot");
    rows.with(static_cast<int64_t>(kind));
    while (rows.step())
        live.push_back({rows.integer(0), rows.integer(1), static_cast<uint64_t>(rows.integer(2))});
    const auto width = static_cast<size_t>(codec.width()),
               stride = static_cast<size_t>(codec.stride());
    const MappedFile from(file(kind, "vectors"),
                          static_cast<uint64_t>(facts.of(kind)) * width * sizeof(float));
    const auto* vectors = reinterpret_cast<const float*>(from.data());
    for (size_t begin = 0; begin < live.size(); begin += copied_rows) {
        const size_t count = std::min<size_t>(copied_rows, live.size() - begin);
        run.report("compacting", static_cast<int64_t>(begin), std::ssize(live));
        AlignedVector<std::byte> codes(count * stride);
        std::vector<float> kept(count * width);
        parallel_for(run, static_cast<int64_t>(count), 64, [&](int64_t first, int64_t last) {
            for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i) {
                const Live& item = live[begin + i];
                const bool there = item.slot >= 0 && item.slot < facts.of(kind);
                const std::span vector(vectors + (there ? item.slot : 0) * codec.width(), width);
                if (!there || checksum(vector) != item.checksum)
                    throw Error(ErrorKind::input,
                                fmt::format("{}: the vector of item {} is damaged: remove the item "
                                            "and index it again, or restore the store from a copy",
                                            shown(folder), item.id));
                std::ranges::copy(vector, kept.begin() + static_cast<std::ptrdiff_t>(i * width));
                codec.encode(vector, item.id, codes.data() + i * stride);
            }
        });
        to.vectors.append(std::as_bytes(std::span(kept)));
        to.codes.append(codes);
    }
    to.vectors.sync();
    to.codes.sync();
    std::vector<int64_t> ids;
    for (const Live& item : live) ids.push_back(item.id);
    return ids;
}

void Writer::State::compact(const Run& run) {
    const Facts old = facts;
    try {
        std::array<std::vector<int64_t>, kinds.size()> ids;
        for (const Kind kind : kinds) {
            const auto fresh = [&](const char* what) {
                return AppendedFile(data_file(folder, kind, old.generation + 1, what), 0);
            };
            ColumnFiles to{fresh("vectors"), fresh("codes")};
            ids[static_cast<size_t>(kind)] = copy_live(kind, to, run);
        }
        sync_folder(folder);
        Transaction transaction(database, Transaction::Kind::write);
        Statement move(database, "UPDATE items SET slot = ? WHERE id = ?");
        for (const std::vector<int64_t>& list : ids)
            for (size_t slot = 0; slot < list.size(); ++slot)
                move.with(static_cast<int64_t>(slot), list[slot]).run();
        database.run("DELETE FROM removed");
        ++facts.generation;
        facts.slots = {std::ssize(ids[0]), std::ssize(ids[1])};
        changed();
        transaction.commit();
        ++facts.change;
    } catch (...) {
        facts = old;
        clean();
        throw;
    }
    open_files();
    clean();
}

void Writer::compact(const Run& run) {
    state_->compact(run);
    for (const Kind kind : kinds) state_->make_graph(kind, run);
}

}  // namespace whence::store

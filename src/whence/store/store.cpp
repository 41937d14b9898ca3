#include "whence/store/store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/store/checksum.h"
#include "whence/store/files.h"
#include "whence/store/kernels.h"
#include "whence/store/layout.h"
#include "whence/store/scan.h"

namespace whence::store {
namespace {

// What 1 000 000 vectors clustered like CLIP's take to find 99 of 100 of the ten nearest
// (bench/RESULTS.md); fewer vectors take less.
constexpr int64_t usual_effort = 256;

// Which file a graph was read from. Graphs are renamed into place, so a new one has other numbers.
struct GraphFile {
    ino_t number = 0;
    off_t size = 0;
    time_t seconds = 0;
    long nanoseconds = 0;
    bool operator==(const GraphFile&) const = default;
};

// The vectors of one kind as they were at one moment.
struct Column {
    MappedFile vectors, codes;
    std::vector<uint64_t> removed;  // a bit for each slot
    int64_t removed_count = 0, slots = 0;
    std::optional<Graph> graph;
    GraphFile graph_file;
    std::string graph_note;
};

GraphFile stamp_of(const std::filesystem::path& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return {};
    return {facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
}

// `old`: what was there before; its graph is taken over where the file is still the same.
Column read_column(Database& database, const std::filesystem::path& folder, const Facts& facts,
                   const Codec& codec, Kind kind, Column& old) {
    Column column;
    column.slots = facts.of(kind);
    const auto size = [&](int64_t bytes) { return static_cast<uint64_t>(column.slots * bytes); };
    const auto file = [&](const char* what) {
        return data_file(folder, kind, facts.generation, what);
    };
    column.vectors = MappedFile(file("vectors"), size(facts.identity.width * 4));
    column.codes = MappedFile(file("codes"), size(codec.stride()));
    column.removed.resize(static_cast<size_t>(column.slots / 64 + 1));
    Statement gone(database, "SELECT slot FROM removed WHERE kind = ?");
    gone.with(static_cast<int64_t>(kind));
    while (gone.step()) {
        const int64_t slot = gone.integer(0);
        if (slot < 0 || slot >= column.slots) continue;
        column.removed[static_cast<size_t>(slot / 64)] |= uint64_t{1} << (slot % 64);
        ++column.removed_count;
    }
    column.graph_file = stamp_of(file("graph"));
    if (column.graph_file == GraphFile{}) return column;
    if (column.graph_file == old.graph_file) {
        column.graph = std::move(old.graph);
        column.graph_note = std::move(old.graph_note);
        return column;
    }
    try {
        column.graph = Graph::load(file("graph"), facts.owner(kind), column.slots);
    } catch (const Error& error) {
        column.graph_note = fmt::format(
            "{}; until the store is compacted or indexed again, answers come from a full scan",
            error.what());
    }
    return column;
}

}  // namespace

struct Store::State {
    explicit State(std::filesystem::path path)
        : folder(std::move(path)),
          database(database_file(folder), Database::Access::read),
          facts(begin()),
          codec(facts.identity.width),
          items(database) {}

    Facts begin() {
        std::optional<Facts> found = read_facts(database, folder);
        if (!found)
            throw Error(ErrorKind::input, printable(folder.string(), 400) +
                                              ": this store was begun, and nothing is in it yet: "
                                              "index into it");
        return *found;
    }

    // Inside a transaction: what the rest of it sees.
    void refresh() {
        Facts now = begin();
        if (now.store != facts.store || now.identity.width != facts.identity.width)
            throw Error(ErrorKind::input, printable(folder.string(), 400) +
                                              ": another store has taken this one's place: open it "
                                              "again");
        if (now.change == facts.change && loaded) return;
        std::array<Column, kinds.size()> fresh;
        for (const Kind kind : kinds)
            fresh[static_cast<size_t>(kind)] =
                read_column(database, folder, now, codec, kind, of(kind));
        columns = std::move(fresh);
        facts = std::move(now);
        loaded = true;
    }

    // Runs `work` on the store as it is at one moment. A compaction may take the files away between
    // the moment and their opening: then the next moment is tried.
    template <class Work>
    auto at_one_moment(const Work& work) {
        const std::lock_guard lock(mutex);
        for (int attempt = 0;; ++attempt) {
            const Transaction transaction(database, Transaction::Kind::read);
            try {
                refresh();
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::io || attempt == 3) throw;
                continue;
            }
            return work();
        }
    }

    [[nodiscard]] std::vector<Query> prepare(std::span<const float> queries, int64_t count,
                                             const SearchOptions& options, const Run& run) const;
    Column& of(Kind kind) { return columns[static_cast<size_t>(kind)]; }
    std::vector<std::vector<Hit>> nearest(const Column& column, std::span<const Query> queries,
                                          const SearchOptions& options, const Run& run) const;
    Found found(const Column& column, Kind kind, const Hit& hit, bool embedding);

    std::filesystem::path folder;
    Database database;
    Facts facts;
    Codec codec;
    Items items;
    std::array<Column, kinds.size()> columns;
    bool loaded = false;
    std::mutex mutex;
};

Store::Store(std::filesystem::path folder) {
    if (!std::filesystem::exists(database_file(folder)))
        throw Error(ErrorKind::input,
                    printable(folder.string(), 400) +
                        ": this is no store: it has no store.db (make one with whence clip index)");
    state_ = std::make_unique<State>(std::move(folder));
}

Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

const Identity& Store::identity() const {
    return state_->facts.identity;
}

void Store::require(std::string_view fingerprint) const {
    if (identity().fingerprint == fingerprint) return;
    throw Error(
        ErrorKind::usage,
        fmt::format("{}: this store was made with another model ({}...; this one is {}...): "
                    "use that model, or index into another folder",
                    printable(state_->folder.string(), 400),
                    printable(identity().fingerprint).substr(0, 12),
                    printable(fingerprint).substr(0, 12)));
}

Counts Store::counts(Kind kind) {
    return state_->at_one_moment([&] {
        const Column& column = state_->of(kind);
        return Counts{.items = column.slots - column.removed_count,
                      .removed = column.removed_count,
                      .in_graph = column.graph ? column.graph->size() : 0};
    });
}

std::optional<Item> Store::find(Kind kind, const std::string& path, const std::string& caption) {
    return state_->at_one_moment([&] { return state_->items.find(kind, path, caption); });
}

void Store::each(Kind kind, const std::function<void(const Item&)>& tell) {
    state_->at_one_moment([&] { state_->items.each(kind, tell); });
}

std::vector<std::string> Store::notes() {
    return state_->at_one_moment([&] {
        std::vector<std::string> out;
        for (const Column& column : state_->columns)
            if (!column.graph_note.empty()) out.push_back(column.graph_note);
        return out;
    });
}

std::vector<std::vector<Hit>> Store::State::nearest(const Column& column,
                                                    std::span<const Query> queries,
                                                    const SearchOptions& options,
                                                    const Run& run) const {
    const Rows rows{.vectors = reinterpret_cast<const float*>(column.vectors.data()),
                    .codes = {&codec, column.codes.data()},
                    .count = column.slots,
                    .removed = column.removed};
    const int64_t live = column.slots - column.removed_count;
    const int64_t k = std::min(options.k, live);
    int64_t effort =
        options.effort > 0 ? std::max(options.effort, k) : std::max(usual_effort, 2 * k);
    if (live > 0) effort = effort * column.slots / live;  // some of those in view are gone
    // A walk that sees a good part of everything is slower than reading everything.
    const bool walks = column.graph && !options.exact && effort < column.graph->size() / 50;
    if (!walks) return scan(rows, 0, queries, k, run);
    std::vector<std::vector<Hit>> out = scan(rows, column.graph->size(), queries, k, run);
    parallel_for(run, std::ssize(queries), 1, [&](int64_t q, int64_t) {
        const Query& query = queries[static_cast<size_t>(q)];
        std::vector<Hit>& hits = out[static_cast<size_t>(q)];
        for (const Hit& hit : column.graph->search(rows.codes, query, effort)) {
            if (rows.gone(hit.slot)) continue;
            const float score = dot(query.vector.data(), rows.vector(hit.slot), codec.width());
            if (score >= -2) hits.push_back({hit.slot, score});  // not of a damaged vector
        }
        std::ranges::sort(hits, before);
        hits.resize(std::min(hits.size(), static_cast<size_t>(k)));
    });
    return out;
}

Found Store::State::found(const Column& column, Kind kind, const Hit& hit, bool embedding) {
    std::optional<Items::Placed> placed = items.at(kind, hit.slot);
    const auto damaged = [&](const std::string& what) {
        return Error(ErrorKind::input,
                     fmt::format("{}: {}: this store is damaged: restore it from a copy, or index "
                                 "again into another folder",
                                 printable(folder.string(), 400), what));
    };
    if (!placed) throw damaged(fmt::format("vector {} belongs to no item", hit.slot));
    const auto width = static_cast<size_t>(codec.width());
    const std::span vector(reinterpret_cast<const float*>(column.vectors.data()) +
                               static_cast<size_t>(hit.slot) * width,
                           width);
    if (checksum(vector) != placed->checksum)
        throw damaged(
            "the vector of '" +
            printable(kind == Kind::image ? placed->item.path : placed->item.caption, 200) +
            "' is not the one that was written");
    Found out{.item = std::move(placed->item), .score = hit.score};
    if (embedding) out.embedding.assign(vector.begin(), vector.end());
    return out;
}

std::vector<Query> Store::State::prepare(std::span<const float> queries, int64_t count,
                                         const SearchOptions& options, const Run& run) const {
    const auto width = static_cast<size_t>(facts.identity.width);
    if (count < 0 || queries.size() != static_cast<size_t>(count) * width)
        throw Error(ErrorKind::input,
                    fmt::format("{}: this store holds vectors of {} numbers; {} numbers are no {}",
                                printable(folder.string(), 400), width, queries.size(),
                                count == 1 ? "query" : fmt::format("{} queries", count)));
    if (options.k < 1 || options.k > 1'000'000)
        throw Error(ErrorKind::usage, "k must be from 1 to 1 000 000");
    std::vector<Query> ready(static_cast<size_t>(count));
    parallel_for(run, count, 16, [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
            ready[i] = codec.query(unit(queries.subspan(i * width, width), "the query"));
    });
    return ready;
}

Nearest Store::nearest(std::span<const float> queries, int64_t count, const SearchOptions& options,
                       const Run& run) {
    const std::vector<Query> ready = state_->prepare(queries, count, options, run);
    const auto k = static_cast<size_t>(options.k);
    return state_->at_one_moment([&] {
        const Column& column = state_->of(options.kind);
        const Codes codes{&state_->codec, column.codes.data()};
        Nearest out{.ids = std::vector<int64_t>(ready.size() * k),
                    .scores = std::vector<float>(ready.size() * k)};
        const auto all = state_->nearest(column, ready, options, run);
        for (size_t q = 0; q < all.size(); ++q)
            for (size_t i = 0; i < all[q].size(); ++i) {
                out.ids[q * k + i] = codes.tail(all[q][i].slot).id;
                out.scores[q * k + i] = all[q][i].score;
            }
        return out;
    });
}

struct View::Parts {
    Store::State& state;
    const Column& column;
    Kind kind;
};

void Store::view(Kind kind, const std::function<void(const View&)>& look) {
    state_->at_one_moment([&] {
        const View::Parts parts{*state_, state_->of(kind), kind};
        look(View(parts));
    });
}

int64_t View::size() const {
    return parts_.column.slots - parts_.column.removed_count;
}

bool View::exact() const {
    return !parts_.column.graph;
}

std::vector<View::Near> View::nearest(std::span<const float> query, int64_t k, int64_t effort,
                                      const Run& run) const {
    const SearchOptions options{.kind = parts_.kind, .k = k, .effort = effort};
    const std::vector<Query> ready = parts_.state.prepare(query, 1, options, run);
    const std::vector<std::vector<Hit>> hits =
        parts_.state.nearest(parts_.column, ready, options, run);
    std::vector<Near> found;
    for (const Hit& hit : hits.front()) found.push_back({hit.slot, hit.score});
    return found;
}

std::span<const float> View::embedding(int64_t slot) const {
    const auto width = static_cast<size_t>(parts_.state.codec.width());
    return {reinterpret_cast<const float*>(parts_.column.vectors.data()) +
                static_cast<size_t>(slot) * width,
            width};
}

Item View::item(int64_t slot) const {
    return parts_.state.found(parts_.column, parts_.kind, {static_cast<uint32_t>(slot), 0}, false)
        .item;
}

std::vector<Found> Store::search(std::span<const float> query, const SearchOptions& options,
                                 const Run& run) {
    return std::move(search_many(query, 1, options, run).front());
}

std::vector<std::vector<Found>> Store::search_many(std::span<const float> queries, int64_t count,
                                                   const SearchOptions& options, const Run& run) {
    const std::vector<Query> ready = state_->prepare(queries, count, options, run);
    return state_->at_one_moment([&] {
        const Column& column = state_->of(options.kind);
        std::vector<std::vector<Found>> out;
        for (const std::vector<Hit>& hits : state_->nearest(column, ready, options, run)) {
            std::vector<Found>& found = out.emplace_back();
            for (const Hit& hit : hits)
                found.push_back(state_->found(column, options.kind, hit, options.embeddings));
        }
        return out;
    });
}

}  // namespace whence::store

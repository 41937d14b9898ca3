#include "whence/store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <thread>

#include "message_of.h"
#include "store/vectors.h"
#include "whence/store/kernels.h"
#include "whence/store/writer.h"

namespace whence::store {
namespace {

using testing::clip;
using testing::clustered;
using testing::entries;
using testing::Folder;

bool says(const std::string& message, std::string_view part) {
    return message.find(part) != std::string::npos;
}

/// `count` vectors of 16 numbers, p0, p1, ...
void fill(const std::filesystem::path& folder, int64_t count, Kind kind = Kind::image) {
    Writer writer(folder, clip);
    writer.put(kind, entries(0, count), clustered(count, 16, 1));
}

std::vector<std::string> paths(const std::vector<Found>& found) {
    std::vector<std::string> out;
    for (const Found& one : found) out.push_back(one.item.path);
    return out;
}

std::vector<float> row(const std::vector<float>& vectors, int64_t number) {
    return {vectors.begin() + number * 16, vectors.begin() + (number + 1) * 16};
}

TEST(Store, KeepsWhatWasPut) {
    const Folder folder;
    fill(folder / "s", 30);
    Store store(folder / "s");
    EXPECT_EQ(store.identity().fingerprint, clip.fingerprint);
    EXPECT_EQ(store.identity().model, clip.model);
    EXPECT_EQ(store.identity().width, 16);
    EXPECT_EQ(store.counts(Kind::image).items, 30);
    EXPECT_EQ(store.counts(Kind::text).items, 0);
    const auto item = store.find(Kind::image, "p7");
    ASSERT_TRUE(item);
    EXPECT_EQ(static_cast<const Entry&>(*item), entries(7, 1).front());
    EXPECT_FALSE(store.find(Kind::image, "p30"));
    EXPECT_FALSE(store.find(Kind::text, "p7", "c1"));
    std::vector<std::string> all;
    store.each(Kind::image, [&](const Item& one) { all.push_back(one.path); });
    EXPECT_EQ(all.size(), 30u);
    EXPECT_EQ(all.front(), "p0");
    EXPECT_EQ(all.back(), "p29");
}

TEST(Store, AnswersAreSortedAndRight) {
    const Folder folder;
    fill(folder / "s", 500);
    Store store(folder / "s");
    const std::vector<float> vectors = clustered(500, 16, 1), query = clustered(1, 16, 3);
    const auto found = store.search(query, {.k = 20, .embeddings = true});
    std::vector<std::pair<float, int64_t>> all;
    for (int64_t i = 0; i < 500; ++i) {
        double sum = 0;
        for (size_t j = 0; j < 16; ++j) sum += double{query[j]} * row(vectors, i)[j];
        all.emplace_back(-sum, i);
    }
    std::ranges::sort(all);
    ASSERT_EQ(found.size(), 20u);
    for (size_t i = 0; i < 20; ++i) {
        EXPECT_EQ(found[i].item.path, "p" + std::to_string(all[i].second));
        EXPECT_NEAR(found[i].score, -all[i].first, 1e-6);
        const std::vector<float> vector = row(vectors, all[i].second);
        for (size_t j = 0; j < 16; ++j) EXPECT_NEAR(found[i].embedding[j], vector[j], 1e-6);
    }
    std::vector<float> longer = query;
    for (float& value : longer) value *= 1000;
    EXPECT_EQ(paths(store.search(longer, {.k = 20})), paths(found)) << "lengths do not matter";
    const auto many = store.search_many(clustered(5, 16, 3), 5, {.k = 3});
    EXPECT_EQ(many.size(), 5u);
    EXPECT_TRUE(store.search(query).front().embedding.empty());
    const Nearest nearest = store.nearest(clustered(5, 16, 3), 5, {.k = 3});
    for (size_t q = 0; q < many.size(); ++q)
        for (size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(nearest.ids[q * 3 + i], many[q][i].item.id);
            EXPECT_EQ(nearest.scores[q * 3 + i], static_cast<float>(many[q][i].score));
        }
    EXPECT_EQ(store.nearest(query, 1, {.k = 501}).ids.back(), 0) << "there are 500";
}

TEST(Store, AViewIsOfOneMoment) {
    const Folder folder;
    fill(folder / "s", 300);
    Store store(folder / "s");
    const std::vector<float> query = clustered(1, 16, 3);
    const auto expected = store.search(query, {.k = 12, .embeddings = true});
    store.view(Kind::image, [&](const View& view) {
        EXPECT_EQ(view.size(), 300);
        EXPECT_TRUE(view.exact());
        // What another process takes away meanwhile is still there.
        Writer(folder / "s", clip).remove(std::vector<int64_t>{expected[0].item.id});
        const auto near = view.nearest(query, 12, 0, {});
        ASSERT_EQ(near.size(), expected.size());
        for (size_t i = 0; i < near.size(); ++i) {
            EXPECT_EQ(near[i].score, expected[i].score);
            EXPECT_EQ(view.item(near[i].slot).path, expected[i].item.path);
            EXPECT_TRUE(std::ranges::equal(view.embedding(near[i].slot), expected[i].embedding));
        }
        EXPECT_EQ(view.nearest(query, 1000, 0, {}).size(), 300U);
        EXPECT_TRUE(says(message_of(ErrorKind::usage, [&] { (void)view.nearest(query, 0, 0, {}); }),
                         "from 1"));
    });
    store.view(Kind::image, [&](const View& view) { EXPECT_EQ(view.size(), 299); });
    store.view(Kind::text, [&](const View& view) { EXPECT_EQ(view.size(), 0); });
}

TEST(Store, EmptyOneAndCopies) {
    const Folder folder;
    const std::vector<float> one = clustered(1, 16, 1);
    { const Writer writer(folder / "s", clip); }
    EXPECT_TRUE(Store(folder / "s").search(one).empty());
    fill(folder / "s", 1);
    EXPECT_EQ(Store(folder / "s").search(one, {.k = 5}).size(), 1u);
    {
        Writer writer(folder / "s", clip);
        std::vector<float> copies;
        for (int i = 0; i < 9; ++i) copies.insert(copies.end(), one.begin(), one.end());
        writer.put(Kind::image, entries(1, 9), copies);
    }
    EXPECT_EQ(paths(Store(folder / "s").search(one, {.k = 4})),
              (std::vector<std::string>{"p0", "p1", "p2", "p3"}));
    EXPECT_TRUE(Store(folder / "s").search(one, {.kind = Kind::text}).empty());
}

TEST(Store, KindsAreApart) {
    const Folder folder;
    fill(folder / "s", 5);
    fill(folder / "s", 7, Kind::text);
    Store store(folder / "s");
    EXPECT_EQ(store.counts(Kind::image).items, 5);
    EXPECT_EQ(store.counts(Kind::text).items, 7);
    EXPECT_EQ(store.search(clustered(1, 16, 3), {.kind = Kind::text, .k = 100}).size(), 7u);
    EXPECT_TRUE(store.find(Kind::text, "p3", "c0"));
    EXPECT_FALSE(store.find(Kind::text, "p3", "c1"));
}

TEST(Store, TheSamePathIsReplaced) {
    const Folder folder;
    Writer writer(folder / "s", clip);
    const std::vector<float> vectors = clustered(10, 16, 1), other = clustered(1, 16, 77);
    writer.put(Kind::image, entries(0, 10), vectors);
    Store store(folder / "s");
    const int64_t id = store.find(Kind::image, "p4")->id;
    std::vector<Entry> fresh = entries(4, 1);
    fresh.front().hash = "other";
    EXPECT_EQ(writer.put(Kind::image, fresh, other), 1);
    EXPECT_EQ(store.counts(Kind::image).items, 10) << "a reader that was open sees it";
    EXPECT_EQ(store.counts(Kind::image).removed, 1);
    EXPECT_GT(store.find(Kind::image, "p4")->id, id);
    EXPECT_EQ(store.find(Kind::image, "p4")->hash, "other");
    const auto found = store.search(other, {.k = 10, .embeddings = true});
    EXPECT_EQ(found.front().item.path, "p4");
    EXPECT_NEAR(found.front().score, 1, 1e-6);
    EXPECT_EQ(found.size(), 10u);
    // Twice in one call: the last one stays.
    const std::vector<Entry> twice{fresh.front(), fresh.front()};
    std::vector<float> both = row(vectors, 4);
    both.insert(both.end(), other.begin(), other.end());
    EXPECT_EQ(writer.put(Kind::image, twice, both), 2);
    EXPECT_NEAR(store.search(other).front().score, 1, 1e-6);
    // A text is another one where the caption differs.
    writer.put(Kind::text, std::vector<Entry>{{.caption = "a"}, {.caption = "b"}, {.caption = "a"}},
               clustered(3, 16, 2));
    EXPECT_EQ(store.counts(Kind::text).items, 2);
}

TEST(Store, RemovesRestatesAndCompacts) {
    const Folder folder;
    Writer writer(folder / "s", clip);
    writer.put(Kind::image, entries(0, 100), clustered(100, 16, 1));
    writer.put(Kind::text, entries(0, 10), clustered(10, 16, 4));
    Store store(folder / "s");
    std::vector<int64_t> ids{9999};
    for (int i = 0; i < 100; i += 3)
        ids.push_back(store.find(Kind::image, "p" + std::to_string(i))->id);
    EXPECT_EQ(writer.remove(ids), 34);
    EXPECT_EQ(writer.remove(ids), 0);
    Item item = *store.find(Kind::image, "p1");
    item.modified = 4711;
    writer.restate(std::vector<Item>{item});
    EXPECT_EQ(store.find(Kind::image, "p1")->modified, 4711);
    const std::vector<float> query = clustered(1, 16, 3);
    const auto before_it = store.search(query, {.k = 100});
    EXPECT_EQ(before_it.size(), 66u);
    for (const Found& found : before_it) EXPECT_NE(std::stoi(found.item.path.substr(1)) % 3, 0);
    const auto texts = paths(store.search(query, {.kind = Kind::text}));
    writer.compact();
    const auto after = store.search(query, {.k = 100});
    EXPECT_EQ(paths(after), paths(before_it));
    for (size_t i = 0; i < after.size(); ++i) {
        EXPECT_EQ(after[i].score, before_it[i].score);
        EXPECT_EQ(after[i].item.id, before_it[i].item.id);
    }
    EXPECT_EQ(paths(store.search(query, {.kind = Kind::text})), texts);
    EXPECT_EQ(store.counts(Kind::image).removed, 0);
    EXPECT_EQ(std::filesystem::file_size(folder / "s/images-2.vectors"), 66u * 64);
    EXPECT_FALSE(std::filesystem::exists(folder / "s/images-1.vectors"));
    writer.put(Kind::image, entries(0, 1), clustered(1, 16, 1));
    EXPECT_EQ(store.counts(Kind::image).items, 67);
    std::vector<int64_t> all;
    store.each(Kind::image, [&](const Item& one) { all.push_back(one.id); });
    writer.remove(all);
    writer.finish();
    EXPECT_TRUE(std::filesystem::exists(folder / "s/images-3.vectors")) << "mostly gone: compacted";
    EXPECT_TRUE(store.search(query).empty());
}

TEST(Store, UsesAGraphWhereThereAreMany) {
    const Folder folder;
    const Identity wide{.fingerprint = "f", .model = "m", .width = 64};
    Writer writer(folder / "s", wide, {.graph_from = 4000});
    // So few that the usual effort would be a scan.
    const SearchOptions walk{.k = 10, .effort = 64};
    const std::vector<float> vectors = clustered(9000, 64, 1);
    const auto part = [&](int64_t from, int64_t to) {
        writer.put(Kind::image, entries(from, to - from),
                   std::span(vectors).subspan(static_cast<size_t>(from * 64),
                                              static_cast<size_t>((to - from) * 64)));
    };
    Store store(folder / "s");
    part(0, 3000);
    writer.finish();
    EXPECT_EQ(store.counts(Kind::image).in_graph, 0);
    part(3000, 8000);
    writer.finish();
    EXPECT_EQ(store.counts(Kind::image).in_graph, 8000);
    part(8000, 8200);
    writer.finish();
    EXPECT_EQ(store.counts(Kind::image).in_graph, 8000) << "a short tail is scanned";
    const auto newest = std::span(vectors).subspan(8199 * 64, 64);
    EXPECT_EQ(store.search(newest, walk).front().item.path, "p8199");
    part(8200, 9000);
    std::vector<int64_t> gone;
    for (int i = 0; i < 9000; i += 4)
        gone.push_back(store.find(Kind::image, "p" + std::to_string(i))->id);
    writer.remove(gone);
    writer.finish();
    EXPECT_EQ(store.counts(Kind::image).in_graph, 9000);
    const std::vector<float> queries = clustered(100, 64, 2);
    const auto near = store.search_many(queries, 100, walk);
    const auto exact = store.search_many(queries, 100, {.k = 10, .exact = true});
    const auto hurried = store.search_many(queries, 100, {.k = 10, .effort = 10});
    int right = 0, missed = 0;
    for (size_t q = 0; q < near.size(); ++q) {
        ASSERT_EQ(near[q].size(), 10u);
        EXPECT_TRUE(std::ranges::is_sorted(near[q], std::greater(), &Found::score));
        missed += paths(hurried[q]) != paths(exact[q]);
        for (const std::string& path : paths(near[q])) {
            EXPECT_NE(std::stoi(path.substr(1)) % 4, 0);
            right += std::ranges::count(paths(exact[q]), path);
        }
    }
    EXPECT_GE(right, 990);
    EXPECT_GT(missed, 0) << "a walk with so few in view misses some: it was one";
    const auto one = store.search_many(queries, 100, walk, {.threads = 1});
    for (size_t q = 0; q < near.size(); ++q) EXPECT_EQ(paths(one[q]), paths(near[q]));

    // Damaged it is not used, which is said, and finish() makes it again.
    const auto graph = folder / "s/images-1.graph";
    std::filesystem::resize_file(graph, std::filesystem::file_size(graph) / 2);
    Store reader(folder / "s");
    EXPECT_EQ(paths(reader.search(std::span(queries).first(64), walk)), paths(exact[0]));
    ASSERT_EQ(reader.notes().size(), 1u);
    EXPECT_TRUE(says(reader.notes().front(), "graph is damaged"));
    writer.finish();
    EXPECT_EQ(reader.counts(Kind::image).in_graph, 9000);
    EXPECT_TRUE(reader.notes().empty());
    writer.compact();
    EXPECT_EQ(reader.counts(Kind::image).in_graph, 6750);
}

TEST(Store, WrongVectorsAreRefused) {
    const Folder folder;
    Writer writer(folder / "s", clip);
    const auto refused = [&](std::vector<float> vectors) {
        return message_of(ErrorKind::input,
                          [&] { writer.put(Kind::image, entries(0, 2), vectors); });
    };
    std::vector<float> vectors = clustered(2, 16, 1);
    EXPECT_TRUE(says(refused(clustered(1, 16, 1)), "holds vectors of 16 numbers"));
    EXPECT_TRUE(says(refused(clustered(2, 17, 1)), "holds vectors of 16 numbers"));
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        vectors[20] = bad;
        EXPECT_TRUE(says(refused(vectors), "embedding of 'p1' has a value that is no finite"));
    }
    std::fill(vectors.begin() + 16, vectors.end(), 0.0f);
    EXPECT_TRUE(says(refused(vectors), "embedding of 'p1' is all zeros"));
    Store store(folder / "s");
    EXPECT_EQ(store.counts(Kind::image).items, 0) << "nothing of it was kept";
    EXPECT_EQ(std::filesystem::file_size(folder / "s/images-1.vectors"), 0u);
    const std::vector<float> query = clustered(1, 16, 3);
    EXPECT_TRUE(says(message_of(ErrorKind::input, [&] { (void)store.search(clustered(2, 16, 1)); }),
                     "32 numbers are no query"));
    EXPECT_TRUE(
        says(message_of(ErrorKind::input, [&] { (void)store.search(std::vector<float>(16)); }),
             "all zeros"));
    EXPECT_THROW((void)store.search(query, {.k = 0}), Error);
    EXPECT_THROW((void)store.search_many(query, -1), Error);
}

TEST(Store, AnotherModelIsRefused) {
    const Folder folder;
    fill(folder / "s", 3);
    const Identity other{.fingerprint = "fedcba", .model = "m", .width = 16};
    EXPECT_TRUE(says(message_of(ErrorKind::usage, [&] { Writer(folder / "s", other); }),
                     "made with another model (0123456789ab..."));
    const Identity wide{.fingerprint = clip.fingerprint, .model = "m", .width = 17};
    EXPECT_THROW(Writer(folder / "s", wide), Error);
    const Store store(folder / "s");
    EXPECT_NO_THROW(store.require(clip.fingerprint));
    EXPECT_TRUE(says(message_of(ErrorKind::usage, [&] { store.require("fedcba"); }),
                     "made with another model"));
    EXPECT_NO_THROW(Writer(folder / "s"));
}

TEST(Store, HasOneWriter) {
    const Folder folder;
    {
        const Writer first(folder / "s", clip);
        EXPECT_TRUE(says(message_of(ErrorKind::usage, [&] { Writer(folder / "s", clip); }),
                         "another process is writing this store"));
    }
    EXPECT_NO_THROW(Writer(folder / "s", clip));
}

TEST(Store, StrangersFoldersAreLeftAlone) {
    const Folder folder;
    std::filesystem::create_directories(folder / "letters");
    std::ofstream(folder / "letters/a") << "dear";
    EXPECT_TRUE(says(message_of(ErrorKind::usage, [&] { Writer(folder / "letters", clip); }),
                     "something else than a store"));
    EXPECT_FALSE(std::filesystem::exists(folder / "letters/store.db"));
    EXPECT_TRUE(says(message_of(ErrorKind::input, [&] { Store(folder / "letters"); }), "no store"));
    EXPECT_TRUE(
        says(message_of(ErrorKind::input, [&] { Writer(folder / "letters"); }), "no store"));
    EXPECT_TRUE(says(message_of(ErrorKind::input, [&] { Store(folder / "nowhere"); }), "no store"));
    EXPECT_THROW(Writer(folder / "letters/a/b", clip), Error);
    std::ofstream(folder / "x") << "";
    EXPECT_THROW(Writer(folder / "x", clip), Error);
}

// Overwrites some bytes of a file.
void scribble(const std::filesystem::path& path, std::streamoff at, const std::string& text) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file << text;
}

TEST(Store, DamageIsReported) {
    const Folder folder;
    const std::vector<float> query = clustered(1, 16, 3);
    const auto fresh = [&] {
        std::filesystem::remove_all(folder / "s");
        fill(folder / "s", 100);
    };
    const auto both = [&](ErrorKind kind, const std::string& part) {
        EXPECT_TRUE(says(message_of(kind, [&] { (void)Store(folder / "s").search(query); }), part));
        EXPECT_TRUE(says(message_of(kind, [&] { Writer(folder / "s", clip); }), part));
    };
    fresh();
    scribble(folder / "s/store.db", 0, std::string(100, 'x'));
    both(ErrorKind::input, "database is damaged");
    fresh();
    scribble(folder / "s/store.db", 100, std::string(20000, 'x'));
    both(ErrorKind::input, "database is damaged");
    fresh();
    std::filesystem::resize_file(folder / "s/images-1.vectors", 99 * 64);
    both(ErrorKind::input, "6336 bytes where the store counts on 6400");
    fresh();
    std::filesystem::resize_file(folder / "s/images-1.codes", 5);
    both(ErrorKind::input, "5 bytes where");
    fresh();
    std::filesystem::remove(folder / "s/images-1.vectors");
    EXPECT_TRUE(says(message_of(ErrorKind::io, [&] { (void)Store(folder / "s").search(query); }),
                     "cannot be read"));
    std::filesystem::remove_all(folder / "s");
    std::filesystem::create_directories(folder / "s");
    std::ofstream(folder / "s/store.db") << "";
    EXPECT_TRUE(
        says(message_of(ErrorKind::input, [&] { Store(folder / "s"); }), "nothing is in it"));
    EXPECT_TRUE(
        says(message_of(ErrorKind::input, [&] { Writer(folder / "s"); }), "nothing is in it"));
    EXPECT_NO_THROW(fill(folder / "s", 2));
}

TEST(Store, ADamagedVectorIsNoAnswer) {
    const Folder folder;
    fill(folder / "s", 20);
    const std::vector<float> vectors = clustered(20, 16, 1);
    scribble(folder / "s/images-1.vectors", 5 * 64 + 9, "x");
    Store store(folder / "s");
    EXPECT_TRUE(
        says(message_of(ErrorKind::input, [&] { (void)store.search(row(vectors, 5), {.k = 20}); }),
             "vector of 'p5' is not the one that was written"));
    Writer writer(folder / "s");
    const int64_t id = store.find(Kind::image, "p5")->id;
    EXPECT_TRUE(says(message_of(ErrorKind::input, [&] { writer.compact(); }),
                     "vector of item " + std::to_string(id) + " is damaged"));
    EXPECT_FALSE(std::filesystem::exists(folder / "s/images-2.vectors"));
    writer.remove(std::vector<int64_t>{id});
    EXPECT_EQ(store.search(row(vectors, 5), {.k = 20}).size(), 19u);
    // Codes are made again from the vectors.
    scribble(folder / "s/images-1.codes", 0, std::string(128, 'x'));
    writer.compact();
    EXPECT_EQ(store.search(row(vectors, 0)).front().item.path, "p0");
}

TEST(Store, ANewerFormatIsRefused) {
    const Folder folder;
    fill(folder / "s", 3);
    scribble(folder / "s/store.db", 60,
             std::string("\0\0\0\2", 4));  // where SQLite keeps user_version
    EXPECT_TRUE(says(message_of(ErrorKind::input, [&] { Store(folder / "s"); }),
                     "format 2, and this Whence knows format 1: use a newer Whence"));
    EXPECT_THROW(Writer(folder / "s", clip), Error);
}

// Files of this process may not grow beyond some bytes while this lives.
class SmallDisk {
  public:
    explicit SmallDisk(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &old_);
        handler_ = ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~SmallDisk() {
        ::setrlimit(RLIMIT_FSIZE, &old_);
        ::signal(SIGXFSZ, handler_);
    }

  private:
    rlimit old_{};
    void (*handler_)(int);
};

TEST(Store, AFullDiskLeavesItAsItWas) {
    const Folder folder;
    fill(folder / "s", 100);
    const std::vector<float> query = clustered(1, 16, 3), more = clustered(20000, 16, 8);
    const auto before_it = paths(Store(folder / "s").search(query, {.k = 100}));
    int failures = 0;
    {
        Writer writer(folder / "s", clip);
        // Room for the vectors or not, for the codes or not, for the rows of the database or not.
        for (const rlim_t room : {7'000, 20'000, 100'000, 1'000'000, 2'000'000}) {
            const SmallDisk disk(room);
            const std::string message = message_of(
                ErrorKind::io, [&] { writer.put(Kind::image, entries(1000, 20000), more); });
            EXPECT_TRUE(says(message, "the store is as it was before") || says(message, "database"))
                << message;
            ++failures;
        }
        EXPECT_EQ(writer.counts(Kind::image).items, 100);
        {
            const SmallDisk disk(5'000);
            EXPECT_THROW(writer.compact(), Error);
        }
        EXPECT_EQ(paths(Store(folder / "s").search(query, {.k = 100})), before_it);
        writer.put(Kind::image, entries(1000, 20000), more);
    }
    EXPECT_EQ(failures, 5);
    EXPECT_EQ(Store(folder / "s").counts(Kind::image).items, 20100);
}

}  // namespace
}  // namespace whence::store

#include "whence/store/graph.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include "message_of.h"
#include "store/vectors.h"
#include "whence/core/file.h"
#include "whence/store/kernels.h"
#include "whence/store/scan.h"

namespace whence::store {
namespace {

using testing::clustered;
using testing::Folder;
using testing::queries_of;
using testing::recall;
using testing::Table;

const GraphOwner owner{.store = 1, .generation = 2, .kind = 0};

std::vector<std::vector<Hit>> found(const Graph& graph, const Table& table,
                                    const std::vector<Query>& queries, int64_t effort, size_t k) {
    std::vector<std::vector<Hit>> out;
    for (const Query& query : queries) {
        auto hits = graph.search(table.rows().codes, query, effort);
        for (Hit& hit : hits)
            hit.score =
                dot(query.vector.data(), table.vector(hit.slot).data(), table.codec.width());
        std::ranges::sort(hits, before);
        hits.resize(std::min(hits.size(), k));
        out.push_back(std::move(hits));
    }
    return out;
}

std::string bytes_of(const Graph& graph) {
    const Folder folder;
    graph.save(folder / "g", owner);
    return read_text(folder / "g");
}

TEST(StoreGraph, FindsNearlyAllOfTheNearest) {
    const Table table(clustered(20000, 96, 1), 96);
    const auto queries = queries_of(table, clustered(200, 96, 2));
    const auto truth = scan(table.rows(), 0, queries, 10, {});
    Graph graph;
    graph.extend(table.rows().codes, table.count, {});
    EXPECT_EQ(graph.size(), table.count);
    EXPECT_GE(recall(found(graph, table, queries, 64, 10), truth), 0.99);
    EXPECT_LT(recall(found(graph, table, queries, 10, 10), truth),
              recall(found(graph, table, queries, 64, 10), truth))
        << "the measure can fail";
}

TEST(StoreGraph, GrowsInParts) {
    const Table table(clustered(8000, 64, 1), 64);
    const auto queries = queries_of(table, clustered(100, 64, 2));
    Graph graph;
    for (const int64_t count : {1, 2, 3, 500, 1700, 1700, 8000})
        graph.extend(table.rows().codes, count, {});
    EXPECT_GE(recall(found(graph, table, queries, 64, 10), scan(table.rows(), 0, queries, 10, {})),
              0.99);
}

TEST(StoreGraph, KeepsApartWhatComesAtOnce) {
    // A new folder of pictures, all alike and unlike all before: they must find each other.
    std::vector<float> vectors = clustered(3000, 64, 1);
    const std::vector<float> centre = clustered(1, 64, 99);
    for (int64_t row = 0; row < 900; ++row) {
        Rng rng(3, 4, static_cast<uint64_t>(row));
        std::vector<float> x;
        for (const float value : centre)
            x.push_back(-value + 0.02f * static_cast<float>(rng.normal()));
        float squares = 0;
        for (const float value : x) squares += value * value;
        for (const float value : x) vectors.push_back(value / std::sqrt(squares));
    }
    const Table table(std::move(vectors), 64);
    Graph graph;
    graph.extend(table.rows().codes, table.count, {});
    std::vector<Query> queries;
    for (int64_t row = 3000; row < 3900; row += 9)
        queries.push_back(table.codec.query(table.vector(row)));
    EXPECT_GE(recall(found(graph, table, queries, 64, 10), scan(table.rows(), 0, queries, 10, {})),
              0.99);
}

TEST(StoreGraph, CopiesDoNotHideTheRest) {
    std::vector<float> vectors;
    const std::vector<float> copy = clustered(1, 64, 5), others = clustered(3000, 64, 1);
    for (int64_t row = 0; row < 3000; ++row) {
        vectors.insert(vectors.end(), copy.begin(), copy.end());
        vectors.insert(vectors.end(), others.begin() + row * 64, others.begin() + (row + 1) * 64);
    }
    const Table table(std::move(vectors), 64);
    Graph graph;
    graph.extend(table.rows().codes, table.count, {});
    const auto queries = queries_of(table, clustered(100, 64, 2));
    EXPECT_GE(recall(found(graph, table, queries, 64, 10), scan(table.rows(), 0, queries, 10, {})),
              0.99);
    const auto copies = found(graph, table, queries_of(table, copy), 64, 10);
    EXPECT_EQ(copies.front().size(), 10u);
    for (const Hit& hit : copies.front())
        EXPECT_EQ(hit.slot % 2, 0u) << "a copy, as all of the nearest are";
}

TEST(StoreGraph, IsTheSameOnAnyNumberOfThreads) {
    const Table table(clustered(5000, 64, 1), 64);
    std::vector<std::string> made;
    for (const int threads : {1, 2, 8}) {
        Graph graph;
        graph.extend(table.rows().codes, table.count, {.threads = threads});
        made.push_back(bytes_of(graph));
    }
    EXPECT_EQ(made[0], made[1]);
    EXPECT_EQ(made[0], made[2]);
}

TEST(StoreGraph, StoppedItIsGoodForWhatItCovers) {
    const Table table(clustered(4000, 64, 1), 64);
    std::stop_source stop;
    whence::Run run{.stop = stop.get_token()};
    int told = 0;
    run.progress = [&](std::string_view, int64_t, int64_t) {
        if (++told == 2) stop.request_stop();
    };
    Graph graph, whole;
    EXPECT_THROW(graph.extend(table.rows().codes, table.count, run), Error);
    EXPECT_GT(graph.size(), 0);
    EXPECT_LT(graph.size(), table.count);
    whole.extend(table.rows().codes, table.count, {});
    graph.extend(table.rows().codes, table.count, {});
    EXPECT_EQ(bytes_of(graph), bytes_of(whole));
}

TEST(StoreGraph, EmptyAndSmall) {
    const Table table(clustered(2, 8, 1), 8);
    Graph graph;
    const Query query = table.codec.query(table.vector(1));
    EXPECT_TRUE(graph.search(table.rows().codes, query, 5).empty());
    graph.extend(table.rows().codes, 1, {});
    EXPECT_EQ(graph.search(table.rows().codes, query, 5).size(), 1u);
    graph.extend(table.rows().codes, 2, {});
    ASSERT_EQ(graph.search(table.rows().codes, query, 5).size(), 2u);
    EXPECT_EQ(graph.search(table.rows().codes, query, 5).front().slot, 1u);
}

TEST(StoreGraph, IsReadAsItWasWritten) {
    const Folder folder;
    const Table table(clustered(3000, 32, 1), 32);
    Graph graph;
    graph.extend(table.rows().codes, 2500, {});
    graph.save(folder / "g", owner);
    Graph read = Graph::load(folder / "g", owner, table.count);
    EXPECT_EQ(bytes_of(read), bytes_of(graph));
    read.extend(table.rows().codes, table.count, {});
    graph.extend(table.rows().codes, table.count, {});
    EXPECT_EQ(bytes_of(read), bytes_of(graph));
    EXPECT_NE(message_of(ErrorKind::input, [&] { (void)Graph::load(folder / "g", {}, 2500); })
                  .find("belongs to other vectors"),
              std::string::npos);
    EXPECT_THROW((void)Graph::load(folder / "g", owner, 2499), Error);
}

TEST(StoreGraph, DamageIsNoticed) {
    const Folder folder;
    const Table table(clustered(200, 16, 1), 16);
    Graph graph;
    graph.extend(table.rows().codes, table.count, {});
    const std::string text = bytes_of(graph);
    const auto refused = [&](const std::string& bytes) {
        std::ofstream(folder / "g", std::ios::binary) << bytes;
        try {
            (void)Graph::load(folder / "g", owner, table.count);
        } catch (const Error& error) {
            return error.kind() == ErrorKind::input;
        }
        return false;
    };
    EXPECT_FALSE(refused(text)) << "as it was written it is accepted";
    for (size_t at = 0; at < text.size(); at += at < 200 ? 1 : 97) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] ^ 0x41);
        EXPECT_TRUE(refused(other)) << at;
    }
    for (size_t length = 0; length < text.size(); length += 61)
        EXPECT_TRUE(refused(text.substr(0, length))) << length;
    EXPECT_TRUE(refused(text + "x"));
}

}  // namespace
}  // namespace whence::store

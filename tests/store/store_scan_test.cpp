#include "whence/store/scan.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "store/vectors.h"
#include "whence/store/kernels.h"

namespace whence::store {
namespace {

using testing::clustered;
using testing::queries_of;
using testing::Table;

// The slow twin: all of them, sorted.
std::vector<Hit> sorted(const Rows& rows, int64_t begin, const Query& query, int64_t k) {
    std::vector<Hit> all;
    for (int64_t row = begin; row < rows.count; ++row)
        if (!rows.gone(row))
            all.push_back({static_cast<uint32_t>(row),
                           dot(query.vector.data(), rows.vector(row), rows.codes.codec->width())});
    std::ranges::sort(all, before);
    all.resize(std::min(all.size(), static_cast<size_t>(k)));
    return all;
}

TEST(StoreKernels, AllGiveTheSameProducts) {
    for (const int64_t bytes : {64, 128, 192, 512, 576}) {
        const int64_t stride = bytes + 64, count = 9;
        AlignedVector<uint8_t> query(static_cast<size_t>(bytes));
        AlignedVector<int8_t> rows(static_cast<size_t>(stride * count));
        Rng rng(1, 2, static_cast<uint64_t>(bytes));
        for (auto& value : query) value = static_cast<uint8_t>(rng.below(256));
        for (auto& value : rows) value = static_cast<int8_t>(rng.below(256));
        std::fill_n(query.begin(), 64, uint8_t{255});  // where 16-bit sums would not hold
        std::fill_n(rows.begin(), 64, int8_t{-128});
        const std::vector<uint32_t> numbers{8, 0, 3, 3, 5};
        for (const ByteKernels& kernels : byte_kernels()) {
            SCOPED_TRACE(kernels.name);
            std::vector<int32_t> all(count), some(numbers.size());
            kernels.rows(query.data(), rows.data(), bytes, stride, count, all.data());
            kernels.some(query.data(), rows.data(), bytes, stride, numbers.data(),
                         std::ssize(numbers), some.data());
            for (int64_t row = 0; row < count; ++row) {
                int64_t sum = 0;
                for (int64_t j = 0; j < bytes; ++j)
                    sum += int64_t{query[static_cast<size_t>(j)]} *
                           rows[static_cast<size_t>(row * stride + j)];
                EXPECT_EQ(all[static_cast<size_t>(row)], sum);
            }
            for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(some[i], all[numbers[i]]);
        }
    }
}

TEST(StoreKernels, DotIsNearTheSumInDouble) {
    for (const int64_t width : {1, 3, 63, 64, 65, 100, 512, 1000}) {
        const std::vector<float> x = clustered(2, width, 3);
        double sum = 0, magnitude = 0;
        for (int64_t j = 0; j < width; ++j) {
            const double product =
                double{x[static_cast<size_t>(j)]} * x[static_cast<size_t>(width + j)];
            sum += product;
            magnitude += std::abs(product);
        }
        // 64 sums of width / 64 terms, 6 levels of halves, up to 63 terms behind them.
        const double roundings = static_cast<double>(width) / 64 + 6 + 63;
        EXPECT_NEAR(dot(x.data(), x.data() + width, width), sum, roundings * 0x1p-24 * magnitude);
    }
}

TEST(StoreCodec, TheErrorOfAProductIsWithinItsBound) {
    int wrong_without_it = 0;
    for (const int64_t width : {1, 2, 7, 96, 512}) {
        const Table table(clustered(40, width, 5), width);
        for (int64_t a = 0; a < table.count; ++a) {
            const Query query = table.codec.query(table.vector(a));
            for (int64_t b = 0; b < table.count; ++b) {
                int32_t product = 0;
                const Codes codes = table.rows().codes;
                byte_kernels().front().rows(query.bytes.data(), codes.row(b), table.codec.bytes(),
                                            table.codec.stride(), 1, &product);
                const CodeTail& tail = codes.tail(b);
                const double about = double{query.scale} * tail.scale * (product - 128 * tail.sum);
                double truth = 0;
                for (int64_t j = 0; j < width; ++j)
                    truth += double{table.vector(a)[static_cast<size_t>(j)]} *
                             table.vector(b)[static_cast<size_t>(j)];
                const double bound = (1 + query.error) * tail.error + query.error + 1e-5;
                EXPECT_LE(std::abs(about - truth), bound) << width;
                wrong_without_it += std::abs(about - truth) > bound / 20;
            }
        }
    }
    EXPECT_GT(wrong_without_it, 0) << "a bound twenty times smaller would not hold";
}

TEST(StoreCodec, OneLargeCoordinateDoesNotSpoilTheOthers) {
    std::vector<float> x(512, 0.5f / std::sqrt(511.0f));
    for (size_t j = 0; j < x.size(); j += 2) x[j] = -x[j];
    x[7] = std::sqrt(0.75f);
    const Codec codec(512);
    // Without the turn the step would be sqrt(0.75) / 127, and the rest about step sqrt(512 / 12).
    EXPECT_LT(codec.query(x).error, 0.5 * std::sqrt(0.75) / 127 * std::sqrt(512.0 / 12));
}

TEST(StoreScan, FindsWhatSortingFinds) {
    for (const int64_t width : {1, 3, 64, 100, 512}) {
        const Table table(clustered(3000, width, 1), width);
        std::vector<uint64_t> removed(30, 0x8421084210842108);  // and none said of the last rows
        for (const bool some_gone : {false, true})
            for (const int64_t begin : {0, 1, 2999, 3000}) {
                Rows rows = table.rows();
                if (some_gone) rows.removed = removed;
                const auto queries = queries_of(table, clustered(40, width, 2));
                for (const int64_t k : {1, 10, 4000}) {
                    const auto found = scan(rows, begin, queries, k, {});
                    ASSERT_EQ(found.size(), queries.size());
                    for (size_t q = 0; q < queries.size(); q += 13)
                        EXPECT_EQ(found[q], sorted(rows, begin, queries[q], k))
                            << width << " " << begin << " " << k;
                }
            }
    }
}

TEST(StoreScan, OfEqualsTheOlderComeFirst) {
    std::vector<float> vectors;
    const std::vector<float> one = clustered(1, 64, 1), other = clustered(1, 64, 9);
    for (int i = 0; i < 2500; ++i) {
        const auto& from = i % 3 == 0 ? other : one;
        vectors.insert(vectors.end(), from.begin(), from.end());
    }
    const Table table(std::move(vectors), 64);
    const auto hits = scan(table.rows(), 0, queries_of(table, one), 7, {}).front();
    std::vector<uint32_t> slots;
    for (const Hit& hit : hits) slots.push_back(hit.slot);
    EXPECT_EQ(slots, (std::vector<uint32_t>{1, 2, 4, 5, 7, 8, 10}));
}

TEST(StoreScan, IsTheSameOnAnyNumberOfThreads) {
    const Table table(clustered(9000, 96, 1), 96);
    const auto queries = queries_of(table, clustered(37, 96, 2));
    const auto one = scan(table.rows(), 0, queries, 20, {.threads = 1});
    for (const int threads : {2, 8})
        EXPECT_EQ(scan(table.rows(), 0, queries, 20, {.threads = threads}), one);
}

TEST(StoreScan, DamagedVectorsAreNotFound) {
    Table table(clustered(100, 64, 1), 64);
    table.vectors[64 * 5] = std::numeric_limits<float>::quiet_NaN();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(table.codes.data() + 6 * table.codec.stride() + table.codec.bytes(), &nan, 4);
    const auto hits =
        scan(table.rows(), 0, queries_of(table, clustered(1, 64, 2)), 100, {}).front();
    EXPECT_EQ(hits.size(), 98u);
    for (const Hit& hit : hits) EXPECT_TRUE(hit.slot != 5 && hit.slot != 6);
}

}  // namespace
}  // namespace whence::store

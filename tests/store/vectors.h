#pragma once
// Vectors as models of pictures and texts give them, and folders to keep them in.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "whence/core/aligned.h"
#include "whence/core/rng.h"
#include "whence/store/rows.h"
#include "whence/store/store.h"

namespace whence::store::testing {

class Folder {
  public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "whence-store-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
        return path_ / name;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// Unit vectors around one centre for every `members` of them, all centres in one half of space, as
/// embeddings of CLIP models are; one coordinate is far larger than the others.
inline std::vector<float> clustered(int64_t count, int64_t width, uint64_t seed,
                                    int64_t members = 50) {
    std::vector<float> out;
    for (int64_t row = 0; row < count; ++row) {
        Rng rng(seed, 1, static_cast<uint64_t>(row));
        Rng centre(7, 2, rng.below(static_cast<uint64_t>(count / members + 1)));
        std::vector<double> x;
        double squares = 0;
        for (int64_t j = 0; j < width; ++j) {
            x.push_back(0.6 * centre.normal() + 0.4 * rng.normal() + (j == 3 ? 4 : 0.3));
            squares += x.back() * x.back();
        }
        for (const double value : x) out.push_back(static_cast<float>(value / std::sqrt(squares)));
    }
    return out;
}

/// Vectors in memory with their codes.
struct Table {
    Table(std::vector<float> values, int64_t width)
        : codec(width), vectors(std::move(values)), count(std::ssize(vectors) / width) {
        codes.resize(static_cast<size_t>(count * codec.stride()));
        for (int64_t row = 0; row < count; ++row)
            codec.encode(vector(row), row, codes.data() + row * codec.stride());
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    [[nodiscard]] std::span<const float> vector(int64_t row) const {
        return std::span(vectors).subspan(static_cast<size_t>(row * codec.width()),
                                          static_cast<size_t>(codec.width()));
    }
    [[nodiscard]] Rows rows() const {
        return {.vectors = vectors.data(), .codes = {&codec, codes.data()}, .count = count};
    }

    Codec codec;
    std::vector<float> vectors;
    AlignedVector<std::byte> codes;
    int64_t count;
};

inline std::vector<Query> queries_of(const Table& table, std::span<const float> vectors) {
    std::vector<Query> out;
    const auto width = static_cast<size_t>(table.codec.width());
    for (size_t at = 0; at < vectors.size(); at += width)
        out.push_back(table.codec.query(vectors.subspan(at, width)));
    return out;
}

/// The share of the places that hold a vector as near as the true ones (which of equal vectors it
/// is does not matter).
inline double recall(const std::vector<std::vector<Hit>>& found,
                     const std::vector<std::vector<Hit>>& truth) {
    int64_t right = 0, all = 0;
    for (size_t q = 0; q < truth.size(); ++q) {
        all += std::ssize(truth[q]);
        for (const Hit& hit : found[q]) right += hit.score >= truth[q].back().score;
    }
    return static_cast<double>(right) / static_cast<double>(all);
}

inline const Identity clip{.fingerprint = "0123456789abcdef", .model = "models/clip", .width = 16};

/// Entries p0, p1, ... from `first` on.
inline std::vector<Entry> entries(int64_t first, int64_t count) {
    std::vector<Entry> out;
    for (int64_t i = first; i < first + count; ++i)
        out.push_back({.path = "p" + std::to_string(i),
                       .caption = "c" + std::to_string(i % 3),
                       .hash = "h",
                       .bytes = 10 + i,
                       .modified = i,
                       .width = 4,
                       .height = 5});
    return out;
}

}  // namespace whence::store::testing

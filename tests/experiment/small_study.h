#pragma once
// A study of seconds: pictures of 8x8 pixels, a bright block for each of three classes.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "whence/core/rng.h"

namespace whence::testing {

/// A folder that is gone with its owner.
class Folder {
  public:
    Folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "whence-study-XXXXXX").string();
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

inline void write_bytes(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

inline std::vector<uint8_t> idx_header(std::vector<uint32_t> shape) {
    std::vector<uint8_t> out{0, 0, 8, static_cast<uint8_t>(shape.size())};
    for (const uint32_t length : shape)
        for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<uint8_t>(length >> shift));
    return out;
}

/// MNIST's files, small: class c has a bright block in its own corner, and noise everywhere.
inline void write_set(const std::filesystem::path& folder, uint32_t train = 90, uint32_t test = 36,
                      uint64_t seed = 1) {
    constexpr uint32_t side = 8, classes = 3;
    std::filesystem::create_directories(folder);
    for (const auto& [stem, count] : {std::pair{"train", train}, std::pair{"t10k", test}}) {
        std::vector<uint8_t> pixels = idx_header({count, side, side}), labels = idx_header({count});
        Rng rng(seed, 1, count);
        for (uint32_t i = 0; i < count; ++i) {
            const uint32_t label = i % classes;
            labels.push_back(static_cast<uint8_t>(label));
            for (uint32_t y = 0; y < side; ++y)
                for (uint32_t x = 0; x < side; ++x) {
                    const bool inside = (y < 4) == (label < 2) && (x < 4) == (label % 2 == 0);
                    pixels.push_back(static_cast<uint8_t>(rng.below(60) + (inside ? 150 : 0)));
                }
        }
        write_bytes(folder / (std::string(stem) + "-images-idx3-ubyte"), pixels);
        write_bytes(folder / (std::string(stem) + "-labels-idx1-ubyte"), labels);
    }
}

/// Of two data sets, both ways to say where an object is, and every kind of method.
inline const char* small_spec = R"({
 "title": "A small study", "seed": 3, "iterations": 3, "folds": 2, "epochs": 2, "objects": 9, "batch": 16,
 "data-sets": [
  {"name": "blocks", "objects": "foreground", "foreground": 0.5, "segmentation": "grid:4x4"},
  {"name": "tiles", "folder": "blocks", "objects": "mosaic", "test": 30, "segmentation": "grid:2x2"}],
 "architectures": [{"name": "small", "kind": "dense", "hidden": 6}],
 "methods": [
  {"name": "lime", "kind": "lime", "samples": 60},
  {"name": "shap", "kind": "kernel-shap", "samples": 80, "hide": "training-mean"},
  {"name": "pixels", "kind": "gradient-shap", "samples": 6, "background": 4}],
 "differences": [{"distance": "mean-absolute"}, {"distance": "spearman"}]
})";

inline std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace whence::testing

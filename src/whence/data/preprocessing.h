#pragma once
// What lies between a file and what a model reads, as the small JSON beside the model says it.
//
//   {"kind": "image", "preset": "unit", "size": [32, 32], "resize": "shorter", "resize_to": 36,
//    "crop": "center", "channels": "rgb", "layout": "nchw", "scale": 1, "mean": [0.5, 0.5, 0.5],
//    "std": [0.25, 0.25, 0.25], "classes": ["cat", "dog"]}
//   {"kind": "table", "features": ["age", "job"], "categories": {"job": ["clerk", "cook"]},
//    "units": {"age": "years"}, "target": "income", "background": "train.csv", "labels":
//    "labels.txt"}
//   {"kind": "text", "tokenizer": "tokenizer.json", "max_length": 256, "ids": "input_ids",
//    "mask": "attention_mask", "types": "token_type_ids"}
//   {"kind": "text", "vocabulary": "vocab.txt", "words": "[a-z0-9']+", "lowercase": true,
//    "start": "<START>", "unknown": "<UNKNOWN>", "pad": "<PAD>"}
//   {"kind": "mixed", "inputs": {"photo": {"kind": "image", "size": 32},
//    "row": {"kind": "table", "background": "train.csv"}}, "classes": ["ill", "well"]}
//   {"kind": "image", "texts": ["a photo of a cat", "a photo of a dog"]}
//   {"kind": "text", "images": [{"path": "cat.png", "sha256": "..."}, "dog.png"]}
//
// The last two are of a folder with the encoders of pictures and texts (docs/clip.md), where one side
// is explained against the other.
// Every key but "kind" may be left out; "size" may be one number, "labels" a file with a class name
// on each line stands in for "classes".

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/data/csv.h"
#include "whence/data/image.h"

namespace whence::data {

enum class InputKind {
    none,
    image,
    table,
    text,
    mixed,  ///< several inputs, each with a preprocessing of its own
};
enum class ResizeMode {
    shorter,  ///< the shorter side to resize_to (0: just enough to cover the input), shape kept
    stretch,  ///< both sides to the input's
    none,
};
enum class ChannelOrder { rgb, bgr, gray };
enum class Layout { nchw, nhwc };

/// The model reads (pixel * scale - mean) / std with pixels in [0, 1]; mean and std hold nothing,
/// one number for all channels, or one for each in the model's own order of channels.
struct ImagePreprocessing {
    int64_t height = 0, width = 0;  ///< 0: as the model's input says
    ResizeMode resize = ResizeMode::shorter;
    int64_t resize_to = 0;
    Resample resample = Resample::bilinear;
    bool center_crop = true;
    ChannelOrder channels = ChannelOrder::rgb;
    Layout layout = Layout::nchw;
    std::vector<double> mean, std;
    double scale = 1;
};

struct TablePreprocessing {
    std::vector<std::string> features;  ///< in the model's order; empty: all but the target
    std::map<std::string, std::vector<std::string>> categories;  ///< fixed order of codes
    std::map<std::string, std::string> units;                    ///< what numbers count: "years"
    std::string target;                                          ///< column that is no input
    std::filesystem::path background;                            ///< CSV of training rows
};

/// How a text becomes numbers. Neither tokenizer nor vocabulary: the model reads strings.
struct TextPreprocessing {
    std::filesystem::path tokenizer;   ///< tokenizer.json
    std::filesystem::path vocabulary;  ///< words, one on each line, with their numbers
    std::string sha256;                ///< of that file; empty: any
    int64_t max_length = 0;            ///< tokens; 0: as the tokenizer says
    std::string ids, mask, types;      ///< the model's inputs; empty: by their usual names
    // Of a vocabulary.
    std::string words;                 ///< regular expression; empty: letters, digits and '
    bool lowercase = true;
    std::string start, end, unknown, pad;  ///< tokens; empty: none
};

/// A picture that texts are scored against.
struct ScoredImage {
    std::filesystem::path path;
    std::string sha256;  ///< of the file; empty: any
};

struct InputPreprocessing;

struct Preprocessing {
    InputKind kind = InputKind::none;
    ImagePreprocessing image;
    TablePreprocessing table;
    TextPreprocessing text;
    /// Of a model with two sides: what pictures, or texts, are scored against.
    std::vector<std::string> texts;
    std::vector<ScoredImage> images;
    std::vector<std::string> classes;  ///< names of the classes
    std::filesystem::path labels;      ///< or the file that holds them, one per line
    std::vector<InputPreprocessing> inputs;  ///< of a mixed one: a picture, a row or numbers each
};

struct InputPreprocessing {
    std::string name;  ///< of the model's input
    Preprocessing how;
};

/// Relative paths become relative to `folder`. No other file is read. Throws Error(input) naming
/// the key that is unknown, missing ("kind") or wrong.
[[nodiscard]] Preprocessing preprocessing_from_json(std::string_view text,
                                                    const std::filesystem::path& folder);
/// Only what differs from the defaults; reads back as the same.
[[nodiscard]] std::string to_json(const Preprocessing& preprocessing);

/// "imagenet" (shorter side 256, crop 224, its mean and std), "unit" ([0, 1]), "tf" ([-1, 1]),
/// "caffe" (bgr, 0 to 255 less the mean colour), "raw255" (0 to 255), "mnist" (grey, [0, 1]).
/// Throws Error(usage) naming them. A JSON names one with "preset" and may change it.
[[nodiscard]] Preprocessing preset(std::string_view name);

/// Class names, one on each line. Throws Error(input) if there are none.
[[nodiscard]] std::vector<std::string> read_labels(const std::filesystem::path& path);

/// The file, with the class names of its labels file.
[[nodiscard]] Preprocessing read_preprocessing(const std::filesystem::path& path);
/// MODEL.json beside MODEL.onnx, if there is one that says "kind".
[[nodiscard]] std::optional<Preprocessing> find_beside(const std::filesystem::path& model);

/// float32 [1, height, width, channels], pixels in [0, 1], one channel for gray, resized and
/// cropped. `height` and `width` are the model's; where it leaves them open (0 or less) the
/// preprocessing says them, where both do they must agree. Scale, mean, std, layout and the order
/// bgr are not applied here: they become part of the graph, so that explanations stay in the space
/// of pixels.
[[nodiscard]] Tensor prepare_image(const Image& image, const Preprocessing& preprocessing,
                                   int64_t height, int64_t width);

/// Of a training table the features in the model's order, without the target, with fixed categories.
/// read_csv reads them.
[[nodiscard]] Schema table_schema(const std::filesystem::path& path,
                                  const Preprocessing& preprocessing);

}  // namespace whence::data

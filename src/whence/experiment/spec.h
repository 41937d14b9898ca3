#pragma once
// What a study of the quality of explanations does: read from a JSON file, checked whole before
// anything runs.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "whence/metrics/consistency.h"
#include "whence/training/training.h"

namespace whence::experiment {

/// What an object's place in its picture is taken to be, for InterpretationAccuracy.
enum class ObjectMask {
    foreground,  ///< pixels brighter than a threshold: for objects on black
    mosaic,  ///< the object is one of four tiles of a picture of its own, and the tile its place
};

struct DataSetSpec {
    std::string name;
    std::string folder;  ///< below the folder that holds all of them
    ObjectMask objects = ObjectMask::foreground;
    double foreground = 0;        ///< brightness above which a pixel is the object's, in [0, 1)
    int64_t train = 0, test = 0;  ///< pictures used, the first ones; 0: all
    std::string segmentation = "grid:7x7";  ///< of methods that name none; see parse_segmentation
};

enum class Kind {
    lime,           ///< over superpixels
    kernel_shap,    ///< over superpixels
    deep_shap,      ///< over pixels
    gradient_shap,  ///< over pixels: expected gradients
};
[[nodiscard]] std::string_view name(Kind kind);
[[nodiscard]] bool over_superpixels(Kind kind);

/// What stands where a superpixel is off.
enum class Hide {
    superpixel_mean,  ///< its own mean colour: the lime package's default
    training_mean,    ///< the mean picture of the training set
    black,
};
[[nodiscard]] std::string_view name(Hide hide);

struct MethodSpec {
    std::string name;  ///< in the ledger and the document
    Kind kind = Kind::lime;
    std::string segmentation;  ///< empty: the data set's
    int64_t samples = 0;       ///< 0: 1000 of lime, 2 M + 2048 of kernel-shap, 50 of gradient-shap
    Hide hide = Hide::superpixel_mean;
    double kernel_width = 0.25;  ///< lime
    int64_t background = 20;     ///< deep-shap, gradient-shap: training pictures compared with
};

/// How two explanations are compared.
struct Difference {
    metrics::Distance distance = metrics::Distance::mean_absolute;
    metrics::Normalisation normalisation = metrics::Normalisation::none;
    [[nodiscard]] std::string name() const;  ///< "euclidean", "euclidean/largest"
    bool operator==(const Difference&) const = default;
};

struct ArchitectureSpec {
    std::string name;
    training::Architecture kind = training::Architecture::dense;
    int64_t hidden = 50;
};

struct Spec {
    std::string title;
    uint64_t seed = 0;
    int64_t iterations = 20, folds = 5, epochs = 5, objects = 100;
    int64_t batch = 64;
    double learning_rate = 0.001;
    std::vector<DataSetSpec> data_sets;
    std::vector<ArchitectureSpec> architectures;
    std::vector<MethodSpec> methods;
    bool explain_true_class = false;       ///< else the class predicted
    bool pair_by_predicted_class = false;  ///< else two objects are alike where their labels are
    std::vector<Difference> differences;   ///< the first is the one that conclusions are drawn from
    metrics::MegeScale mege_scale = metrics::MegeScale::largest_class;  ///< of those conclusions
    double alpha = 0.5;                  ///< of InterpretationAccuracy
    double overlap_threshold = 1.0 / 3;  ///< above which an interpretation counts as right
    int64_t mask_pieces =
        0;  ///< most superpixels of an explanation's mask; 0: as large as the object

    /// The methods as they explain a data set: every segmentation named.
    [[nodiscard]] std::vector<MethodSpec> methods_for(const DataSetSpec& set) const;
    [[nodiscard]] int64_t units() const;  ///< trainings
    [[nodiscard]] int64_t explanations() const;
};

/// Throws Error(input) with one line: `where`, the key, what it may be.
[[nodiscard]] Spec read_spec(std::string_view json, std::string_view where);
/// Every setting, defaults included, in a fixed order: what the fingerprint is of.
[[nodiscard]] std::string to_json(const Spec& spec);
/// SHA-256 of to_json.
[[nodiscard]] std::string fingerprint(const Spec& spec);

}  // namespace whence::experiment

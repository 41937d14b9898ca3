#pragma once
// The model that is explained, with all that lies between a user's file and its inputs.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "whence/data/preprocessing.h"
#include "whence/runtime/onnx_model.h"

namespace whence::recipe {

class Subject {
 public:
    /// `preprocessing`: a preset, a JSON file, "none", or empty: the JSON beside the model if there is
    /// one. An image model then reads pixels [N, H, W, C] in [0, 1]. Throws as OnnxModel::load.
    static Subject load(const std::filesystem::path& model, const std::string& preprocessing = "",
                        int threads = 0);
    /// With preprocessing that was read before.
    static Subject load(const std::filesystem::path& model, data::Preprocessing preprocessing,
                        int threads = 0);

    [[nodiscard]] const OnnxModel& model() const { return *model_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] const data::Preprocessing& preprocessing() const { return preprocessing_; }
    [[nodiscard]] data::InputKind kind() const { return preprocessing_.kind; }
    /// Class names, from the preprocessing or the file itself; empty if nobody knows them.
    [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
    /// Name of a class, or its number.
    [[nodiscard]] std::string label(int64_t index) const;
    /// Rows of the training table; none where the preprocessing names no background.
    [[nodiscard]] const data::Table* background() const { return background_.get(); }
    [[nodiscard]] const std::filesystem::path& background_path() const { return background_path_; }
    /// Replaces the background by another file (or sets one).
    void use_background(const std::filesystem::path& path);

 private:
    std::filesystem::path path_, background_path_;
    data::Preprocessing preprocessing_;
    std::shared_ptr<OnnxModel> model_;
    std::vector<std::string> classes_;
    std::shared_ptr<const data::Table> background_;
};

}  // namespace whence::recipe

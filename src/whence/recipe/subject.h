#pragma once
// The model that is explained, with all that lies between a user's file and its inputs.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "whence/clip/pair.h"
#include "whence/data/preprocessing.h"
#include "whence/mask/masked_scores.h"
#include "whence/recipe/kept.h"
#include "whence/remote/remote_model.h"
#include "whence/runtime/onnx_model.h"
#include "whence/text/text_model.h"
#include "whence/trees/ensemble_model.h"

namespace whence::recipe {

class Subject {
  public:
    /// `preprocessing`: a preset, a JSON file, "none", or empty: the JSON beside the model if there
    /// is one. An image model then reads pixels [N, H, W, C] in [0, 1]. `run` stops loading. Throws
    /// as OnnxModel::load. A tree ensemble (recognised by its content, see trees::load_ensemble) brings
    /// the names of its columns, categories and classes. A `model` that begins with http:// or
    /// https:// is an endpoint, asked as `endpoint` says (see remote::RemoteModel); before a picture's
    /// endpoint its pixels are normalised here (see data::PixelModel).
    static Subject load(const std::filesystem::path& model, const std::string& preprocessing = "",
                        int threads = 0, const Run& run = {}, const remote::Options& endpoint = {});
    /// With preprocessing that was read before.
    static Subject load(const std::filesystem::path& model, data::Preprocessing preprocessing,
                        int threads = 0, const Run& run = {}, const remote::Options& endpoint = {});

    /// A model that is no ONNX file: a function, an endpoint. `name`: what it is called in
    /// explanations. `preprocessing`: class names and the background; a picture's model reads pixels
    /// as they are.
    static Subject of(std::shared_ptr<const Model> model, std::string name,
                      data::Preprocessing preprocessing = {});

    /// A model of pictures and texts: the encoder of pictures with preprocessing.texts in its graph, or,
    /// of kind text, that of texts with preprocessing.images; classes are named after them where the
    /// preprocessing names none. A folder given to load is opened so. Throws Error(usage) where there is
    /// nothing of the other side, Error(input) for a picture that is broken or another one than meant.
    static Subject of(clip::Pair pair, data::Preprocessing preprocessing, const Run& run = {});

    /// A tree ensemble in memory. `sha256`: of the bytes it was read from, if any.
    static Subject of(trees::Ensemble ensemble, std::string name, std::string sha256 = "");

    [[nodiscard]] const Model& model() const { return *model_; }
    /// The same subject, which asks its model through another that answers for it.
    [[nodiscard]] Subject asked_through(
        const std::function<std::shared_ptr<const Model>(std::shared_ptr<const Model>)>& wrap) const;
    /// The same subject with another model of the same inputs and outputs, as one of other weights. An
    /// OnnxModel keeps its layers and gradients.
    [[nodiscard]] Subject with_model(std::shared_ptr<const Model> model) const;
    /// Where the model answers behind an HTTP endpoint; else nullptr.
    [[nodiscard]] const remote::RemoteModel* endpoint_or_null() const { return endpoint_; }
    /// Where the model is an ONNX file, which has layers and gradients; else nullptr.
    [[nodiscard]] const OnnxModel* onnx_or_null() const { return onnx_; }
    /// Where the model is a tree ensemble; else nullptr.
    [[nodiscard]] const trees::EnsembleModel* ensemble_or_null() const { return ensemble_; }
    /// Where the model is one side of a model of pictures and texts; else nullptr.
    [[nodiscard]] const clip::Pair* pair_or_null() const { return pair_ ? &*pair_ : nullptr; }
    /// What whoever reads an explanation should know of the model, as far as the model itself does not say.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
    /// SHA-256 of the model's file, of a pair its fingerprint; empty where it is none.
    [[nodiscard]] const std::string& sha256() const { return sha256_; }
    /// Throws Error(unsupported) where the model is no ONNX file.
    [[nodiscard]] const OnnxModel& onnx() const;
    /// Where the model is small and of a simple form: its answers to masked rows without asking it; else
    /// nullptr (see direct::read).
    [[nodiscard]] const MaskedScorer* masked_scorer() const { return masked_scorer_.get(); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] const data::Preprocessing& preprocessing() const { return preprocessing_; }
    /// The same as an explanation records it; empty where there is nothing to say.
    [[nodiscard]] const std::string& preprocessing_json() const { return preprocessing_json_; }
    [[nodiscard]] data::InputKind kind() const { return preprocessing_.kind; }
    /// Class names, from the preprocessing or the file itself; empty if nobody knows them.
    [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
    /// Class names from a file, one on each line.
    void use_labels(const std::filesystem::path& path);
    void use_classes(std::vector<std::string> names);
    /// Name of a class; its number where nobody knows its name.
    [[nodiscard]] std::string label(int64_t index) const;
    /// Rows of the training table; none where the preprocessing names no background.
    [[nodiscard]] const data::Table* background() const { return background_.get(); }
    /// The same as float64 [rows, columns]. Only where there is a background.
    [[nodiscard]] std::shared_ptr<const Tensor> background_matrix() const;
    /// What methods made of this background for columns read as `schema`, made once; `key` names it and
    /// the options it depends on. Explanations row by row would else sort all columns for each row.
    template <class T>
    [[nodiscard]] std::shared_ptr<const T> kept(const std::string& key, const Schema& schema,
                                                const std::function<std::shared_ptr<const T>()>& make) const {
        return kept_->get<T>(key + key_of(schema), make);
    }
    [[nodiscard]] const std::filesystem::path& background_path() const { return background_path_; }
    [[nodiscard]] const std::string& background_sha256() const { return background_sha256_; }
    /// Where the preprocessing is mixed: a subject for each input, in its order, which reads files
    /// and is never asked. Empty else.
    [[nodiscard]] const std::vector<Subject>& parts() const { return parts_; }
    /// How texts become this model's inputs; none where it reads no texts.
    [[nodiscard]] const text::TextEncoder* text_encoder() const { return text_.get(); }
    /// Replaces the background by another file (or sets one).
    void use_background(const std::filesystem::path& path);
    /// The same from memory. Throws Error(input) for a table without rows or columns.
    void use_background(data::Table table);

    /// How this model reads a CSV (see data::read_csv): its columns in its order, with the background's
    /// categories if there is one. `label`: a column of the file that is no input of the model, where
    /// nothing else says which columns are.
    [[nodiscard]] Schema table_schema(const std::filesystem::path& path,
                                      const std::string& label = "") const;
    /// How it reads rows of so many numbers: as the background's columns, as those that the preprocessing
    /// names, or those of a tree ensemble by their place. Empty where none of them are so many.
    [[nodiscard]] Schema array_schema(int64_t columns) const;
    /// A CSV as this model reads it. Throws Error(input) also for a column of text that the model would
    /// read as numbers nobody defined.
    [[nodiscard]] data::Table read_table(const std::filesystem::path& path,
                                         const std::string& label = "") const;

  private:
    void open_onnx(int threads, const Run& run);
    void open_ensemble();
    void hold(trees::Ensemble ensemble);
    void use_preprocessing(std::vector<std::string> classes_of_model);
    void describe_preprocessing();
    void use_tokenizer();
    void use_parts();
    [[nodiscard]] Tensor embedded_texts();
    [[nodiscard]] Tensor embedded_images(const Run& run);
    [[nodiscard]] static std::string key_of(const Schema& schema);
    [[nodiscard]] Schema columns_of_model(Schema schema, const std::filesystem::path& path) const;

    std::filesystem::path path_, background_path_;
    data::Preprocessing preprocessing_;
    std::string sha256_, preprocessing_json_, background_sha256_;
    std::shared_ptr<const Model> model_;
    const OnnxModel* onnx_ = nullptr;                  // the same model
    const trees::EnsembleModel* ensemble_ = nullptr;  // the same model
    const remote::RemoteModel* endpoint_ = nullptr;   // the same model
    std::shared_ptr<const MaskedScorer> masked_scorer_;
    std::vector<std::string> classes_;
    std::shared_ptr<const data::Table> background_;
    std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();  // of this background; copies share both
    std::shared_ptr<const text::TextEncoder> text_;
    std::optional<clip::Pair> pair_;
    std::vector<std::string> notes_;
    std::vector<Subject> parts_;
};

}  // namespace whence::recipe

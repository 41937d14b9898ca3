#include "whence/recipe/subject.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/data/pixel_model.h"
#include "whence/data/table_model.h"
#include "whence/direct/direct.h"
#include "whence/trees/load.h"

namespace whence::recipe {
namespace {

data::Preprocessing find_preprocessing(const std::filesystem::path& model,
                                       const std::string& wanted) {
    if (wanted == "none") return {};
    if (wanted.empty() && remote::is_url(model.string())) return {};
    if (wanted.empty()) return data::find_beside(model).value_or(data::Preprocessing{});
    if (wanted.ends_with(".json")) return data::read_preprocessing(wanted);
    return data::preset(wanted);
}

PixelInput pixel_input(const data::ImagePreprocessing& image) {
    return {.transform = {.channels_first = image.layout == data::Layout::nchw,
                          .reverse_channels = image.channels == data::ChannelOrder::bgr,
                          .mean = image.mean,
                          .std = image.std,
                          .scale = image.scale,
                          .channels = image.channels == data::ChannelOrder::gray ? 1 : 3},
            .height = image.height,
            .width = image.width};
}

text::Tokenizer read_vocabulary(const data::TextPreprocessing& how) {
    text::VocabularyOptions options;
    if (!how.words.empty()) options.words = how.words;
    options.lowercase = how.lowercase;
    options.start = how.start;
    options.end = how.end;
    options.unknown = how.unknown;
    options.pad = how.pad;
    return text::Tokenizer::read_vocabulary(how.vocabulary, options);
}

// Whether the model reads a column as text; one matrix holds all columns.
bool reads_text(const Model& model, size_t column) {
    return model.inputs()[std::min(column, model.inputs().size() - 1)].type == ElementType::string;
}

// One of several inputs, for those who read files.
class OneInput final : public Model {
  public:
    explicit OneInput(TensorInfo input) : inputs_{std::move(input)} {}
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] Batch predict(const Batch&, const Run&) const override {
        throw Error(ErrorKind::internal, "one input alone was asked for an answer");
    }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 1; }

  private:
    std::vector<TensorInfo> inputs_, outputs_;
};

}  // namespace

Subject Subject::load(const std::filesystem::path& model, const std::string& preprocessing,
                      int threads, const Run& run, const remote::Options& endpoint) {
    return load(model, find_preprocessing(model, preprocessing), threads, run, endpoint);
}

Subject Subject::load(const std::filesystem::path& model, data::Preprocessing preprocessing,
                      int threads, const Run& run, const remote::Options& endpoint) {
    if (remote::is_url(model.string())) {
        auto asked = std::make_shared<const remote::RemoteModel>(model.string(), endpoint, run);
        std::shared_ptr<const Model> whole = asked;
        if (preprocessing.kind == data::InputKind::image &&
            !data::PixelModel::changes_nothing(preprocessing.image))
            whole = std::make_shared<const data::PixelModel>(asked, preprocessing.image);
        Subject subject = of(std::move(whole), asked->url(), std::move(preprocessing));
        subject.endpoint_ = asked.get();
        return subject;
    }
    std::error_code failed;
    if (std::filesystem::is_directory(model, failed))
        return of(clip::Pair::load(model, threads, run), std::move(preprocessing), run);
    Subject subject;
    subject.path_ = model;
    subject.preprocessing_ = std::move(preprocessing);
    if (trees::is_ensemble_file(model))
        subject.open_ensemble();
    else
        subject.open_onnx(threads, run);
    return subject;
}

void Subject::open_onnx(int threads, const Run& run) {
    OnnxModelOptions options{.threads = threads, .run = run};
    if (kind() == data::InputKind::image) options.pixels = pixel_input(preprocessing_.image);
    const auto onnx = std::make_shared<const OnnxModel>(OnnxModel::load(path_, options));
    model_ = onnx;
    onnx_ = onnx.get();
    sha256_ = onnx->sha256();
    masked_scorer_ = direct::read(onnx->graph());
    use_preprocessing(onnx->class_labels());
}

void Subject::open_ensemble() {
    if (kind() == data::InputKind::image || kind() == data::InputKind::text)
        throw Error(ErrorKind::usage, printable(path_.string(), 400) +
                                          " is a tree ensemble: it reads rows of a table, no pictures "
                                          "and no texts");
    hold(trees::load_ensemble(path_));
    sha256_ = sha256_of_file(path_);
}

void Subject::hold(trees::Ensemble held) {
    const auto ensemble = std::make_shared<const trees::EnsembleModel>(std::move(held));
    model_ = ensemble;
    ensemble_ = ensemble.get();
    const std::vector<std::string>& columns = ensemble->ensemble().parts().feature_names;
    if (preprocessing_.table.features.empty() && !columns.empty()) {
        preprocessing_.kind = data::InputKind::table;
        preprocessing_.table.features = columns;
    }
    use_preprocessing(ensemble->class_labels());
}

Subject Subject::of(std::shared_ptr<const Model> model, std::string name,
                    data::Preprocessing preprocessing) {
    Subject subject;
    subject.path_ = std::move(name);
    subject.preprocessing_ = std::move(preprocessing);
    subject.model_ = std::move(model);
    subject.use_preprocessing({});
    return subject;
}

Subject Subject::of(clip::Pair pair, data::Preprocessing preprocessing, const Run& run) {
    Subject subject;
    subject.path_ = pair.folder();
    subject.sha256_ = pair.fingerprint();
    subject.notes_ = pair.notes();
    subject.preprocessing_ = std::move(preprocessing);
    subject.pair_ = std::move(pair);
    const bool texts = !subject.preprocessing_.texts.empty(), images = !subject.preprocessing_.images.empty();
    if (texts == images)
        throw Error(ErrorKind::usage, printable(subject.path_.string(), 400) +
                                          " is a model of pictures and texts: say what pictures are scored against "
                                          "(preprocessing of kind image with \"texts\"), or texts (kind text with "
                                          "\"images\"); whence clip explain does");
    subject.preprocessing_.kind = texts ? data::InputKind::image : data::InputKind::text;
    const auto model = texts ? subject.pair_->image_model(subject.embedded_texts(), run)
                             : subject.pair_->text_model(subject.embedded_images(run), run);
    subject.model_ = model;
    subject.onnx_ = model.get();
    if (texts)
        subject.preprocessing_.image = subject.pair_->preprocessing().image;
    else
        subject.text_ = std::make_shared<const text::TextEncoder>(subject.pair_->token_encoder());
    subject.use_preprocessing({});
    return subject;
}

Tensor Subject::embedded_texts() {
    const std::vector<std::string>& texts = preprocessing_.texts;
    clip::TextEmbeddings embeddings = pair_->embed_texts(texts);
    for (const size_t cut : embeddings.cut)
        notes_.push_back(fmt::format("'{}' has more than the {} tokens that the model reads: the rest was cut off",
                                     printable(texts[cut], 60), pair_->context()));
    if (preprocessing_.classes.empty()) preprocessing_.classes = texts;
    return std::move(embeddings.values);
}

Tensor Subject::embedded_images(const Run& run) {
    std::vector<std::filesystem::path> files;
    std::vector<std::string> names;
    for (data::ScoredImage& image : preprocessing_.images) {
        const std::string sha256 = sha256_of_file(image.path);
        if (!image.sha256.empty() && image.sha256 != sha256)
            throw Error(ErrorKind::input, printable(image.path.string(), 400) +
                                              ": this is not the picture that the preprocessing means: its "
                                              "SHA-256 differs");
        image.sha256 = sha256;
        files.push_back(image.path);
        names.push_back(image.path.filename().string());
    }
    clip::ImageEmbeddings embeddings = pair_->embed_images(files, run);
    if (!embeddings.unreadable.empty()) throw Error(ErrorKind::input, embeddings.unreadable[0].reason);
    if (preprocessing_.classes.empty()) preprocessing_.classes = std::move(names);
    return std::move(embeddings.values);
}

Subject Subject::of(trees::Ensemble ensemble, std::string name, std::string sha256) {
    Subject subject;
    subject.path_ = std::move(name);
    subject.sha256_ = std::move(sha256);
    subject.hold(std::move(ensemble));
    return subject;
}

const OnnxModel& Subject::onnx() const {
    if (onnx_) return *onnx_;
    throw Error(ErrorKind::unsupported,
                printable(path_.string(), 400) +
                    " is no ONNX file: it can be asked, but has no layers and no gradients");
}

Subject Subject::asked_through(
    const std::function<std::shared_ptr<const Model>(std::shared_ptr<const Model>)>& wrap) const {
    Subject out = *this;
    out.model_ = wrap(model_);
    return out;
}

Subject Subject::with_model(std::shared_ptr<const Model> model) const {
    Subject out = *this;
    out.onnx_ = dynamic_cast<const OnnxModel*>(model.get());
    out.ensemble_ = dynamic_cast<const trees::EnsembleModel*>(model.get());
    out.endpoint_ = dynamic_cast<const remote::RemoteModel*>(model.get());
    out.model_ = std::move(model);
    // What was made of the other model's numbers says nothing of this one.
    out.masked_scorer_ = nullptr;
    out.kept_ = std::make_shared<Kept>();
    out.sha256_.clear();
    return out;
}

// Classes of the preprocessing come before those that the model itself names.
void Subject::use_preprocessing(std::vector<std::string> classes_of_model) {
    classes_ = preprocessing_.classes.empty() ? std::move(classes_of_model) : preprocessing_.classes;
    if (kind() == data::InputKind::text && !pair_) use_tokenizer();
    if (kind() == data::InputKind::mixed) use_parts();
    describe_preprocessing();
    if (const auto& background = preprocessing_.table.background; !background.empty())
        use_background(background);
}

// Pictures are read as pixels; what an input reads of a row is a matrix.
void Subject::use_parts() {
    const std::vector<TensorInfo> read = model_->inputs();
    if (read.size() != preprocessing_.inputs.size())
        throw Error(
            ErrorKind::input,
            fmt::format("{}: the model reads {} inputs, the preprocessing says what {} of "
                        "them are",
                        printable(path_.string(), 400), read.size(), preprocessing_.inputs.size()));
    std::vector<size_t> places;
    for (const data::InputPreprocessing& one : preprocessing_.inputs) {
        const auto found = std::ranges::find(read, one.name, &TensorInfo::name);
        if (found == read.end()) {
            std::string have;
            for (const TensorInfo& info : read)
                have += (have.empty() ? "" : ", ") + printable(info.name, 60);
            throw Error(ErrorKind::input,
                        fmt::format("{}: no input '{}'; the model reads {}",
                                    printable(path_.string(), 400), printable(one.name), have));
        }
        places.push_back(static_cast<size_t>(found - read.begin()));
        if (one.how.kind == data::InputKind::image &&
            !data::PixelModel::changes_nothing(one.how.image))
            model_ = std::make_shared<const data::PixelModel>(model_, one.how.image, places.back());
    }
    for (size_t i = 0; i < places.size(); ++i)
        parts_.push_back(of(std::make_shared<const OneInput>(model_->inputs()[places[i]]),
                            path_.string(), preprocessing_.inputs[i].how));
}

// What is recorded names the tokenizer by its content: another file would be another model.
void Subject::use_tokenizer() {
    data::TextPreprocessing& text = preprocessing_.text;
    const std::filesystem::path& file = text.tokenizer.empty() ? text.vocabulary : text.tokenizer;
    std::optional<text::Tokenizer> tokenizer;
    if (!file.empty()) {
        const std::string sha256 = sha256_of_file(file);
        if (!text.sha256.empty() && text.sha256 != sha256)
            throw Error(ErrorKind::input, printable(file.string(), 400) +
                                              ": this is not the tokenizer that the preprocessing "
                                              "means: its SHA-256 differs");
        text.sha256 = sha256;
        tokenizer = text.tokenizer.empty() ? read_vocabulary(text)
                                           : text::Tokenizer::read(text.tokenizer);
    }
    text_ = std::make_shared<const text::TextEncoder>(
        std::move(tokenizer),
        text::TextInputs{text.ids, text.mask, text.types, text.max_length}, model_->inputs());
}

void Subject::use_labels(const std::filesystem::path& path) {
    use_classes(data::read_labels(path));
}

void Subject::use_classes(std::vector<std::string> names) {
    classes_ = preprocessing_.classes = std::move(names);
    preprocessing_.labels.clear();
    describe_preprocessing();
}

// Made once: explanations of small models take less time than this.
void Subject::describe_preprocessing() {
    const bool nothing = kind() == data::InputKind::none && preprocessing_.classes.empty();
    preprocessing_json_ = nothing ? "" : data::to_json(preprocessing_);
}

void Subject::use_background(const std::filesystem::path& path) {
    background_ = std::make_shared<const data::Table>(
        data::read_csv(path, columns_of_model(data::table_schema(path, preprocessing_), path)));
    kept_ = std::make_shared<Kept>();
    background_path_ = path;
    background_sha256_ = sha256_of_file(path);
}

void Subject::use_background(data::Table table) {
    if (table.rows() == 0) throw Error(ErrorKind::input, "the background has no rows");
    background_ = std::make_shared<const data::Table>(std::move(table));
    kept_ = std::make_shared<Kept>();
    background_path_.clear();
    background_sha256_.clear();
}

std::shared_ptr<const Tensor> Subject::background_matrix() const {
    return kept_->get<Tensor>("matrix", [&] { return std::make_shared<const Tensor>(background_->matrix()); });
}

// Everything that a schema says, each piece with its length before it.
std::string Subject::key_of(const Schema& schema) {
    std::string key;
    const auto add = [&](const std::string& text) { key += fmt::format(" {}:{}", text.size(), text); };
    for (const Feature& feature : schema) {
        add(feature.name);
        key += fmt::format(" {}{}", feature.categories.size(), feature.allows_missing ? "?" : "");
        for (const std::string& category : feature.categories) add(category);
    }
    return key;
}

data::Table Subject::read_table(const std::filesystem::path& path, const std::string& label) const {
    return data::read_csv(path, table_schema(path, label));
}

Schema Subject::table_schema(const std::filesystem::path& path, const std::string& label) const {
    if (background_) return background_->schema;
    data::Preprocessing how = preprocessing_;
    if (how.table.features.empty() && how.table.target.empty()) how.table.target = label;
    return columns_of_model(data::table_schema(path, how), path);
}

Schema Subject::array_schema(int64_t columns) const {
    Schema schema;
    const data::TablePreprocessing& how = preprocessing_.table;
    if (background_)
        schema = background_->schema;
    else if (!how.features.empty() || !ensemble_)
        for (const std::string& name : how.features)
            schema.push_back({.name = name,
                              .allows_missing = ensemble_ != nullptr,
                              .unit = how.units.contains(name) ? how.units.at(name) : ""});
    else
        for (int64_t column = 0; column < ensemble_->ensemble().features(); ++column)
            schema.push_back({.name = fmt::format("column {}", column), .allows_missing = true});
    return std::ssize(schema) == columns ? schema : Schema();
}

Schema Subject::columns_of_model(Schema schema, const std::filesystem::path& path) const {
    if (const auto read = data::columns_read(*model_, schema)) {
        Schema chosen;
        for (const std::string& name : *read)
            chosen.push_back(*std::ranges::find(schema, name, &Feature::name));
        schema = std::move(chosen);
    } else {
        const Shape& shape = model_->inputs()[0].shape;
        if (shape.size() == 2 && shape[1] >= 0 && shape[1] != std::ssize(schema))
            throw Error(
                ErrorKind::input,
                fmt::format("{}: the model reads {} columns, this table has {}; name them in a "
                            "JSON file beside "
                            "the model (\"features\" or \"target\", see docs/preprocessing.md)",
                            printable(path.string(), 400), shape[1], schema.size()));
    }
    for (size_t c = 0; c < schema.size(); ++c) {
        Feature& feature = schema[c];
        const bool declared = preprocessing_.table.categories.contains(feature.name);
        if (ensemble_) {
            feature.allows_missing = true;  // every tree knows where NaN goes
            const auto& known = ensemble_->ensemble().parts().category_names;
            if (!known.empty() && !known[c].empty() && !declared) {
                feature.categories = known[c];
                continue;
            }
        }
        // A mistyped number must not turn its column into categories with codes nobody chose.
        if (!declared && !reads_text(*model_, c)) feature.categories.clear();
    }
    return schema;
}

std::string Subject::label(int64_t index) const {
    return index >= 0 && index < static_cast<int64_t>(classes_.size()) ? classes_[index]
                                                                       : std::to_string(index);
}

}  // namespace whence::recipe

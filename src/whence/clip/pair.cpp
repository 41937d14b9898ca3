#include "whence/clip/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>

#include "whence/clip/encoder.h"
#include "whence/clip/scale.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"
#include "whence/core/parallel.h"
#include "whence/data/preprocessing.h"
#include "whence/graph/io.h"

namespace whence::clip {
namespace {

// Trained CLIPs end near 100, where the authors clip it (Radford et al. 2021, section 2.5); SigLIP
// starts from 10 and -10 (Zhai et al. 2023, section 3.2).
constexpr double scale_of_clip = 100, first_scale_of_siglip = 10, first_bias_of_siglip = -10;
constexpr int64_t side_of_clip = 224;
// Pictures that are decoded while as many are encoded.
constexpr int64_t pictures_at_once = 64, texts_at_once = 256;

struct File {
    graph::Graph graph;
    std::string sha256;
};

/// External weights are no bytes of the file: then they are hashed themselves.
std::string fingerprint_of(const graph::Graph& graph, std::span<const std::byte> bytes) {
    size_t weights = 0;
    for (const auto& [name, constant] : graph.initializers) weights += constant->bytes();
    if (weights <= bytes.size()) return sha256(bytes);
    Sha256 hash;
    hash.update(bytes);
    for (const auto& [name, constant] : graph.initializers)
        hash.update({constant->data(), constant->bytes()});
    return hash.hex();
}

File read(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    try {
        File file{.graph = graph::parse_model(bytes, path.parent_path())};
        file.sha256 = fingerprint_of(file.graph, bytes);
        return file;
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

/// Errors name the file.
template <class Make>
auto of_file(const std::filesystem::path& path, const Make& make) {
    try {
        return make();
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

/// What the encoder's input says goes before what no file said.
void settle_picture(Folder& folder, const graph::ValueInfo& input) {
    const Shape shape = input.lengths();
    data::ImagePreprocessing& picture = folder.picture;
    if (shape[1] == 1) picture.channels = data::ChannelOrder::gray;
    if (picture.height <= 0) picture.height = shape[2];
    if (picture.width <= 0) picture.width = shape[3];
    if (picture.height > 0 && picture.width > 0) return;
    picture.height = picture.width = side_of_clip;
    folder.notes.push_back(
        fmt::format("no file says how large pictures are: {0} x {0}", side_of_clip));
}

PixelInput pixel_input(const data::ImagePreprocessing& picture) {
    return {.transform = {.mean = picture.mean,
                          .std = picture.std,
                          .scale = picture.scale,
                          .channels = picture.channels == data::ChannelOrder::gray ? 1 : 3},
            .height = picture.height,
            .width = picture.width};
}

/// Encoders that have to see the whole context say so in their graph: everybody then pads to it.
void fix_context(graph::Graph& graph, int64_t context) {
    for (graph::ValueInfo& input : graph.inputs)
        if (input.shape && input.shape->size() == 2 && (*input.shape)[1].length < 1)
            (*input.shape)[1] = {context, ""};
}

/// Rows brought to length 1, float32. Throws Error(model) for NaN or infinite numbers.
Tensor unit_rows(const Tensor& rows, std::string_view what) {
    if (rows.rank() != 2)
        throw Error(ErrorKind::model, fmt::format("the encoder of {} answers {}: no embeddings",
                                                  what, to_string(rows.shape())));
    Tensor out = rows.cast(ElementType::float32);
    const std::span<float> values = out.as<float>();
    const auto width = static_cast<size_t>(out.row_size());
    for (size_t at = 0; at + width <= values.size() && width > 0; at += width) {
        const std::span<float> row = values.subspan(at, width);
        double square = 0;
        for (const float value : row) square += static_cast<double>(value) * value;
        if (!std::isfinite(square))
            throw Error(ErrorKind::model,
                        fmt::format("the encoder of {} answers NaN or infinity", what));
        const double length = std::sqrt(square);
        if (length > 0)
            for (float& value : row) value = static_cast<float>(value / length);
    }
    return out;
}

/// A block of pictures, prepared.
struct Prepared {
    std::vector<std::optional<Tensor>> pixels;  // of each picture; none where it could not be read
    std::vector<Unreadable> unreadable;
};

Prepared prepare(size_t first, size_t count, const ReadImage& read, const data::Preprocessing& how,
                 const Run& run) {
    Prepared out{.pixels = std::vector<std::optional<Tensor>>(count)};
    std::vector<std::string> reasons(count);
    parallel_for(run, static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) try {
                out.pixels[i] =
                    data::prepare_image(read(first + i), how, how.image.height, how.image.width);
            } catch (const Error& error) {
                const ErrorKind kind = error.kind();
                if (kind != ErrorKind::io && kind != ErrorKind::input && kind != ErrorKind::limit)
                    throw;
                reasons[i] = error.what();
            }
    });
    for (size_t i = 0; i < count; ++i)
        if (!out.pixels[i]) out.unreadable.push_back({first + i, reasons[i]});
    return out;
}

/// Those that could be read, one after the other.
Tensor together(const std::vector<std::optional<Tensor>>& pixels) {
    std::vector<float> all;
    Shape shape;
    for (const auto& one : pixels)
        if (one) {
            shape = one->shape();
            const std::span<const float> values = one->as<float>();
            all.insert(all.end(), values.begin(), values.end());
        }
    if (shape.empty()) return {};
    shape[0] = static_cast<int64_t>(all.size()) / element_count(std::span(shape).subspan(1));
    return Tensor::of<float>(shape, all);
}

}  // namespace

struct Pair::State {
    State(Folder from, File image_file, File text_file, int threads, const Run& run);
    void use_scale(const graph::Graph& whole, const Run& run);
    [[nodiscard]] std::string fingerprint_of(const File& image_file, const File& text_file) const;
    [[nodiscard]] std::shared_ptr<const OnnxModel> join(const OnnxModel& encoder,
                                                        const Tensor& units, const Run& run) const;
    [[nodiscard]] Tensor encode(const Tensor& pixels, const Run& run) const;
    [[nodiscard]] Tensor longest_text(const Run& run) const;

    Folder folder;
    data::Preprocessing preprocessing;
    int threads;
    std::unique_ptr<const OnnxModel> image, text;
    std::unique_ptr<const text::TextEncoder> tokens;
    std::unique_ptr<const text::TextModel> strings;
    int64_t width = 0;
    double scale = 0, bias = 0;
    std::string fingerprint;
    std::vector<std::string> notes;
};

Pair::State::State(Folder from, File image_file, File text_file, int with_threads, const Run& run)
    : folder(std::move(from)), threads(with_threads) {
    const bool both = folder.one_file();
    graph::Graph pictures = of_file(
        folder.image_file, [&] { return encoder_of(image_file.graph, Side::picture, both); });
    graph::Graph texts = of_file(folder.text_file, [&] {
        return encoder_of(both ? image_file.graph : text_file.graph, Side::text, both);
    });
    settle_picture(folder, pictures.inputs[0]);
    if (folder.pads_texts) fix_context(texts, folder.context);
    preprocessing = {.kind = data::InputKind::image, .image = folder.picture};
    const OnnxModelOptions options{.threads = threads, .run = run};
    OnnxModelOptions of_pixels = options;
    of_pixels.pixels = pixel_input(folder.picture);
    image = of_file(folder.image_file, [&] {
        return std::make_unique<const OnnxModel>(
            OnnxModel::of(std::move(pictures), image_file.sha256, of_pixels));
    });
    text = of_file(folder.text_file, [&] {
        return std::make_unique<const OnnxModel>(
            OnnxModel::of(std::move(texts), (both ? image_file : text_file).sha256, options));
    });
    tokens = of_file(folder.text_file, [&] {
        return std::make_unique<const text::TextEncoder>(
            folder.tokenizer, text::TextInputs{.max_length = folder.context}, text->inputs());
    });
    strings = std::make_unique<const text::TextModel>(*text, *tokens);
    notes = folder.notes;
    for (const OnnxModel* encoder : {image.get(), text.get()}) {
        for (const std::string& note : encoder->notes()) notes.push_back(note);
        if (!encoder->batch_note().empty()) notes.push_back(encoder->batch_note());
    }
    fingerprint = fingerprint_of(image_file, both ? image_file : text_file);
}

/// What a text of as many tokens as the context has is embedded as.
Tensor Pair::State::longest_text(const Run& run) const {
    const std::string any = "a";
    try {
        return unit_rows(
            text->predict(tokens->encode({&any, 1}, tokens->max_length()), run)[0].value, "texts");
    } catch (const Error& error) {
        run.check();
        throw Error(error.kind(), fmt::format("{}: a text of {} tokens, the context that the "
                                              "folder says (text_config.max_position_embeddings "
                                              "in config.json), fails: {}",
                                              printable(folder.text_file.string(), 400),
                                              tokens->max_length(), error.what()));
    }
}

Tensor Pair::State::encode(const Tensor& pixels, const Run& run) const {
    return image->predict(Batch(pixels), run)[0].value;
}

std::string Pair::State::fingerprint_of(const File& image_file, const File& text_file) const {
    const std::string all =
        fmt::format("{}\n{}\n{}\n{}\n{}", image_file.sha256, text_file.sha256,
                    folder.tokenizer_sha256, data::to_json(preprocessing), tokens->max_length());
    return sha256(std::as_bytes(std::span(all.data(), all.size())));
}

void Pair::State::use_scale(const graph::Graph& whole, const Run& run) {
    const bool sigmoid = folder.activation == Activation::sigmoid;
    std::optional<Affine> found;
    if (folder.logit_scale)
        found = {*folder.logit_scale,
                 folder.logit_bias.value_or(sigmoid ? first_bias_of_siglip : 0)};
    else if (folder.one_file())
        found = scale_of_model(whole, *image, *tokens, run);
    if (!found) {
        found = sigmoid ? Affine{first_scale_of_siglip, first_bias_of_siglip}
                        : Affine{scale_of_clip, 0};
        notes.push_back(
            sigmoid
                ? "the trained logit_scale and logit_bias are not in the folder: 10 and -10 stand "
                  "for "
                  "them, from which SigLIP's training starts, so confidences are far from its own; "
                  "write both into config.json"
                : "the trained logit_scale is not in the folder: 100 stands for it, where CLIP's "
                  "training ends; write it into config.json");
    }
    scale = found->scale;
    bias = found->bias;
}

std::shared_ptr<const OnnxModel> Pair::State::join(const OnnxModel& encoder, const Tensor& units,
                                                   const Run& run) const {
    if (units.type() != ElementType::float32 || units.rank() != 2 || units.rows() < 1 ||
        units.shape()[1] != width)
        throw Error(ErrorKind::usage,
                    fmt::format("embeddings of this model are float32 [rows, {}], not {} {}", width,
                                name(units.type()), to_string(units.shape())));
    return std::make_shared<const OnnxModel>(
        OnnxModel::of(joined(encoder.graph(), units, scale, bias), fingerprint,
                      {.threads = threads, .run = run}));
}

Pair Pair::load(const std::filesystem::path& path, int threads, const Run& run) {
    Folder folder = read_folder(path);
    const bool both = folder.one_file();
    File image_file = read(folder.image_file);
    File text_file = both ? File{} : read(folder.text_file);
    const graph::Graph whole = both ? image_file.graph : graph::Graph{};
    auto state = std::make_shared<State>(std::move(folder), std::move(image_file),
                                         std::move(text_file), threads, run);
    // One picture and one text tell what the graphs may not say.
    const data::ImagePreprocessing& picture = state->preprocessing.image;
    const Tensor gray(ElementType::float32, {1, picture.height, picture.width,
                                             picture.channels == data::ChannelOrder::gray ? 1 : 3});
    const int64_t of_image = unit_rows(state->encode(gray, run), "pictures").shape()[1];
    const int64_t of_text = state->longest_text(run).shape()[1];
    if (of_image != of_text)
        throw Error(
            ErrorKind::input,
            fmt::format(
                "{}: pictures are embedded in {} dimensions, texts in {}: these are not the "
                "two encoders of one model",
                printable(path.string(), 400), of_image, of_text));
    state->width = of_image;
    state->use_scale(whole, run);
    return Pair(std::move(state));
}

const std::filesystem::path& Pair::folder() const {
    return state_->folder.path;
}
int64_t Pair::width() const {
    return state_->width;
}
double Pair::logit_scale() const {
    return state_->scale;
}
double Pair::logit_bias() const {
    return state_->bias;
}
Activation Pair::activation() const {
    return state_->folder.activation;
}
const std::string& Pair::fingerprint() const {
    return state_->fingerprint;
}
const std::vector<std::string>& Pair::notes() const {
    return state_->notes;
}
const data::Preprocessing& Pair::preprocessing() const {
    return state_->preprocessing;
}
const text::TextEncoder& Pair::token_encoder() const {
    return *state_->tokens;
}
int64_t Pair::context() const {
    return state_->tokens->max_length();
}
const OnnxModel& Pair::image_encoder() const {
    return *state_->image;
}
const OnnxModel& Pair::text_encoder() const {
    return *state_->text;
}

void Pair::embed_images(size_t count, const ReadImage& read, const TakeImages& take,
                        const Run& run) const {
    constexpr auto most = static_cast<size_t>(pictures_at_once);
    Run quiet = run;  // what reports is the caller's thread
    quiet.progress = nullptr;
    const auto start = [&](size_t first) {
        const size_t some = std::min(most, count - first);
        return std::async(std::launch::async, [this, first, some, &read, &quiet] {
            return prepare(first, some, read, state_->preprocessing, quiet);
        });
    };
    if (count == 0) return;
    std::future<Prepared> next = start(0);
    for (size_t first = 0; first < count; first += most) {
        run.check();
        const Prepared block = next.get();
        if (first + most < count) next = start(first + most);
        const auto rows = static_cast<int64_t>(block.pixels.size());
        ImageEmbeddings out{.values = Tensor(ElementType::float32, {rows, width()}),
                            .unreadable = block.unreadable};
        if (const Tensor pixels = together(block.pixels); pixels.size() > 0) {
            const Tensor units = unit_rows(state_->encode(pixels, quiet), "pictures");
            const std::span<const float> from = units.as<float>();
            const std::span<float> to = out.values.as<float>();
            const auto wide = static_cast<size_t>(width());
            size_t row = 0;
            for (size_t i = 0; i < block.pixels.size(); ++i)
                if (block.pixels[i])
                    std::ranges::copy(from.subspan(row++ * wide, wide), to.begin() + i * wide);
        }
        take(first, out);
        run.report("pictures", static_cast<int64_t>(first) + rows, static_cast<int64_t>(count));
    }
}

namespace {

ImageEmbeddings collected(const Pair& pair, size_t count, const ReadImage& read, const Run& run) {
    const auto wide = static_cast<size_t>(pair.width());
    ImageEmbeddings out{
        .values = Tensor(ElementType::float32, {static_cast<int64_t>(count), pair.width()})};
    pair.embed_images(
        count, read,
        [&](size_t first, const ImageEmbeddings& some) {
            std::ranges::copy(some.values.as<float>(),
                              out.values.as<float>().begin() + first * wide);
            out.unreadable.insert(out.unreadable.end(), some.unreadable.begin(),
                                  some.unreadable.end());
        },
        run);
    return out;
}

}  // namespace

ImageEmbeddings Pair::embed_images(std::span<const std::filesystem::path> files,
                                   const Run& run) const {
    return collected(
        *this, files.size(), [&](size_t i) { return data::read_image(files[i]); }, run);
}

ImageEmbeddings Pair::embed_images(std::span<const data::Image> images, const Run& run) const {
    return collected(
        *this, images.size(), [&](size_t i) { return images[i]; }, run);
}

TextEmbeddings Pair::embed_texts(std::span<const std::string> texts, const Run& run) const {
    const auto count = static_cast<int64_t>(texts.size());
    TextEmbeddings out{.values = Tensor(ElementType::float32, {count, width()})};
    for (size_t i = 0; i < texts.size(); ++i)
        if (token_encoder().cuts(texts[i])) out.cut.push_back(i);
    for (int64_t first = 0; first < count; first += texts_at_once) {
        run.check();
        const int64_t rows = std::min(texts_at_once, count - first);
        Batch batch;
        batch.add("text", Tensor::of<std::string>({rows}, texts.subspan(first, rows)));
        const Tensor units = unit_rows(state_->strings->predict(batch, run)[0].value, "texts");
        std::ranges::copy(units.as<float>(), out.values.as<float>().begin() + first * width());
        run.report("texts", first + rows, count);
    }
    return out;
}

std::shared_ptr<const OnnxModel> Pair::image_model(const Tensor& texts, const Run& run) const {
    return state_->join(*state_->image, texts, run);
}

std::shared_ptr<const OnnxModel> Pair::text_model(const Tensor& images, const Run& run) const {
    return state_->join(*state_->text, images, run);
}

std::vector<double> logits_of(const Pair& pair, const Tensor& ones, const Tensor& others) {
    const std::span<const float> a = ones.as<float>(), b = others.as<float>();
    const auto wide = static_cast<size_t>(pair.width());
    const auto rows = static_cast<size_t>(ones.rows()),
               columns = static_cast<size_t>(others.rows());
    std::vector<double> out(rows * columns);
    for (size_t i = 0; i < rows; ++i)
        for (size_t k = 0; k < columns; ++k) {
            double cosine = 0;
            for (size_t d = 0; d < wide; ++d)
                cosine += static_cast<double>(a[i * wide + d]) * b[k * wide + d];
            out[i * columns + k] = pair.logit_scale() * cosine + pair.logit_bias();
        }
    return out;
}

std::vector<double> confidences_of(Activation activation, std::vector<double> logits,
                                   size_t columns) {
    if (activation == Activation::sigmoid) {
        for (double& value : logits) value = 1 / (1 + std::exp(-value));
        return logits;
    }
    for (size_t at = 0; columns > 0 && at + columns <= logits.size(); at += columns) {
        const std::span<double> row(logits.data() + at, columns);
        const double top = std::ranges::max(row);
        double sum = 0;
        for (double& value : row) sum += value = std::exp(value - top);
        for (double& value : row) value /= sum;
    }
    return logits;
}

}  // namespace whence::clip

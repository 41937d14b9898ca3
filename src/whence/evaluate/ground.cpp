#include "whence/evaluate/ground.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/bilinear.h"
#include "whence/core/error.h"
#include "whence/data/table_model.h"
#include "whence/mask/segmentation.h"
#include "whence/metrics/linear_imputer.h"
#include "whence/recipe/superpixels.h"
#include "whence/text/word_masker.h"

namespace whence::evaluate {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorKind::unsupported, why);
}

void require_finite(std::span<const double> values) {
    for (const double value : values)
        if (!std::isfinite(value))
            throw Error(ErrorKind::input, "a value of the explanation is not a finite number");
}

// Each player's value shared evenly by what it consists of: `of` says whose each element is.
std::vector<double> shared(std::span<const double> values, std::span<const int32_t> of) {
    std::vector<int64_t> sizes(values.size(), 0);
    for (const int32_t player : of) {
        if (player < 0 || static_cast<size_t>(player) >= values.size())
            refuse("its superpixels are not those of its values");
        ++sizes[player];
    }
    std::vector<double> out;
    for (const int32_t player : of)
        out.push_back(values[player] / static_cast<double>(sizes[player]));
    return out;
}

struct Layout {
    int64_t height, width, channels;
    bool channels_last;
};

// [1, H, W], [1, H, W, C], [1, C, H, W], or the same without the leading 1, of this picture.
std::optional<Layout> layout_of(Shape shape, int64_t height, int64_t width) {
    if (shape.size() > 2 && shape[0] == 1) shape.erase(shape.begin());
    if (shape == Shape{height, width}) return Layout{height, width, 1, true};
    if (shape.size() != 3) return std::nullopt;
    if (shape[0] == height && shape[1] == width) return Layout{height, width, shape[2], true};
    if (shape[1] == height && shape[2] == width) return Layout{height, width, shape[0], false};
    return std::nullopt;
}

std::vector<double> channel_sums(std::span<const double> values, const Layout& at) {
    const int64_t pixels = at.height * at.width;
    std::vector<double> out(pixels, 0.0);
    for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < at.channels; ++c)
            out[p] += values[at.channels_last ? p * at.channels + c : c * pixels + p];
    return out;
}

}  // namespace

Asked::Asked(const recipe::Subject& subject, const recipe::Input& like) : subject_(subject) {
    if (!like.parts.empty())
        refuse(
            "metrics judge one input at a time; of a model that reads several together none does");
    if (like.text)
        own_ = std::make_unique<text::TextModel>(subject.model(), *subject.text_encoder());
    else if (like.is_table())
        own_ = std::make_unique<data::TableModel>(subject.model(), like.schema);
    model_ = own_ ? own_.get() : &subject.model();
}

Batch Asked::row_of(const recipe::Input& input) const {
    if (input.text) {
        Batch out;
        out.add("text", Tensor::of<std::string>({1}, std::vector<std::string>{input.text->text}));
        return out;
    }
    return input.is_table() ? Batch(*input.row) : input.batch;
}

recipe::Input Asked::input_of(const Batch& rows, int64_t row, const recipe::Input& like) const {
    Batch one = rows.slice_rows(row, 1);
    if (like.text) return recipe::from_text(subject_, one[0].value.as<std::string>()[0]);
    if (like.is_table())
        return recipe::from_row(subject_, like.schema, one[0].value.cast(ElementType::float64));
    recipe::Input out;
    out.batch = std::move(one);
    out.white = like.white;
    return out;
}

Ground::Ground(const recipe::Subject& subject, const Asked& asked, const recipe::Input& input,
               ResolvedTarget target, const GroundOptions& options, const Run& run)
    : asked_(asked), input_(input), target_(std::move(target)), row_(asked.row_of(input)) {
    if (input.text)
        use_text();
    else if (const auto image = input.image(); image && !input.is_table())
        use_image(subject, *image, options, run);
    else
        use_elements(subject, options, run);
}

void Ground::use_image(const recipe::Subject& subject, const Tensor& image,
                       const GroundOptions& options, const Run& run) {
    const auto axes = image_axes(image.shape());
    height_ = image.shape()[axes->height];
    width_ = image.shape()[axes->width];
    const Baseline baseline =
        recipe::baseline_for(options.baseline.empty() ? "mean" : options.baseline, subject, input_);
    removed_ = describe(baseline);
    const Tensor filling = baseline_values(baseline, image, run);
    const std::string& name = row_[0].name;
    std::vector<int32_t> pixel(height_ * width_);
    for (size_t p = 0; p < pixel.size(); ++p) pixel[p] = static_cast<int32_t>(p);
    const Tensor pixels = Tensor::of<int32_t>({height_, width_}, pixel);
    masker_ = std::make_unique<LabelMasker>(name, image, filling, pixel_labels(image, pixels));
    const Tensor regions = renumbered(
        recipe::superpixels(image, input_.white, parse_segmentation(options.regions), run));
    region_of_.assign(regions.as<int32_t>().begin(), regions.as<int32_t>().end());
    regions_ = std::make_unique<LabelMasker>(name, image, filling, pixel_labels(image, regions));
    if (image.type() == ElementType::float32 || image.type() == ElementType::float64)
        imputed_ = std::make_unique<metrics::LinearImputer>(
            name, image, metrics::ImputerOptions{.seed = run.seed});
}

void Ground::use_text() {
    words_ = text::split_words(input_.text->text, {.bow = false});
    if (words_.players() == 0) throw Error(ErrorKind::input, "the text has no words to judge by");
    masker_ = std::make_unique<text::WordMasker>(words_);
    removed_ = "left out";
}

void Ground::use_elements(const recipe::Subject& subject, const GroundOptions& options,
                          const Run& run) {
    if (row_.size() != 1 || row_[0].value.type() == ElementType::string)
        refuse(
            "metrics remove columns, pixels, words or elements of one array; this input is none "
            "of these");
    const Baseline baseline = recipe::baseline_for(options.baseline, subject, input_);
    removed_ = describe(baseline);
    const Tensor& values = row_[0].value;
    const auto* data = std::get_if<baseline::Data>(&baseline);
    Tensor filling;
    if (data && data->values.size() != values.size()) {
        if (values.size() == 0 || data->values.size() % values.size() != 0)
            throw Error(ErrorKind::input,
                        fmt::format("the baseline {} has shape {}, the input {}",
                                    printable(data->description), to_string(data->values.shape()),
                                    to_string(values.shape())));
        Shape shape = values.shape();
        shape[0] = data->values.size() / values.size();
        filling = data->values.cast(values.type()).reshaped(shape);
    } else {
        filling = baseline_values(baseline, values, run);
    }
    std::vector<std::string> names;
    for (const Feature& feature : input_.schema) names.push_back(feature.name);
    masker_ = std::make_unique<LabelMasker>(row_[0].name, values, std::move(filling),
                                            column_labels(values.size()), std::move(names));
}

std::string_view Ground::modality() const {
    if (input_.text) return "text";
    if (is_image()) return "image";
    return input_.is_table() ? "table" : "vector";
}

std::string_view Ground::players_in_words() const {
    if (input_.text) return "words";
    if (is_image()) return "pixels";
    return input_.is_table() ? "columns" : "elements";
}

const Masker& Ground::masker(Players players) const {
    if (players == Players::regions && regions_) return *regions_;
    if (players != Players::imputed) return *masker_;
    if (!imputed_) refuse("missing pixels are filled in from their neighbours: it needs a picture");
    return *imputed_;
}

std::vector<double> Ground::values_of(Players players, bool mean,
                                      std::span<const double> values) const {
    std::vector<double> out(values.begin(), values.end());
    if (players != Players::regions || !regions_) return out;
    out.assign(regions_->players(), 0.0);
    std::vector<double> sizes(out.size(), 0.0);
    for (size_t p = 0; p < region_of_.size(); ++p) {
        out[region_of_[p]] += values[p];
        sizes[region_of_[p]] += 1;
    }
    for (size_t r = 0; mean && r < out.size(); ++r) out[r] /= sizes[r];
    return out;
}

std::vector<double> Ground::values_of(const Explanation& explanation) const {
    const Attribution& attribution = explanation.attribution;
    if (explanation.rule) refuse("it gives a rule, and metrics judge values of features");
    if (explanation.counterfactuals)
        refuse("it gives counterfactuals, and metrics judge values of features");
    std::vector<double> out = input_.text         ? of_words(attribution)
                              : is_image()        ? of_pixels(attribution)
                              : input_.is_table() ? of_columns(attribution)
                                                  : attribution.values.to_doubles();
    if (std::ssize(out) != players())
        refuse(
            fmt::format("it gives {} values for {} {}", out.size(), players(), players_in_words()));
    require_finite(out);
    return out;
}

std::vector<double> Ground::values_of(const Tensor& given) const {
    std::vector<double> out = given.to_doubles();
    const auto layout = is_image() ? layout_of(given.shape(), height_, width_) : std::nullopt;
    if (layout) out = channel_sums(out, *layout);
    if (std::ssize(out) != players())
        throw Error(ErrorKind::input,
                    fmt::format("values of shape {} for an input of {} {}",
                                to_string(given.shape()), players(), players_in_words()));
    require_finite(out);
    return out;
}

std::vector<uint8_t> Ground::mask_of(const Tensor& mask) const {
    if (mask.size() != players())
        throw Error(ErrorKind::input,
                    fmt::format("a mask of shape {} for an input of {} {}", to_string(mask.shape()),
                                players(), players_in_words()));
    std::vector<uint8_t> out;
    for (const double value : mask.to_doubles()) out.push_back(value != 0);
    return out;
}

// LIME names the columns of its local model; the others have no value there.
std::vector<double> Ground::of_columns(const Attribution& attribution) const {
    const std::vector<double> values = attribution.values.to_doubles();
    if (attribution.names.empty() && attribution.columns.empty()) return values;
    std::map<std::string, size_t> place;
    for (size_t c = 0; c < input_.schema.size(); ++c) place[input_.schema[c].name] = c;
    std::vector<double> out(input_.schema.size(), 0.0);
    for (size_t i = 0; i < values.size(); ++i) {
        const auto column = place.find(column_of(attribution, i));
        if (column == place.end())
            refuse("it gives a value to '" + printable(column_of(attribution, i), 60) +
                   "', which is no column of its own");
        out[column->second] += values[i];
    }
    return out;
}

// What belongs to no word (special tokens, padding) cannot be removed, and is left out.
std::vector<double> Ground::of_words(const Attribution& attribution) const {
    const std::vector<double> values = attribution.values.to_doubles();
    if (!attribution.text) refuse("it does not say where the words stand that its values are of");
    std::vector<int64_t> places(values.size(), 0);
    for (const ExplainedText::Part& part : attribution.text->parts) ++places[part.feature];
    std::vector<double> out(words_.players(), 0.0);
    for (const ExplainedText::Part& part : attribution.text->parts) {
        const double share = values[part.feature] / static_cast<double>(places[part.feature]);
        for (const text::Words::Part& word : words_.parts)
            if (word.player >= 0 && part.begin < word.place.end && word.place.begin < part.end) {
                out[word.player] += share;
                break;
            }
    }
    return out;
}

std::vector<double> Ground::of_pixels(const Attribution& attribution) const {
    const std::vector<double> values = attribution.values.to_doubles();
    if (attribution.segments) {
        const Tensor labels = attribution.segments->cast(ElementType::int32);
        if (labels.size() != height_ * width_) refuse("its superpixels are of another picture");
        return shared(values, labels.as<int32_t>());
    }
    const Shape& shape = attribution.values.shape();
    if (const auto layout = layout_of(shape, height_, width_)) return channel_sums(values, *layout);
    const bool map = (shape.size() == 4 || shape.size() == 3) && shape[0] == 1;
    if (attribution.layer.empty() || !map) return values;
    // Features of a layer, or a map over it: the picture's pixels lie under its cells.
    const bool channels = shape.size() == 4;
    const Layout cells{shape[channels ? 2 : 1], shape[channels ? 3 : 2], channels ? shape[1] : 1,
                       false};
    std::vector<double> out =
        bilinear(channel_sums(values, cells), cells.height, cells.width, height_, width_);
    const double cell =
        static_cast<double>(cells.height * cells.width) / static_cast<double>(height_ * width_);
    for (double& value : out) value *= cell;
    return out;
}

}  // namespace whence::evaluate

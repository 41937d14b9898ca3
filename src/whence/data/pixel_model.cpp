#include "whence/data/pixel_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::data {
namespace {

double of_channel(const std::vector<double>& values, int64_t channel, double otherwise) {
    if (values.empty()) return otherwise;
    return values[values.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

// Where both say a length they agree.
int64_t agreed(int64_t given, int64_t read, const char* what) {
    if (given > 0 && read > 0 && given != read)
        throw Error(
            ErrorKind::usage,
            fmt::format("the preprocessing says {} {}, the model reads {}", what, given, read));
    if (given <= 0 && read <= 0)
        throw Error(ErrorKind::usage,
                    fmt::format("neither the model nor its preprocessing says the "
                                "picture's {}; set size in the preprocessing",
                                what));
    return given > 0 ? given : read;
}

bool of_whole_numbers(ElementType type) {
    return type != ElementType::float16 && type != ElementType::bfloat16 &&
           type != ElementType::float32 && type != ElementType::float64;
}

}  // namespace

bool PixelModel::changes_nothing(const ImagePreprocessing& how) {
    return how.layout == Layout::nhwc && how.mean.empty() && how.std.empty() && how.scale == 1 &&
           how.channels != ChannelOrder::bgr;
}

PixelModel::PixelModel(std::shared_ptr<const Model> inner, const ImagePreprocessing& how,
                       size_t input)
    : inner_(std::move(inner)),
      inputs_(inner_->inputs()),
      input_(input),
      channels_first_(how.layout == Layout::nchw),
      reversed_(how.channels == ChannelOrder::bgr) {
    TensorInfo& info = inputs_.at(input_);
    if (info.type == ElementType::string || info.type == ElementType::boolean)
        throw Error(ErrorKind::unsupported, "input '" + printable(info.name) + "' reads " +
                                                std::string(name(info.type)) + ", no picture");
    const int64_t channels = how.channels == ChannelOrder::gray ? 1 : 3;
    int64_t height = how.height, width = how.width;
    if (info.shape.size() == 4) {
        const int64_t read = info.shape[channels_first_ ? 1 : 3];
        if (read >= 0 && read != channels)
            throw Error(
                ErrorKind::usage,
                fmt::format("the model reads {}: that is not {} channels {}; set channels "
                            "and layout in the preprocessing",
                            to_string(info.shape), channels, channels_first_ ? "first" : "last"));
        height = agreed(height, info.shape[channels_first_ ? 2 : 1], "height");
        width = agreed(width, info.shape[channels_first_ ? 3 : 2], "width");
    } else {
        height = agreed(height, 0, "height");
        width = agreed(width, 0, "width");
        int64_t elements = 1;
        for (size_t d = 1; d < info.shape.size(); ++d) elements *= info.shape[d];
        if (info.shape.size() < 2 || elements != height * width * channels)
            throw Error(ErrorKind::usage,
                        fmt::format("the model reads {}, a picture of {} x {} has {} channels",
                                    to_string(info.shape), height, width, channels));
    }
    for (const std::vector<double>* list : {&how.mean, &how.std})
        if (list->size() > 1 && static_cast<int64_t>(list->size()) != channels)
            throw Error(ErrorKind::usage, "mean and std need one number, or one for each channel");
    for (int64_t c = 0; c < channels; ++c) {
        const double spread = of_channel(how.std, c, 1);
        factor_.push_back(how.scale / spread);
        offset_.push_back(-of_channel(how.mean, c, 0) / spread);
    }
    info.type = ElementType::float32;
    info.shape = {-1, height, width, channels};
}

Tensor PixelModel::transformed(const Tensor& pixels, const Run& run) const {
    const auto channels = static_cast<int64_t>(factor_.size());
    const int64_t spots = pixels.row_size() / channels;
    const TensorInfo& wanted = inner_->inputs()[input_];
    const bool whole = of_whole_numbers(wanted.type);
    Tensor out(ElementType::float32, {pixels.rows(), pixels.row_size()});
    const float* from = pixels.as<float>().data();
    float* to = out.as<float>().data();
    parallel_for(run, pixels.rows(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            for (int64_t c = 0; c < channels; ++c) {
                const int64_t source = reversed_ ? channels - 1 - c : c;
                const auto factor = static_cast<float>(factor_[c]);
                const auto offset = static_cast<float>(offset_[c]);
                for (int64_t spot = 0; spot < spots; ++spot) {
                    const float value =
                        from[(row * spots + spot) * channels + source] * factor + offset;
                    to[row * spots * channels +
                       (channels_first_ ? c * spots + spot : spot * channels + c)] =
                        whole ? std::nearbyint(value) : value;
                }
            }
    });
    Shape shape = wanted.shape;
    if (shape.size() == 4) {  // lengths that the model leaves open are the pictures'
        const Shape& read = pixels.shape();
        shape = channels_first_ ? Shape{read[0], read[3], read[1], read[2]} : read;
    }
    shape[0] = pixels.rows();
    return std::move(out).reshaped(shape).cast(wanted.type);
}

Batch PixelModel::predict(const Batch& inputs, const Run& run) const {
    const TensorInfo& info = inputs_[input_];
    const Tensor& pixels = inputs.at(info.name);
    const Shape& shape = pixels.shape();
    if (pixels.type() != ElementType::float32 || shape.size() != 4 ||
        !std::equal(shape.begin() + 1, shape.end(), info.shape.begin() + 1))
        throw Error(ErrorKind::input,
                    fmt::format("input '{}' is {} {}, pixels are float32 {}", printable(info.name),
                                name(pixels.type()), to_string(shape), to_string(info.shape)));
    Batch rows;
    for (const TensorInfo& one : inputs_)
        rows.add(one.name, &one == &info ? transformed(pixels, run) : inputs.at(one.name));
    return inner_->predict(rows, run);
}

}  // namespace whence::data

#include "whence/recipe/subject.h"

#include "whence/core/error.h"

namespace whence::recipe {
namespace {

data::Preprocessing find_preprocessing(const std::filesystem::path& model, const std::string& wanted) {
    if (wanted == "none") return {};
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

}  // namespace

Subject Subject::load(const std::filesystem::path& model, const std::string& preprocessing, int threads) {
    return load(model, find_preprocessing(model, preprocessing), threads);
}

Subject Subject::load(const std::filesystem::path& model, data::Preprocessing preprocessing, int threads) {
    Subject subject;
    subject.path_ = model;
    subject.preprocessing_ = std::move(preprocessing);
    OnnxModelOptions options{.threads = threads};
    if (subject.kind() == data::InputKind::image) options.pixels = pixel_input(subject.preprocessing_.image);
    subject.model_ = std::make_shared<OnnxModel>(OnnxModel::load(model, options));
    subject.classes_ = subject.preprocessing_.classes;
    if (subject.classes_.empty()) subject.classes_ = subject.model_->class_labels();
    if (const auto& background = subject.preprocessing_.table.background; !background.empty())
        subject.use_background(background);
    return subject;
}

void Subject::use_background(const std::filesystem::path& path) {
    background_ = std::make_shared<const data::Table>(data::read_table(path, preprocessing_));
    background_path_ = path;
}

std::string Subject::label(int64_t index) const {
    return index >= 0 && index < static_cast<int64_t>(classes_.size()) ? classes_[index] : std::to_string(index);
}

}  // namespace whence::recipe

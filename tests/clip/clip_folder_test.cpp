// Folders of encoders in the forms in which the usual tools write them, and what is said of those
// that are none.

#include "whence/clip/folder.h"

#include <gtest/gtest.h>

#include "../message_of.h"
#include "pair_folder.h"
#include "whence/clip/pair.h"

namespace whence::clip {
namespace {

using nlohmann::json;
using test::PairFolder;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

bool any_contains(const std::vector<std::string>& texts, const std::string& part) {
    return std::ranges::any_of(texts,
                               [&](const std::string& text) { return contains(text, part); });
}

TEST(ClipFolder, TheUsualNamesAreFound) {
    const std::pair<std::string, std::string> forms[] = {
        {"vision_model.onnx", "text_model.onnx"},
        {"onnx/vision_model.onnx", "onnx/text_model.onnx"},
        {"visual.onnx", "textual.onnx"},
        {"visual/model.onnx", "textual/model.onnx"},
        {"image_encoder.onnx", "text_encoder.onnx"}};
    for (const auto& [image, text] : forms) {
        SCOPED_TRACE(image);
        const PairFolder folder;
        if (image != "vision_model.onnx") {
            folder.move("vision_model.onnx", image);
            folder.move("text_model.onnx", text);
        }
        const Folder read = read_folder(folder.path());
        EXPECT_EQ(read.image_file, folder.path() / image);
        EXPECT_EQ(read.text_file, folder.path() / text);
        EXPECT_FALSE(read.one_file());
    }
}

TEST(ClipFolder, AModelOfBothSidesIsFound) {
    const PairFolder folder(PairFolder::Form::single);
    EXPECT_TRUE(read_folder(folder.path()).one_file());
    folder.move("model.onnx", "onnx/model.onnx");
    EXPECT_TRUE(read_folder(folder.path()).one_file());
}

TEST(ClipFolder, ImmichsFolderIsRead) {
    const PairFolder folder;
    folder.move("vision_model.onnx", "visual/model.onnx");
    folder.move("text_model.onnx", "textual/model.onnx");
    folder.move("vocab.json", "textual/vocab.json");
    folder.move("merges.txt", "textual/merges.txt");
    folder.remove("preprocessor_config.json");
    folder.write(
        "visual/preprocess_cfg.json",
        R"({"size": [16, 16], "mode": "RGB", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6],
                     "interpolation": "bilinear", "resize_mode": "squash", "fill_color": 0})");
    folder.write("config.json", R"({"embed_dim": 6, "text_cfg": {"context_length": 11}})");
    const Folder read = read_folder(folder.path());
    EXPECT_EQ(read.picture.mean, (std::vector<double>{0.1, 0.2, 0.3}));
    EXPECT_EQ(read.picture.std, (std::vector<double>{0.4, 0.5, 0.6}));
    EXPECT_EQ(read.picture.resample, data::Resample::bilinear);
    EXPECT_EQ(read.picture.resize, data::ResizeMode::stretch);
    EXPECT_EQ(read.picture.width, 16);
    EXPECT_EQ(read.context, 11);
    EXPECT_EQ(Pair::load(folder.path()).context(), 11);
}

TEST(ClipFolder, OpenClipsConfigurationIsRead) {
    const PairFolder folder;
    folder.remove("preprocessor_config.json");
    folder.write(
        "open_clip_config.json",
        R"({"model_cfg": {"embed_dim": 6, "vision_cfg": {"image_size": 16}, "text_cfg": {"context_length": 12},
                     "init_logit_bias": -10}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}})");
    const Folder read = read_folder(folder.path());
    EXPECT_EQ(read.picture.mean, (std::vector<double>{0.5, 0.5, 0.5}));
    EXPECT_EQ(read.picture.resample, data::Resample::bicubic);
    EXPECT_EQ(read.picture.height, 16);
    EXPECT_EQ(read.activation, Activation::sigmoid);
    EXPECT_FALSE(read.logit_scale);  // where its training starts is not where it ends
    const Pair pair = Pair::load(folder.path());
    EXPECT_EQ(pair.logit_scale(), 10);
    EXPECT_EQ(pair.logit_bias(), -10);
    EXPECT_TRUE(any_contains(pair.notes(), "logit_bias are not in the folder"));
}

TEST(ClipFolder, WhatNoFileSaysIsClipsOwnAndSaid) {
    const PairFolder folder;
    folder.remove("preprocessor_config.json");
    const Pair pair = Pair::load(folder.path());
    EXPECT_TRUE(any_contains(pair.notes(), "prepared as for CLIP"));
    EXPECT_TRUE(any_contains(pair.notes(), "100 stands for it"));
    EXPECT_EQ(pair.preprocessing().image.resample, data::Resample::bicubic);
    EXPECT_NEAR(pair.preprocessing().image.mean[0], 0.48145466, 1e-12);
    EXPECT_EQ(pair.preprocessing().image.height, 16);  // the encoder's input says it
    folder.write("config.json", R"({"logit_scale": 22.5})");
    const Pair said = Pair::load(folder.path());
    EXPECT_EQ(said.logit_scale(), 22.5);
    EXPECT_FALSE(any_contains(said.notes(), "logit_scale"));
}

TEST(ClipFolder, PreprocessingOfHuggingFace) {
    const auto read = [](const std::string& text) { return picture_of_hugging_face(text); };
    const data::ImagePreprocessing clip = read(
        R"({"crop_size": 224, "do_center_crop": true, "do_resize": true, "resample": 3, "size": 224, "do_normalize": true,
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]})");
    EXPECT_EQ(clip.resize_to, 224);
    EXPECT_EQ(clip.height, 224);
    EXPECT_EQ(clip.resize, data::ResizeMode::shorter);
    EXPECT_EQ(clip.resample, data::Resample::bicubic);
    EXPECT_EQ(clip.scale, 1);
    const data::ImagePreprocessing siglip = read(
        R"({"do_resize": true, "size": {"height": 384, "width": 320}, "resample": 3, "do_rescale": true,
            "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
    EXPECT_EQ(siglip.resize, data::ResizeMode::stretch);
    EXPECT_EQ(siglip.height, 384);
    EXPECT_EQ(siglip.width, 320);
    EXPECT_FALSE(siglip.center_crop);
    const data::ImagePreprocessing mobile = read(
        R"({"size": {"shortest_edge": 256}, "crop_size": {"height": 256, "width": 256}, "do_normalize": false, "resample": 2})");
    EXPECT_TRUE(mobile.mean.empty());
    EXPECT_EQ(mobile.resample, data::Resample::bilinear);
    EXPECT_EQ(read(R"({"size": 32, "do_rescale": false})").scale, 255);
}

TEST(ClipFolder, WhatCannotBeRecognisedIsSaid) {
    const std::string looked =
        "looked for vision_model.onnx with text_model.onnx, visual.onnx with textual.onnx, "
        "visual/model.onnx with textual/model.onnx, image_encoder.onnx with "
        "text_encoder.onnx, and model.onnx of two inputs, here and in onnx/";
    {
        const PairFolder folder;
        folder.remove("text_model.onnx");
        const std::string message =
            message_of(ErrorKind::io, [&] { (void)read_folder(folder.path()); });
        EXPECT_TRUE(contains(message, looked)) << message;
        EXPECT_TRUE(contains(message, "vision_model.onnx is here, text_model.onnx is not"))
            << message;
    }
    EXPECT_TRUE(contains(message_of(ErrorKind::io, [] { (void)read_folder("/nowhere"); }),
                         "no such folder"));
    {
        const PairFolder folder;
        folder.remove("vocab.json");
        EXPECT_TRUE(contains(message_of(ErrorKind::io, [&] { (void)read_folder(folder.path()); }),
                             "no tokenizer here"));
    }
    {  // Encoders that changed places.
        const PairFolder folder;
        folder.move("text_model.onnx", "other.onnx");
        folder.move("vision_model.onnx", "text_model.onnx");
        folder.move("other.onnx", "vision_model.onnx");
        const std::string message =
            message_of(ErrorKind::input, [&] { (void)Pair::load(folder.path()); });
        EXPECT_TRUE(contains(message, "reads one input [N, C, H, W]; this one reads input_ids"))
            << message;
    }
    {  // One encoder where both should be.
        const PairFolder folder;
        folder.remove("text_model.onnx");
        folder.move("vision_model.onnx", "model.onnx");
        const std::string message =
            message_of(ErrorKind::input, [&] { (void)Pair::load(folder.path()); });
        EXPECT_TRUE(contains(message, "looked for text_embeds; the model has image_embeds"))
            << message;
    }
    {
        const PairFolder folder;
        folder.write("vision_model.onnx", "no model");
        EXPECT_TRUE(contains(message_of(ErrorKind::model, [&] { (void)Pair::load(folder.path()); }),
                             "vision_model.onnx: "));
    }
}

TEST(ClipFolder, DamagedSettingsAreNamedByFileAndKey) {
    const std::pair<std::string, std::string> cases[] = {
        {R"([1])", "this is no JSON object"},
        {R"({"size": -1})", "'size' must be a whole number from 1 to 10000"},
        {R"({"size": {"longest_edge": 3}})", "'size' must say shortest_edge, or height and width"},
        {R"({"size": [1, 2, 3]})", "'size' must be one side or [height, width]"},
        {R"({"image_mean": [1, 2]})", "'image_mean' must hold three numbers"},
        {R"({"image_std": [0, 1, 1]})", "'image_std' must hold three numbers above 0"},
        {R"({"do_resize": 1})", "'do_resize' must be true or false"},
        {R"({"rescale_factor": 0})", "'rescale_factor' must be above 0, and no more than 1e6"},
        {std::string(100, '[') + std::string(100, ']'), "nested too deeply"}};
    for (const auto& [text, said] : cases) {
        SCOPED_TRACE(text);
        const PairFolder folder;
        folder.write("preprocessor_config.json", text);
        const std::string message =
            message_of(ErrorKind::input, [&] { (void)read_folder(folder.path()); });
        EXPECT_TRUE(contains(message, "preprocessor_config.json: " + said)) << message;
    }
    const PairFolder folder;
    folder.write("preprocessor_config.json", R"({"resample": 1})");
    EXPECT_TRUE(contains(
        message_of(ErrorKind::unsupported, [&] { (void)read_folder(folder.path()); }),
        "'resample' is 1; pictures are resized by the filters 2 (bilinear) and 3 (bicubic)"));
    folder.write("preprocessor_config.json", "{}");
    for (const auto& [text, said] :
         {std::pair<std::string, std::string>{R"({"logit_scale": -1})", "must be above 0"},
          {R"({"logit_scale": "x"})", "must be a number"},
          {R"({"text_config": 3})", "must be an object"},
          {R"({"text_config": {"max_position_embeddings": 1e9}})", "must be a whole number"}}) {
        folder.write("config.json", text);
        const std::string message =
            message_of(ErrorKind::input, [&] { (void)read_folder(folder.path()); });
        EXPECT_TRUE(contains(message, "config.json: ") && contains(message, said)) << message;
    }
}

}  // namespace
}  // namespace whence::clip

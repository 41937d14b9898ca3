// The JSON beside a model: every key, presets, errors by name, and what it does to pictures.

#include "whence/data/preprocessing.h"

#include <cmath>

#include "data/support.h"

namespace whence::data {
namespace {

using test::error_of;
using test::TemporaryFolder;

Preprocessing parse(std::string_view text) {
    return preprocessing_from_json(text, "models");
}
std::string error_in(std::string_view text) {
    return error_of([&] { (void)parse(text); });
}

TEST(PreprocessingJson, Image) {
    const Preprocessing p =
        parse(R"({"kind": "image", "size": [32, 48], "resize": "stretch", "resize_to": 40,
        "crop": "none", "channels": "bgr", "layout": "nhwc", "mean": [1, 2, 3], "std": 0.5, "scale": 255,
        "classes": ["cat", "dog"]})");
    EXPECT_EQ(p.kind, InputKind::image);
    EXPECT_EQ(p.image.height, 32);
    EXPECT_EQ(p.image.width, 48);
    EXPECT_EQ(p.image.resize, ResizeMode::stretch);
    EXPECT_EQ(p.image.resize_to, 40);
    EXPECT_FALSE(p.image.center_crop);
    EXPECT_EQ(p.image.channels, ChannelOrder::bgr);
    EXPECT_EQ(p.image.layout, Layout::nhwc);
    EXPECT_EQ(p.image.mean, (std::vector<double>{1, 2, 3}));
    EXPECT_EQ(p.image.std, (std::vector<double>{0.5}));
    EXPECT_EQ(p.image.scale, 255);
    EXPECT_EQ(p.classes, (std::vector<std::string>{"cat", "dog"}));
}

TEST(PreprocessingJson, Table) {
    const Preprocessing p =
        parse(R"({"kind": "table", "features": ["b", "a"], "categories": {"a": ["x", "y"]},
        "units": {"b": "mm"}, "target": "t", "background": "../data/x.csv", "labels": "/abs/names.txt"})");
    EXPECT_EQ(p.kind, InputKind::table);
    EXPECT_EQ(p.table.features, (std::vector<std::string>{"b", "a"}));
    EXPECT_EQ(p.table.categories.at("a"), (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(p.table.units.at("b"), "mm");
    EXPECT_EQ(p.table.target, "t");
    EXPECT_EQ(p.table.background, "data/x.csv") << "relative to the JSON's own folder";
    EXPECT_EQ(p.labels, "/abs/names.txt");
}

TEST(PreprocessingJson, Text) {
    const std::string tokenizer =
        R"({"kind":"text","tokenizer":"models/t.json","max_length":64,"sha256":"ab","ids":"i","mask":"m","types":"t","classes":["x"]})";
    Preprocessing p = preprocessing_from_json(tokenizer, "");
    EXPECT_EQ(p.kind, InputKind::text);
    EXPECT_EQ(p.text.tokenizer, "models/t.json");
    EXPECT_EQ(p.text.max_length, 64);
    EXPECT_EQ(p.text.ids + p.text.mask + p.text.types + p.text.sha256, "imtab");
    EXPECT_EQ(to_json(p), tokenizer);
    const std::string vocabulary =
        R"({"kind":"text","vocabulary":"v.txt","lowercase":false,"words":"[a-z]+","start":"s","end":"e","unknown":"u","pad":"p"})";
    p = preprocessing_from_json(vocabulary, "");
    EXPECT_FALSE(p.text.lowercase);
    EXPECT_EQ(p.text.words + p.text.start + p.text.end + p.text.unknown + p.text.pad, "[a-z]+seup");
    EXPECT_EQ(to_json(p), vocabulary);
    EXPECT_EQ(parse(R"({"kind":"text","tokenizer":"t.json"})").text.tokenizer, "models/t.json");
    EXPECT_EQ(parse(R"({"kind":"text"})").text.max_length, 0) << "a model that reads strings";
    for (const char* wrong : {R"({"kind":"text","tokenizer":"t","vocabulary":"v"})", R"({"kind":"text","pad":"p"})",
                              R"({"kind":"text","tokenizer":"t","words":"w"})", R"({"kind":"text","max_length":0})",
                              R"({"kind":"text","lowercase":1})", R"({"kind":"text","size":3})",
                              R"({"kind":"image","tokenizer":"t"})"})
        EXPECT_NE(error_in(wrong).find("preprocessing:"), std::string::npos) << wrong;
}

TEST(PreprocessingJson, DefaultsAndRoundTrip) {
    const Preprocessing p = parse(R"({"kind": "image"})");
    EXPECT_EQ(p.image.height, 0);
    EXPECT_EQ(p.image.resize, ResizeMode::shorter);
    EXPECT_TRUE(p.image.center_crop);
    EXPECT_EQ(to_json(p), R"({"kind":"image"})");
    for (
        const std::string text :
        {R"({"kind":"none","classes":["a"]})",
         R"({"kind":"image","size":[3,5],"resize":"none","resize_to":7,"crop":"none","channels":"gray",)"
         R"("layout":"nhwc","scale":2.0,"mean":[0.5],"std":[0.25],"classes":["é"]})",
         R"({"kind":"table","features":["a"],"categories":{"a":["1","2"]},"units":{"b":"mm"},"target":"t","background":"/b.csv",)"
         R"("labels":"/l.txt"})",
         R"({"kind":"image","texts":["a cat","eine Katze"]})",
         R"({"kind":"text","images":[{"path":"/a.png","sha256":"12"},{"path":"/b.png","sha256":""}]})"})
        EXPECT_EQ(to_json(preprocessing_from_json(text, "")), text);
}

TEST(PreprocessingJson, PicturesThatTextsAreScoredAgainst) {
    const Preprocessing p = preprocessing_from_json(R"({"kind": "text", "images": ["a.png", {"path": "b.png"}]})", "/f");
    ASSERT_EQ(p.images.size(), 2);
    EXPECT_EQ(p.images[0].path, "/f/a.png");
    EXPECT_EQ(p.images[1].path, "/f/b.png");
    EXPECT_EQ(error_in(R"({"kind": "text", "images": "a.png"})"), "input: preprocessing: 'images' must be a list of files");
    EXPECT_EQ(error_in(R"({"kind": "text", "images": [3]})"), "input: preprocessing: 'images' must hold files, each with its path");
}

TEST(PreprocessingJson, OneSideIsASquare) {
    EXPECT_EQ(parse(R"({"kind": "image", "size": 28})").image.width, 28);
}

TEST(PreprocessingJson, PresetsMayBeChanged) {
    const Preprocessing p =
        parse(R"({"kind": "image", "std": [1, 1, 1], "preset": "imagenet", "resize_to": 232})");
    EXPECT_EQ(p.image.height, 224);
    EXPECT_EQ(p.image.resize_to, 232);
    EXPECT_EQ(p.image.mean, (std::vector<double>{0.485, 0.456, 0.406}));
    EXPECT_EQ(p.image.std, (std::vector<double>{1, 1, 1})) << "whatever the order of the keys";
}

TEST(PreprocessingJson, ErrorsNameTheKey) {
    EXPECT_EQ(error_in("{"), "input: preprocessing: no valid JSON (line 1)");
    EXPECT_EQ(error_in("{\n\n\"kind\": x}"), "input: preprocessing: no valid JSON (line 3)");
    EXPECT_EQ(error_in("[]"), "input: preprocessing: this JSON is no object");
    EXPECT_EQ(error_in("{}"), "input: preprocessing: 'kind' is missing: image, table, text, mixed or none");
    EXPECT_EQ(error_in(R"({"kind": "video"})"),
              "input: preprocessing: 'kind' must be one of none, image, table, text, mixed");
    EXPECT_EQ(error_in(R"({"kind": "none", "sizee\n": 3})"),
              "input: preprocessing: unknown key 'sizee?'; kind 'none' has kind, classes, labels");
    EXPECT_EQ(error_in(R"({"kind": "table", "mean": 3})"),
              "input: preprocessing: unknown key 'mean'; kind 'table' has kind, features, "
              "categories, units, target, "
              "background, classes, labels");
    EXPECT_EQ(error_in(R"({"kind": "image", "mean": [1, 2]})"),
              "input: preprocessing: 'mean' has 2 numbers for 3 channels");
    EXPECT_EQ(error_in(R"({"kind": "image", "channels": "gray", "std": [1, 2, 3]})"),
              "input: preprocessing: 'std' has 3 numbers for 1 channel");
    EXPECT_EQ(error_in(R"({"kind": "image", "std": [1, 0, 1]})"),
              "input: preprocessing: 'std' must not be 0");
    EXPECT_EQ(error_in(R"({"kind": "image", "scale": 0})"),
              "input: preprocessing: 'scale' must not be 0");
    EXPECT_EQ(error_in(R"({"kind": "image", "scale": "1"})"),
              "input: preprocessing: 'scale' must hold numbers");
    EXPECT_EQ(error_in(R"({"kind": "image", "scale": 1e999})"),
              "input: preprocessing: a number too large for JSON");
    EXPECT_EQ(error_in(R"({"kind": "image", "size": [3]})"),
              "input: preprocessing: 'size' must be one side or [height, width]");
    for (const std::string size : {"0", "-5", "1.5", "[1, 200000]", "\"x\"", "[[1], 2]"})
        EXPECT_EQ(error_in(R"({"kind": "image", "size": )" + size + "}"),
                  "input: preprocessing: 'size' must hold whole numbers from 1 to 100000")
            << size;
    EXPECT_EQ(error_in(R"({"kind": "image", "resize": "longer"})"),
              "input: preprocessing: 'resize' must be one of shorter, stretch, none");
    EXPECT_EQ(error_in(R"({"kind": "image", "preset": "x"})"),
              "usage: no preset 'x'; there are imagenet, unit, tf, caffe, raw255, mnist");
    EXPECT_EQ(error_in(R"({"kind": "table", "features": ["a", "b", "a"]})"),
              "input: preprocessing: 'features' names 'a' twice");
    EXPECT_EQ(error_in(R"({"kind": "table", "features": [1]})"),
              "input: preprocessing: 'features' must be text");
    EXPECT_EQ(error_in(R"({"kind": "table", "categories": ["a"]})"),
              "input: preprocessing: 'categories' must be an object: a list for each feature");
    EXPECT_EQ(error_in(R"({"kind": "table", "units": {"a": 1}})"), "input: preprocessing: 'units' must be text");
    EXPECT_EQ(error_in(R"({"kind": "none", "classes": ["a"], "labels": "b"})"),
              "input: preprocessing: 'labels' and 'classes' exclude each other");
}

TEST(Preset, All) {
    EXPECT_EQ(preset("caffe").image.channels, ChannelOrder::bgr);
    EXPECT_EQ(preset("caffe").image.scale, 255);
    EXPECT_EQ(preset("mnist").image.channels, ChannelOrder::gray);
    EXPECT_EQ(preset("raw255").image.scale, 255);
    EXPECT_TRUE(preset("unit").image.mean.empty());
    EXPECT_EQ(preset("tf").image.mean, (std::vector<double>{0.5}));
    for (const std::string name : {"imagenet", "unit", "tf", "caffe", "raw255", "mnist"}) {
        const std::string text = to_json(preset(name));
        EXPECT_EQ(to_json(preprocessing_from_json(text, "")), text) << name;
    }
}

TEST(FindBeside, TakesOnlyFilesThatSayKind) {
    const TemporaryFolder folder;
    EXPECT_EQ(find_beside(folder / "m.onnx"), std::nullopt);
    write_file(folder / "m.json", "{\"learner\": 1}");
    EXPECT_EQ(find_beside(folder / "m.onnx"), std::nullopt) << "some other program's file";
    write_file(folder / "m.json", "[1]");
    EXPECT_EQ(find_beside(folder / "m.onnx"), std::nullopt);
    write_file(folder / "m.json", R"({"kind": "none", "labels": "names.txt"})");
    write_file(folder / "names.txt", "cat\r\ntabby, tiger\n\nlast\n\n");
    EXPECT_EQ(find_beside(folder / "m.onnx")->classes,
              (std::vector<std::string>{"cat", "tabby, tiger", "", "last"}));
    EXPECT_EQ(find_beside(folder / "m.json"), std::nullopt)
        << "a model is not its own preprocessing";
    write_file(folder / "m.json", R"({"kind": "none", "oops": 1})");
    const std::string error = error_of([&] { (void)find_beside(folder / "m.onnx"); });
    EXPECT_TRUE(error.ends_with(
        "m.json: preprocessing: unknown key 'oops'; kind 'none' has kind, classes, labels"))
        << error;
    write_file(folder / "m.json", "{\"kind\": ");
    EXPECT_TRUE(error_of([&] {
                    (void)find_beside(folder / "m.onnx");
                }).ends_with("m.json: preprocessing: no valid JSON (line 1)"));
}

TEST(FindBeside, TheExamplesAreRead) {
    const auto p = find_beside(std::filesystem::path(WHENCE_SOURCE_DIR) /
                               "examples/models/breast_cancer.onnx");
    ASSERT_TRUE(p);
    EXPECT_EQ(p->table.features.size(), 30U);
    const Table background = read_csv(p->table.background, table_schema(p->table.background, *p));
    EXPECT_EQ(background.schema.size(), 30U);
    EXPECT_GT(background.rows(), 100);
}

/// 4 x 6 pixels, all channels equal to 10 * column.
Image stripes() {
    Image image{4, 6, 3, {}};
    for (int64_t row = 0; row < 4; ++row)
        for (int column = 0; column < 6; ++column)
            image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(10 * column));
    return image;
}

TEST(PrepareImage, CropsTheMiddleInPixelsFromZeroToOne) {
    const Tensor tensor = prepare_image(stripes(), preset("unit"), 4, 4);
    EXPECT_EQ(tensor.shape(), (Shape{1, 4, 4, 3}));
    EXPECT_EQ(tensor.as<float>()[0], 10.0F / 255);
    EXPECT_EQ(tensor.as<float>()[11], 40.0F / 255);
}

TEST(PrepareImage, NormalisationAndBgrAreLeftToTheGraph) {
    Image image{1, 1, 3, {255, 0, 51}};
    const Tensor tensor = prepare_image(image, preset("caffe"), 1, 1);
    EXPECT_EQ(tensor, Tensor::of<float>({1, 1, 1, 3}, {1, 0, 51.0F / 255}));
}

TEST(PrepareImage, GrayHasOneChannelAndColourThree) {
    EXPECT_EQ(prepare_image(stripes(), preset("mnist"), 4, 6).shape(), (Shape{1, 4, 6, 1}));
    const Image gray{1, 1, 1, {7}};
    EXPECT_EQ(prepare_image(gray, preset("unit"), 1, 1).shape(), (Shape{1, 1, 1, 3}));
}

TEST(PrepareImage, ImagenetTakesTheMiddleOf256) {
    // A 512 x 300 picture: the shorter side becomes 256, the longer 436; then the middle 224.
    const Image image{300, 512, 1, std::vector<uint8_t>(300 * 512, 100)};
    EXPECT_EQ(prepare_image(image, preset("imagenet"), 224, 224).shape(), (Shape{1, 224, 224, 3}));
    EXPECT_EQ(prepare_image(image, preset("imagenet"), -1, -1).shape(), (Shape{1, 224, 224, 3}));
    const Image resized = resize(to_rgb(image), 256, 436);
    EXPECT_EQ(center_crop(resized, 224, 224).pixels[0], 100);
}

TEST(PrepareImage, CoversAnyShape) {
    for (const auto& [height, width] :
         {std::pair{7, 3}, std::pair{3, 7}, std::pair{4, 6}, std::pair{1, 50}})
        EXPECT_EQ(prepare_image(stripes(), preset("unit"), height, width).shape(),
                  (Shape{1, height, width, 3}));
}

TEST(PrepareImage, Stretch) {
    Preprocessing p = preset("unit");
    p.image.resize = ResizeMode::stretch;
    const Tensor tensor = prepare_image(stripes(), p, 2, 12);
    EXPECT_EQ(tensor.shape(), (Shape{1, 2, 12, 3}));
    EXPECT_EQ(tensor.as<float>()[0], 0.0F);
}

TEST(PrepareImage, SizesThatDisagree) {
    const auto error = [](const std::string& json, int64_t height, int64_t width) {
        const Preprocessing p = preprocessing_from_json(json, "");
        return error_of([&] { (void)prepare_image(stripes(), p, height, width); });
    };
    EXPECT_EQ(
        error(R"({"kind": "image"})", 4, -1),
        "input: the model takes images of any width; the preprocessing must say one ('size')");
    EXPECT_EQ(error(R"({"kind": "image", "size": 5})", 4, 5),
              "input: the preprocessing makes images of height 5, the model reads 4");
    EXPECT_EQ(error(R"({"kind": "image", "resize": "none", "crop": "none"})", 4, 4),
              "input: this image has 6 x 4 pixels, the model reads 4 x 4 (width x height), and the "
              "preprocessing "
              "does not crop");
    EXPECT_EQ(error(R"({"kind": "image", "resize": "none"})", 8, 8),
              "input: cannot crop an image of 6 x 4 pixels to 8 x 8");
    EXPECT_EQ(error(R"({"kind": "image"})", 100'000, 100'000),
              "limit: the model reads more than 100 million pixels");
}

TEST(ReadTable, FeaturesCategoriesAndTarget) {
    const TemporaryFolder folder;
    write_file(folder / "t.csv", "a,zone,label\n1,2,yes\n3,1,no\n");
    Preprocessing p{.kind = InputKind::table};
    p.table.target = "label";
    EXPECT_EQ(read_csv(folder / "t.csv", table_schema(folder / "t.csv", p)).schema.size(), 2U);
    p.table.features = {"zone", "a"};
    p.table.categories["zone"] = {"2", "1"};
    const Table table = read_csv(folder / "t.csv", table_schema(folder / "t.csv", p));
    EXPECT_EQ(table.schema[0].name, "zone");
    EXPECT_EQ(table.columns[0], (std::vector<double>{0, 1}))
        << "numbers that are names of categories";
    p.table.units = {{"a", "mm"}};
    const Table measured = read_csv(folder / "t.csv", table_schema(folder / "t.csv", p));
    EXPECT_EQ(display(measured.schema[1], 1), "1\u00a0mm");
    EXPECT_EQ(display(measured.schema[1], std::nan("")), "missing");
    EXPECT_EQ(display(measured.schema[0], 0), "2") << "a category has no unit";
    p.table.units = {{"c", "mm"}};
    EXPECT_TRUE(error_of([&] { (void)read_csv(folder / "t.csv", table_schema(folder / "t.csv", p)); }).ends_with("no column 'c', which the preprocessing gives a unit"));
    p.table.units.clear();
    p.table.features = {"zone", "b"};
    const std::string error = error_of([&] { (void)read_csv(folder / "t.csv", table_schema(folder / "t.csv", p)); });
    EXPECT_TRUE(error.ends_with("no column 'b'; the columns are a, zone, label")) << error;
}

}  // namespace
}  // namespace whence::data

#include "whence/experiment/measure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "experiment/small_study.h"
#include "message_of.h"
#include "whence/metrics/consistency.h"

namespace whence::experiment {
namespace {

data::LabelledImages images(int64_t count, int64_t channels = 1) {
    data::LabelledImages out{.height = 4, .width = 6, .channels = channels};
    out.classes = {"a", "b", "c"};
    for (int64_t i = 0; i < count; ++i) {
        out.labels.push_back(static_cast<int32_t>(i % 3));
        for (int64_t p = 0; p < out.image_size(); ++p)
            out.pixels.push_back(static_cast<uint8_t>((i * 37 + p * 11) % 256));
    }
    return out;
}

Spec small_spec() {
    return read_spec(testing::small_spec, "small");
}

TEST(Objects, HaveEveryClassAsOften) {
    Spec spec = small_spec();
    const data::LabelledImages test = images(60);
    for (const int64_t wanted : {6, 9, 10, 11}) {
        spec.objects = wanted;
        const std::vector<Object> objects = draw_objects(test, spec, spec.data_sets[0], 4);
        ASSERT_EQ(std::ssize(objects), wanted);
        std::map<int64_t, int64_t> of_class, of_picture;
        for (const Object& object : objects) {
            ++of_class[object.label];
            ++of_picture[object.number];
            EXPECT_EQ(test.labels[object.number], object.label);
            EXPECT_EQ(object.image, test.rows(std::span(&object.number, 1)));
        }
        EXPECT_EQ(of_class[2], wanted / 3);
        EXPECT_EQ(of_class[0], (wanted + 2) / 3);
        EXPECT_EQ(std::ssize(of_picture), wanted) << "no picture twice";
    }
    const auto numbers = [&](uint64_t seed) {
        std::vector<int64_t> out;
        for (const Object& object : draw_objects(test, spec, spec.data_sets[0], seed))
            out.push_back(object.number);
        return out;
    };
    EXPECT_EQ(numbers(1), numbers(1));
    EXPECT_NE(numbers(1), numbers(2));
}

TEST(Objects, TooFewPicturesAreRefused) {
    Spec spec = small_spec();
    spec.objects = 5;
    EXPECT_NE(message_of(ErrorKind::input,
                         [&] { (void)draw_objects(images(60), spec, spec.data_sets[0], 0); })
                  .find("a class needs two"),
              std::string::npos);
    spec.objects = 12;
    EXPECT_NE(message_of(ErrorKind::input,
                         [&] { (void)draw_objects(images(10), spec, spec.data_sets[0], 0); })
                  .find("class 1 has 3 test pictures, and 4 objects are wanted"),
              std::string::npos);
}

TEST(Objects, ForegroundIsWhatIsBrighter) {
    Spec spec = small_spec();
    spec.data_sets[0].foreground = 0.5;
    for (const int64_t channels : {1, 3})
        for (const Object& object :
             draw_objects(images(60, channels), spec, spec.data_sets[0], 4)) {
            const auto values = object.image.as<float>();
            EXPECT_EQ(object.scene.size(), 0);
            EXPECT_EQ(&object.located(), &object.image);
            ASSERT_EQ(std::ssize(object.place), 24);
            for (int64_t p = 0; p < 24; ++p) {
                bool bright = false;
                for (int64_t c = 0; c < channels; ++c)
                    bright = bright || values[p * channels + c] > 0.5;
                EXPECT_EQ(object.place[p], bright);
            }
        }
}

TEST(Objects, AMosaicHasFourHalvesOfItsPictures) {
    const auto flat = [](float a) {
        Tensor out(ElementType::float32, {1, 4, 6, 1});
        std::ranges::fill(out.as<float>(), a);
        return out;
    };
    Tensor first = flat(0);
    first.as<float>()[0] = 1;  // one of the four pixels behind the first one
    const Tensor all = mosaic(first, flat(0.2F), flat(0.4F), flat(0.6F));
    const auto v = all.as<float>();
    EXPECT_FLOAT_EQ(v[0], 0.25F);
    EXPECT_FLOAT_EQ(v[1], 0);
    EXPECT_FLOAT_EQ(v[3], 0.2F);
    EXPECT_FLOAT_EQ(v[2 * 6], 0.4F);
    EXPECT_FLOAT_EQ(v[2 * 6 + 3], 0.6F);
    EXPECT_FLOAT_EQ(v[23], 0.6F);
}

TEST(Objects, InAMosaicTheObjectHasItsPlaceAndOthersAreOfOtherClasses) {
    Spec spec = small_spec();
    const data::LabelledImages test = images(60, 3);
    const std::vector<Object> objects = draw_objects(test, spec, spec.data_sets[1], 4);
    std::map<std::vector<uint8_t>, int> corners;
    for (const Object& object : objects) {
        ++corners[object.place];
        ASSERT_EQ(std::reduce(object.place.begin(), object.place.end(), 0), 2 * 3);
        // The tile is the object's picture, halved; the other three are of other objects.
        const Tensor alone = mosaic(object.image, object.image, object.image, object.image);
        int tiles = 0;
        for (int64_t tile = 0; tile < 4; ++tile) {
            bool same = true, placed = true;
            for (int64_t y = 0; y < 2; ++y)
                for (int64_t x = 0; x < 3; ++x) {
                    const int64_t p = (y + tile / 2 * 2) * 6 + x + tile % 2 * 3;
                    placed = placed && object.place[p];
                    for (int64_t c = 0; c < 3; ++c)
                        same = same &&
                               object.scene.as<float>()[p * 3 + c] == alone.as<float>()[p * 3 + c];
                }
            EXPECT_EQ(same, placed);
            tiles += same;
        }
        EXPECT_EQ(tiles, 1);
    }
    EXPECT_GT(corners.size(), 1U);
}

TEST(Mask, TakesTheLargestPositivePieces) {
    // Pieces of 2, 1, 2 and 1 pixels.
    const Map map{.values = {0.5, 0.9, -1, 0.1}, .pieces = {0, 0, 1, 2, 2, 3}};
    EXPECT_EQ(mask_of(map, 1, 0), (std::vector<uint8_t>{0, 0, 1, 0, 0, 0}));
    EXPECT_EQ(mask_of(map, 2, 0), (std::vector<uint8_t>{1, 1, 1, 0, 0, 0}));
    EXPECT_EQ(mask_of(map, 6, 0), (std::vector<uint8_t>{1, 1, 1, 0, 0, 1}))
        << "never a negative one";
    EXPECT_EQ(mask_of(map, 6, 1), (std::vector<uint8_t>{0, 0, 1, 0, 0, 0}));
    EXPECT_EQ(mask_of(map, 0, 0), std::vector<uint8_t>(6));
    EXPECT_EQ(map.pixels(), (std::vector<double>{0.5, 0.5, 0.9, -1, -1, 0.1}));
}

TEST(Measure, IsWhatTheMetricsSay) {
    Spec spec = small_spec();
    MethodSpec method = spec.methods_for(spec.data_sets[0])[0];
    std::vector<Object> objects;
    std::vector<Map> maps;
    std::vector<double> rows;
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < 6; ++i) {
        Object object{.number = i, .label = i / 2};
        object.place = {1, 1, 0, 0};
        objects.push_back(object);
        labels.push_back(i / 2);
        Map map{.values = {static_cast<double>(i % 5), static_cast<double>(i * i % 7) - 2},
                .pieces = {0, 0, 1, 1}};
        map.attribution_error = i == 3 ? -0.5 : 0.1;
        rows.insert(rows.end(), map.values.begin(), map.values.end());
        maps.push_back(map);
    }
    const std::vector<int64_t> predicted{0, 0, 1, 2, 2, 1};
    const Measures m = measure(spec, method, objects, maps, maps, predicted, {});
    const metrics::ClassPairs pairs =
        metrics::class_pairs({rows.data(), 6, 2}, labels, metrics::Distance::mean_absolute,
                             metrics::Normalisation::none, {});
    EXPECT_EQ(m.consistency[0].mege(metrics::MegeScale::largest_class), metrics::mege(pairs));
    EXPECT_EQ(m.consistency[0].mege(metrics::MegeScale::absolute),
              metrics::mege(pairs, metrics::MegeScale::absolute));
    EXPECT_EQ(m.consistency[0].reco, metrics::reco(pairs).value);
    EXPECT_DOUBLE_EQ(m.interpretation.right_predictions, 4.0 / 6);
    // Masks: all pieces of positive value while fewer than two pixels are covered.
    double overlap = 0, right = 0;
    for (const Map& map : maps) {
        const bool first = map.values[0] > 0 && map.values[0] >= map.values[1];
        overlap += first;
        right += first;
    }
    EXPECT_DOUBLE_EQ(m.interpretation.overlap_macro, overlap / 6);
    EXPECT_DOUBLE_EQ(m.interpretation.right_interpretations, right / 6);
    EXPECT_DOUBLE_EQ(m.mean_absolute_error, (5 * 0.1 + 0.5) / 6);
    EXPECT_DOUBLE_EQ(m.largest_absolute_error, 0.5);
    EXPECT_EQ(m.most_pieces, 2);
    EXPECT_EQ(m.single, 0);

    // Pixels instead of pieces give the same where pieces are of one size; predicted classes do
    // not.
    method.segmentation = "quickshift";
    EXPECT_NEAR(*measure(spec, method, objects, maps, maps, predicted, {}).consistency[0].reco,
                *m.consistency[0].reco, 1e-12);
    spec.pair_by_predicted_class = true;
    EXPECT_NE(
        measure(spec, method, objects, maps, maps, predicted, {}).consistency[0].mege_largest_class,
        m.consistency[0].mege_largest_class);
}

TEST(Measure, MapsThatCannotBeComparedHaveNoNumber) {
    const Spec spec = small_spec();
    std::vector<Object> objects;
    std::vector<Map> maps;
    for (int64_t i = 0; i < 4; ++i) {
        Object object{.number = i, .label = i / 2};
        object.place = {1, 0};
        objects.push_back(object);
        maps.push_back(
            {.values = {static_cast<double>(i)}, .pieces = {0, 0}});  // one piece: constant
    }
    const std::vector<int64_t> predicted{0, 0, 1, 1};
    MethodSpec method = spec.methods[0];
    method.segmentation = "quickshift";
    const Measures m = measure(spec, method, objects, maps, maps, predicted, {});
    EXPECT_TRUE(m.consistency[0].reco.has_value());
    EXPECT_FALSE(m.consistency[1].reco.has_value()) << "ranks of a constant";
    EXPECT_FALSE(m.consistency[1].mege_absolute.has_value());
    EXPECT_EQ(m.consistency[1].skipped, 6);
    EXPECT_EQ(m.single, 4);
}

}  // namespace
}  // namespace whence::experiment

#include "whence/experiment/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence::experiment {
namespace {

constexpr uint32_t draw_stream = 0x57D00001, tile_stream = 0x57D00002;

std::vector<int64_t> draw_numbers(const data::LabelledImages& test, int64_t wanted, uint64_t seed,
                                  const std::string& set) {
    const auto classes = std::ssize(test.classes);
    if (wanted < 2 * classes)
        throw Error(ErrorKind::input,
                    fmt::format("{}: {} objects of {} classes; a class needs two to be compared",
                                set, wanted, classes));
    std::vector<int64_t> out;
    for (int64_t c = 0; c < classes; ++c) {
        std::vector<int32_t> members;
        for (int64_t i = 0; i < test.count(); ++i)
            if (test.labels[i] == c) members.push_back(static_cast<int32_t>(i));
        const int64_t share = wanted / classes + (c < wanted % classes ? 1 : 0);
        if (std::ssize(members) < share)
            throw Error(ErrorKind::input,
                        fmt::format("{}: class {} has {} test pictures, and {} objects are wanted",
                                    set, c, members.size(), share));
        Rng(seed, draw_stream, c).shuffle(members);
        out.insert(out.end(), members.begin(), members.begin() + share);
    }
    return out;
}

std::vector<uint8_t> foreground(const Tensor& image, double threshold) {
    const int64_t channels = image.shape()[3], pixels = image.size() / channels;
    std::vector<uint8_t> out(pixels);
    const auto values = image.as<float>();
    for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < channels; ++c)
            if (values[p * channels + c] > threshold) out[p] = 1;
    return out;
}

std::vector<uint8_t> quarter(const Tensor& image, int64_t tile) {
    const int64_t height = image.shape()[1], width = image.shape()[2];
    const int64_t half_height = height / 2, half_width = width / 2;
    std::vector<uint8_t> out(height * width);
    for (int64_t y = 0; y < half_height; ++y)
        for (int64_t x = 0; x < half_width; ++x)
            out[(y + tile / 2 * half_height) * width + x + tile % 2 * half_width] = 1;
    return out;
}

// The object in a corner, objects of other classes in the other three.
void place_in_mosaic(std::vector<Object>& objects, size_t which, uint64_t seed) {
    Rng rng(seed, tile_stream, which);
    Object& object = objects[which];
    const auto corner = static_cast<int64_t>(rng.below(4));
    std::array<const Tensor*, 4> tiles{};
    for (int64_t tile = 0; tile < 4; ++tile) {
        const Object* other = &object;
        while (tile != corner && other->label == object.label)
            other = &objects[rng.below(objects.size())];
        tiles[tile] = &other->image;
    }
    object.scene = mosaic(*tiles[0], *tiles[1], *tiles[2], *tiles[3]);
    object.place = quarter(object.image, corner);
}

}  // namespace

Tensor mosaic(const Tensor& top_left, const Tensor& top_right, const Tensor& bottom_left,
              const Tensor& bottom_right) {
    const Shape& shape = top_left.shape();
    const int64_t width = shape[2], channels = shape[3];
    const int64_t half_height = shape[1] / 2, half_width = width / 2;
    Tensor out(ElementType::float32, shape);
    const auto to = out.as<float>();
    const std::array<const Tensor*, 4> tiles{&top_left, &top_right, &bottom_left, &bottom_right};
    for (int64_t tile = 0; tile < 4; ++tile) {
        if (tiles[tile]->shape() != shape)
            throw Error(ErrorKind::internal, "a mosaic of pictures of several sizes");
        const auto from = tiles[tile]->as<float>();
        for (int64_t y = 0; y < half_height; ++y)
            for (int64_t x = 0; x < half_width; ++x)
                for (int64_t c = 0; c < channels; ++c) {
                    const int64_t at = (2 * y * width + 2 * x) * channels + c;
                    to[((y + tile / 2 * half_height) * width + x + tile % 2 * half_width) *
                           channels +
                       c] = (from[at] + from[at + channels] + from[at + width * channels] +
                             from[at + (width + 1) * channels]) /
                            4;
                }
    }
    return out;
}

std::vector<Object> draw_objects(const data::LabelledImages& test, const Spec& spec,
                                 const DataSetSpec& set, uint64_t seed) {
    std::vector<Object> out;
    for (const int64_t number : draw_numbers(test, spec.objects, seed, set.name)) {
        Object object{.number = number, .label = test.labels[number]};
        object.image = test.rows(std::span(&number, 1));
        out.push_back(std::move(object));
    }
    if (set.objects == ObjectMask::mosaic &&
        (test.height < 2 || test.width < 2 || std::ssize(test.classes) < 2))
        throw Error(ErrorKind::input,
                    set.name + ": mosaics need pictures of 2x2 pixels and two classes");
    for (size_t i = 0; i < out.size(); ++i) {
        if (set.objects == ObjectMask::mosaic)
            place_in_mosaic(out, i, seed);
        else
            out[i].place = foreground(out[i].image, set.foreground);
    }
    return out;
}

}  // namespace whence::experiment

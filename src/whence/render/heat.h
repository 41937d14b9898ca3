#pragma once
// Maps as pixels: the colours that figures, pages and overlays share. Private to this folder.

#include "whence/render/heatmap.h"
#include "whence/render/map.h"

namespace whence::render {

enum class Boundaries { hidden, shown };

/// The map in colours that end at `limit`, sampled to `height` x `width`: pixels without smoothing,
/// a layer's cells with straight lines between their centres (bilinear). Where `boundaries` are
/// shown, lines part the superpixels.
[[nodiscard]] Picture paint(const Map& map, double limit, int64_t height, int64_t width,
                            Boundaries boundaries);

/// The same over the greyed photograph; superpixels always get boundaries.
[[nodiscard]] Picture paint_over(const Map& map, double limit, const Picture& photograph,
                                 Blend blend, int64_t height, int64_t width);

/// The photograph with only the superpixels of a weight above 0 in colour; the others are greyed.
[[nodiscard]] Picture spotlight(const Map& map, const Picture& photograph, int64_t height,
                                int64_t width);

/// The factor by which pixels are enlarged so that the longer side comes near `box`; at least 1.
[[nodiscard]] int64_t pixel_factor(int64_t height, int64_t width, int64_t box);

/// One row with every colour from -limit to +limit.
[[nodiscard]] Picture color_strip();

/// What a reader must know about the pixels and colours: where colours end, what is summed, how few
/// pixels the model sees.
[[nodiscard]] std::vector<std::string> pixel_notes(const Map& map, double limit, double percentile,
                                                   int64_t seen_height, int64_t seen_width);

}  // namespace whence::render

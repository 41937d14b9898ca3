#include "whence/experiment/measure.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/mask/segmentation.h"
#include "whence/metrics/interpretation_accuracy.h"
#include "whence/metrics/statistics.h"

namespace whence::experiment {
namespace {

// Rows to compare: pieces where all pictures have the same ones, else pixels.
struct Rows {
    int64_t columns = 0;
    std::vector<double> values;
};

Rows rows_of(const MethodSpec& method, std::span<const Map> maps) {
    const bool grid = over_superpixels(method.kind) &&
                      std::holds_alternative<Grid>(parse_segmentation(method.segmentation));
    Rows out;
    for (const Map& map : maps) {
        const std::vector<double> row = grid ? map.values : map.pixels();
        out.columns = std::ssize(row);
        out.values.insert(out.values.end(), row.begin(), row.end());
    }
    return out;
}

Consistency compare(const Rows& rows, std::span<const int64_t> classes,
                    const Difference& difference, const Run& run) {
    const metrics::ClassPairs pairs =
        metrics::class_pairs({rows.values.data(), std::ssize(classes), rows.columns}, classes,
                             difference.distance, difference.normalisation, run);
    Consistency out{.skipped = pairs.skipped};
    if (!pairs.same.empty()) {
        out.mege_largest_class = metrics::mege(pairs, metrics::MegeScale::largest_class);
        out.mege_largest_pair = metrics::mege(pairs, metrics::MegeScale::largest_pair);
        out.mege_absolute = metrics::mege(pairs, metrics::MegeScale::absolute);
        if (!pairs.different.empty()) out.reco = metrics::reco(pairs).value;
    }
    return out;
}

Interpretation interpret(const Spec& spec, std::span<const Object> objects,
                         std::span<const Map> located, std::span<const int64_t> predicted) {
    std::vector<uint8_t> explained, places, correct;
    for (size_t i = 0; i < objects.size(); ++i) {
        const std::vector<uint8_t>& place = objects[i].place;
        const auto pixels = std::reduce(place.begin(), place.end(), int64_t{0});
        const std::vector<uint8_t> mask = mask_of(located[i], pixels, spec.mask_pieces);
        explained.insert(explained.end(), mask.begin(), mask.end());
        places.insert(places.end(), place.begin(), place.end());
        correct.push_back(predicted[i] == objects[i].label);
    }
    const auto rows = std::ssize(objects), columns = std::ssize(explained) / rows;
    using Options = metrics::InterpretationOptions;
    const auto ask = [&](Options::Average average, Options::Counted counted) {
        return metrics::interpretation_accuracy({explained.data(), rows, columns},
                                                {places.data(), rows, columns}, correct,
                                                {.alpha = spec.alpha,
                                                 .average = average,
                                                 .counted = counted,
                                                 .threshold = spec.overlap_threshold});
    };
    const auto micro = ask(Options::Average::micro, Options::Counted::predictions);
    const auto macro = ask(Options::Average::macro, Options::Counted::interpretations);
    return {micro.right, macro.right, micro.overlap, macro.overlap};
}

}  // namespace

const std::optional<double>& Consistency::mege(metrics::MegeScale scale) const {
    switch (scale) {
        case metrics::MegeScale::largest_class:
            return mege_largest_class;
        case metrics::MegeScale::largest_pair:
            return mege_largest_pair;
        case metrics::MegeScale::absolute:
            return mege_absolute;
    }
    throw Error(ErrorKind::internal, "a scale of MeGe that is none");
}

std::vector<uint8_t> mask_of(const Map& map, int64_t pixels, int64_t most) {
    std::vector<int64_t> sizes(map.values.size());
    for (const int32_t piece : map.pieces) ++sizes[piece];
    std::vector<uint8_t> taken(map.values.size());
    int64_t covered = 0, count = 0;
    for (const int32_t piece : metrics::descending(map.values)) {
        if (!(map.values[piece] > 0) || covered >= pixels || (most > 0 && count == most)) break;
        taken[piece] = 1;
        covered += sizes[piece];
        ++count;
    }
    std::vector<uint8_t> out(map.pieces.size());
    for (size_t i = 0; i < out.size(); ++i) out[i] = taken[map.pieces[i]];
    return out;
}

Measures measure(const Spec& spec, const MethodSpec& method, std::span<const Object> objects,
                 std::span<const Map> maps, std::span<const Map> located,
                 std::span<const int64_t> predicted, const Run& run) {
    std::vector<int64_t> classes;
    for (size_t i = 0; i < objects.size(); ++i)
        classes.push_back(spec.pair_by_predicted_class ? predicted[i] : objects[i].label);
    Measures out;
    const Rows rows = rows_of(method, maps);
    for (const Difference& difference : spec.differences)
        out.consistency.push_back(compare(rows, classes, difference, run));
    out.interpretation = interpret(spec, objects, located, predicted);
    out.fewest_pieces = std::ssize(maps[0].values);
    for (const Map& map : maps) {
        const auto pieces = std::ssize(map.values);
        out.fewest_pieces = std::min(out.fewest_pieces, pieces);
        out.most_pieces = std::max(out.most_pieces, pieces);
        out.single += pieces == 1;
        out.mean_pieces += static_cast<double>(pieces) / static_cast<double>(maps.size());
        const double error = std::abs(map.attribution_error);
        out.mean_absolute_error += error / static_cast<double>(maps.size());
        out.largest_absolute_error = std::max(out.largest_absolute_error, error);
    }
    return out;
}

}  // namespace whence::experiment

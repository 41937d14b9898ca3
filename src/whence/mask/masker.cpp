#include "whence/mask/masker.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence {
namespace {

// A task smaller than this costs more to hand over than to do.
constexpr int64_t bytes_per_task = 1 << 18;
// Coalitions with this many fillings, and segments of less than this many bytes on average, are laid
// over the fillings whole.
constexpr int64_t least_overlaid = 4, short_segment = 64;

[[noreturn]] void refuse(const std::string& message) {
    throw Error(ErrorKind::input, message);
}

int64_t count_players(const std::vector<int32_t>& labels) {
    const int32_t largest = labels.empty() ? -1 : *std::ranges::max_element(labels);
    std::vector<bool> used(largest + 1, false);
    for (const int32_t label : labels) {
        if (label < -1) refuse("label " + std::to_string(label) + " is below -1");
        if (label >= 0) used[label] = true;
    }
    const auto unused = std::ranges::find(used, false);
    if (unused != used.end())
        refuse("no element has label " + std::to_string(unused - used.begin()) +
               "; labels must be 0, 1, 2, ... without gaps");
    return largest + 1;
}

std::vector<double> normalized(std::vector<double> weights) {
    double sum = 0;
    for (const double weight : weights) {
        if (!(weight >= 0)) refuse("a weight of the background is negative or not a number");
        sum += weight;
    }
    if (!weights.empty() && !(sum > 0 && std::isfinite(sum)))
        refuse("the weights of the background add up to " + std::to_string(sum));
    for (double& weight : weights) weight /= sum;
    return weights;
}

Tensor& explained(Batch& rows, const std::string& name) {
    const Tensor* wanted = &rows.at(name);
    return std::ranges::find_if(rows.tensors(), [&](NamedTensor& t) { return &t.value == wanted; })
        ->value;
}

// Copies whole words of 16 bytes, so up to 15 bytes beyond `end` are overwritten: the next segment
// writes them again. `limit` is the end of the row, which must not be passed.
void copy_segment(const std::byte* from, std::byte* to, int64_t begin, int64_t end, int64_t limit) {
    if (end - begin > 128 || limit - end < 16) {
        std::memcpy(to + begin, from + begin, end - begin);
        return;
    }
    for (int64_t i = begin; i < end; i += 16) std::memcpy(to + i, from + i, 16);
}

// Element by element the input's where it is present, else the filling's.
template <class Word>
void choose_elements(const uint8_t* present, const std::byte* input, const std::byte* filling, std::byte* out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        Word a, b;
        std::memcpy(&a, input + i * sizeof(Word), sizeof(Word));
        std::memcpy(&b, filling + i * sizeof(Word), sizeof(Word));
        a = present[i] != 0 ? a : b;
        std::memcpy(out + i * sizeof(Word), &a, sizeof(Word));
    }
}

// What one coalition keeps of the input, to be laid over any filling. Where segments are short and a
// coalition has many fillings this is several times quicker than copying segment by segment.
class Overlay {
  public:
    explicit Overlay(const Tensor& input) : input_(input), keep_(input.bytes()), kept_(input.bytes()) {}

    [[nodiscard]] std::span<std::byte> keep() { return keep_; }
    /// After `keep` was written: 0xFF for bytes of the input, 0 for bytes of the filling.
    void settle() {
        for (size_t i = 0; i < keep_.size(); ++i) kept_[i] = input_.data()[i] & keep_[i];
    }
    void write(const std::byte* filling, std::byte* out) const {
        const size_t size = keep_.size(), words = size / 8;
        const std::byte *keep = keep_.data(), *kept = kept_.data();
        for (size_t w = 0; w < words; ++w) {
            uint64_t a, b, c;
            std::memcpy(&a, kept + 8 * w, 8);
            std::memcpy(&b, keep + 8 * w, 8);
            std::memcpy(&c, filling + 8 * w, 8);
            a |= c & ~b;
            std::memcpy(out + 8 * w, &a, 8);
        }
        for (size_t i = 8 * words; i < size; ++i) out[i] = kept[i] | (filling[i] & ~keep[i]);
    }

  private:
    const Tensor& input_;
    std::vector<std::byte> keep_, kept_;
};

struct Pixels {
    int64_t height, width, channels, pixel_step, channel_step;
};

Pixels pixels_of(const Tensor& image, const Tensor& segments) {
    const Shape& shape = image.shape();
    const auto axes = image_axes(shape);
    if (!axes || image.rows() != 1)
        refuse(
            "segments need one image, height x width x channels or channels first; the input has "
            "shape " +
            to_string(shape));
    const int64_t height = shape[axes->height], width = shape[axes->width];
    if (segments.shape() != Shape{height, width})
        refuse("segments have shape " + to_string(segments.shape()) + ", the image has " +
               std::to_string(height) + " x " + std::to_string(width) + " pixels");
    const int64_t channels = shape[axes->channels];
    return axes->channels == 3 ? Pixels{height, width, channels, channels, 1}
                               : Pixels{height, width, channels, 1, height * width};
}

}  // namespace

LabelMasker::LabelMasker(std::string input_name, Tensor input, Tensor baseline,
                         const std::vector<int32_t>& labels, std::vector<std::string> names,
                         std::vector<double> weights)
    : input_name_(std::move(input_name)),
      input_(std::move(input)),
      baseline_(std::move(baseline)),
      names_(std::move(names)),
      weights_(normalized(std::move(weights))) {
    if (input_.type() == ElementType::string) refuse("text has no players of this kind");
    if (input_.rows() != 1)
        refuse("one row is explained at a time, not " + to_string(input_.shape()));
    if (input_.type() != baseline_.type() || baseline_.rows() < 1 ||
        baseline_.slice_rows(0, 1).shape() != input_.shape())
        refuse("the baseline has shape " + to_string(baseline_.shape()) + ", the input " +
               to_string(input_.shape()));
    if (static_cast<int64_t>(labels.size()) != input_.size())
        refuse(std::to_string(labels.size()) + " labels for " + std::to_string(input_.size()) +
               " elements");
    if (!weights_.empty() && static_cast<int64_t>(weights_.size()) != baseline_.rows())
        refuse(std::to_string(weights_.size()) + " weights for " +
               std::to_string(baseline_.rows()) + " rows of the background");
    players_ = count_players(labels);
    if (!names_.empty() && static_cast<int64_t>(names_.size()) != players_)
        refuse(std::to_string(names_.size()) + " names for " + std::to_string(players_) +
               " players");
    cut_segments(labels);
    find_stretches(labels);
}

// Of columns, elements, and pixels whose channels come first. Few long ones, or none at all.
void LabelMasker::find_stretches(const std::vector<int32_t>& labels) {
    constexpr int64_t long_enough = 16;
    const size_t width = element_size(input_.type());
    if (width != 4 && width != 8) return;
    for (int64_t i = 0; i < std::ssize(labels); ++i) {
        if (labels[i] < 0) return stretches_.clear();
        if (i == 0 || labels[i] != labels[i - 1] + 1) stretches_.push_back({i, 0, labels[i]});
        ++stretches_.back().count;
    }
    if (std::ssize(stretches_) * long_enough > std::ssize(labels)) stretches_.clear();
}

void LabelMasker::cut_segments(const std::vector<int32_t>& labels) {
    const auto width = static_cast<int64_t>(element_size(input_.type()));
    for (size_t i = 0; i < labels.size(); ++i)
        if (i == 0 || labels[i] != labels[i - 1])
            segments_.push_back({static_cast<int64_t>(i) * width, labels[i]});
    segments_.push_back({static_cast<int64_t>(labels.size()) * width, -1});
}

std::vector<int32_t> LabelMasker::labels() const {
    const auto width = static_cast<int64_t>(element_size(input_.type()));
    std::vector<int32_t> out(input_.size());
    for (size_t s = 0; s + 1 < segments_.size(); ++s)
        for (int64_t i = segments_[s].begin / width; i < segments_[s + 1].begin / width; ++i)
            out[i] = segments_[s].player;
    return out;
}

void LabelMasker::write_row(const uint8_t* present, const std::byte* filling,
                            std::byte* out) const {
    const size_t width = element_size(input_.type());
    for (const Stretch& s : stretches_) {
        const size_t at = static_cast<size_t>(s.begin) * width;
        const auto choose = width == 4 ? choose_elements<uint32_t> : choose_elements<uint64_t>;
        choose(present + s.player, input_.data() + at, filling + at, out + at, s.count);
    }
    if (!stretches_.empty()) return;
    const std::byte* sources[2] = {filling, input_.data()};
    const int64_t limit = segments_.back().begin;
    for (size_t s = 0; s + 1 < segments_.size(); ++s) {
        const int32_t player = segments_[s].player;
        const bool keep = player < 0 || present[player] != 0;
        copy_segment(sources[keep], out, segments_[s].begin, segments_[s + 1].begin, limit);
    }
}

void LabelMasker::apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
                        const Run& run) const {
    Tensor& out = explained(rows, input_name_);
    const int64_t ways = fillings();
    if (out.type() != input_.type() || out.row_size() != input_.size() || first < 0 ||
        present.columns != players_ || (first + out.rows() + ways - 1) / ways > present.rows)
        throw Error(ErrorKind::internal,
                    "masker: rows of " + to_string(out.shape()) + " from row " +
                        std::to_string(first) + " for " + std::to_string(present.rows) +
                        " coalitions of " + std::to_string(present.columns) + " players");
    const int64_t row_bytes = segments_.back().begin;
    const bool overlaid =
        ways >= least_overlaid && row_bytes < short_segment * static_cast<int64_t>(segments_.size());
    parallel_for(run, out.rows(), bytes_per_task / std::max<int64_t>(1, row_bytes),
                 [&](int64_t begin, int64_t end) {
                     if (overlaid) return write_overlaid(present, first, begin, end, out);
                     for (int64_t row = begin; row < end; ++row)
                         write_row(present.row((first + row) / ways).data(),
                                   baseline_.data() + (first + row) % ways * row_bytes,
                                   out.data() + row * row_bytes);
                 });
}

void LabelMasker::write_overlaid(MatrixView<const uint8_t> present, int64_t first, int64_t begin,
                                 int64_t end, Tensor& out) const {
    const int64_t ways = fillings(), row_bytes = segments_.back().begin;
    Overlay overlay(input_);
    for (int64_t row = begin; row < end; ++row) {
        const int64_t way = (first + row) % ways;
        if (row == begin || way == 0) {
            const uint8_t* coalition = present.row((first + row) / ways).data();
            for (size_t s = 0; s + 1 < segments_.size(); ++s) {
                const int32_t player = segments_[s].player;
                const bool keep = player < 0 || coalition[player] != 0;
                std::memset(overlay.keep().data() + segments_[s].begin, keep ? 0xFF : 0,
                            segments_[s + 1].begin - segments_[s].begin);
            }
            overlay.settle();
        }
        overlay.write(baseline_.data() + way * row_bytes, out.data() + row * row_bytes);
    }
}

std::vector<int32_t> column_labels(int64_t columns) {
    std::vector<int32_t> labels(columns);
    std::iota(labels.begin(), labels.end(), 0);
    return labels;
}

std::vector<int32_t> pixel_labels(const Tensor& image, const Tensor& segments) {
    const Pixels pixels = pixels_of(image, segments);
    const std::span<const int32_t> of_pixel = segments.as<int32_t>();
    std::vector<int32_t> labels(image.size());
    for (int64_t c = 0; c < pixels.channels; ++c)
        for (int64_t p = 0; p < pixels.height * pixels.width; ++p)
            labels[p * pixels.pixel_step + c * pixels.channel_step] = of_pixel[p];
    return labels;
}

Tensor renumbered(const Tensor& segments) {
    const ElementType type = segments.type();
    const bool integers = type != ElementType::string && type != ElementType::float16 &&
                          type != ElementType::bfloat16 && type != ElementType::float32 &&
                          type != ElementType::float64;
    if (!integers || segments.rank() != 2 || segments.size() == 0)
        refuse("segments must be whole numbers [height, width], not " + std::string(name(type)) +
               " " + to_string(segments.shape()));
    const std::vector<double> labels = segments.to_doubles();
    std::vector<double> distinct = labels;
    std::ranges::sort(distinct);
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    Tensor out(ElementType::int32, segments.shape());
    for (size_t i = 0; i < labels.size(); ++i)
        out.as<int32_t>()[i] =
            static_cast<int32_t>(std::ranges::lower_bound(distinct, labels[i]) - distinct.begin());
    return out;
}

Tensor superpixel_means(const Tensor& image, const Tensor& segments) {
    const Pixels pixels = pixels_of(image, segments);
    const std::span<const int32_t> of_pixel = segments.as<int32_t>();
    const int64_t players = *std::ranges::max_element(of_pixel) + 1;
    std::vector<double> values = image.to_doubles();
    std::vector<double> sums(players * pixels.channels), counts(players);
    const auto each = [&](auto&& visit) {
        for (int64_t p = 0; p < pixels.height * pixels.width; ++p)
            for (int64_t c = 0; c < pixels.channels; ++c)
                visit(of_pixel[p], c, values[p * pixels.pixel_step + c * pixels.channel_step]);
    };
    for (const int32_t label : of_pixel) ++counts[label];
    each([&](int32_t label, int64_t c, double& v) { sums[label * pixels.channels + c] += v; });
    each([&](int32_t label, int64_t c, double& v) {
        v = sums[label * pixels.channels + c] / counts[label];
    });
    return Tensor::of<double>(image.shape(), values).cast(image.type());
}

}  // namespace whence

#include "whence/mask/slic.h"

namespace whence::superpixel {
namespace {

// Grows one segment at a time from its first pixel, breadth first.
class Connector {
  public:
    Connector(const Labels& labels, int64_t width, int64_t max_size)
        : labels_(labels),
          width_(width),
          height_(static_cast<int64_t>(labels.size()) / width),
          max_size_(max_size),
          result_(labels.size(), none) {}

    void visit(int64_t start, int64_t min_size) {
        if (result_[static_cast<size_t>(start)] != none) return;
        adjacent_ = next_;
        members_.clear();
        take(start);
        for (size_t i = 0; i < members_.size() && !full(); ++i) look_around(members_[i]);
        if (static_cast<int64_t>(members_.size()) >= min_size)
            ++next_;
        else
            for (const int64_t member : members_) result_[static_cast<size_t>(member)] = adjacent_;
    }
    Labels result() && { return std::move(result_); }

  private:
    static constexpr int32_t none = -1;

    [[nodiscard]] bool full() const { return static_cast<int64_t>(members_.size()) >= max_size_; }
    void take(int64_t pixel) {
        result_[static_cast<size_t>(pixel)] = next_;
        members_.push_back(pixel);
    }
    // Right, left, below, above: the order decides which neighbour is seen last.
    void look_around(int64_t pixel) {
        const int64_t column = pixel % width_, row = pixel / width_;
        if (column + 1 < width_) look_at(pixel + 1);
        if (column > 0) look_at(pixel - 1);
        if (row + 1 < height_) look_at(pixel + width_);
        if (row > 0) look_at(pixel - width_);
    }
    void look_at(int64_t pixel) {
        if (full()) return;
        const int32_t owner = result_[static_cast<size_t>(pixel)];
        const auto same = [&](int64_t a, int64_t b) {
            return labels_[static_cast<size_t>(a)] == labels_[static_cast<size_t>(b)];
        };
        if (owner == none && same(pixel, members_.front()))
            take(pixel);
        else if (owner != none && owner != next_)
            adjacent_ = owner;
    }

    const Labels& labels_;
    int64_t width_, height_, max_size_;
    Labels result_;
    std::vector<int64_t> members_;
    int32_t next_ = 0, adjacent_ = 0;
};

}  // namespace

Labels connect(const Labels& labels, int64_t width, int64_t min_size, int64_t max_size,
               const Run& run) {
    Connector connector(labels, width, max_size);
    for (int64_t pixel = 0; pixel < static_cast<int64_t>(labels.size()); ++pixel) {
        if (pixel % width == 0) run.check();
        connector.visit(pixel, min_size);
    }
    return std::move(connector).result();
}

}  // namespace whence::superpixel

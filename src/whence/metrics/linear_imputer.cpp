#include "whence/metrics/linear_imputer.h"

#include <fmt/format.h>

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <cmath>
#include <cstring>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/rng.h"

namespace whence::metrics {
namespace {

constexpr uint32_t noise_stream = 0x726f6164;  // noise on imputed pixels

struct Neighbour {
    int64_t down, right;
    double weight;
};
constexpr Neighbour neighbours[] = {{-1, -1, 1.0 / 12}, {-1, 0, 1.0 / 6}, {-1, 1, 1.0 / 12},
                                    {0, -1, 1.0 / 6},   {0, 1, 1.0 / 6},  {1, -1, 1.0 / 12},
                                    {1, 0, 1.0 / 6},    {1, 1, 1.0 / 12}};

Tensor& explained(Batch& rows, const std::string& name) {
    const Tensor* wanted = &rows.at(name);
    return std::ranges::find_if(rows.tensors(), [&](NamedTensor& t) { return &t.value == wanted; })
        ->value;
}

}  // namespace

LinearImputer::LinearImputer(std::string input_name, Tensor image, ImputerOptions options)
    : input_name_(std::move(input_name)), image_(std::move(image)) {
    const auto axes = image_axes(image_.shape());
    const bool real =
        image_.type() == ElementType::float32 || image_.type() == ElementType::float64;
    if (!axes || image_.rows() != 1 || !real || image_.size() == 0)
        throw Error(ErrorKind::input,
                    "pixels are imputed in one image of float32 or float64, not in " +
                        std::string(name(image_.type())) + " " + to_string(image_.shape()));
    if (!(options.noise >= 0))
        throw Error(ErrorKind::usage, fmt::format("noise of {}; take 0 or more", options.noise));
    height_ = image_.shape()[axes->height];
    width_ = image_.shape()[axes->width];
    channels_ = image_.shape()[axes->channels];
    const bool last = axes->channels == 3;
    pixel_step_ = last ? channels_ : 1;
    channel_step_ = last ? 1 : height_ * width_;
    values_ = image_.to_doubles();
    noise_.resize(values_.size());
    Rng(options.seed, noise_stream, 0).normals(noise_);
    for (double& value : noise_) value *= options.noise;
}

// The neighbours' equation of each missing pixel p,  (sum of weights w_q within the image) x_p -
// sum over missing q of w_q x_q = sum over others of w_q v_q : symmetric, and positive definite as
// soon as one pixel is there, for every missing pixel is joined to it by missing ones.
template <class T>
void LinearImputer::write_row(std::span<const uint8_t> present, std::span<T> out) const {
    std::vector<int32_t> unknown(present.size(), -1), missing;
    for (size_t p = 0; p < present.size(); ++p)
        if (!present[p]) {
            unknown[p] = static_cast<int32_t>(missing.size());
            missing.push_back(static_cast<int32_t>(p));
        }
    if (missing.empty()) return;
    if (missing.size() == present.size())
        throw Error(ErrorKind::usage, "no pixel is left to impute the others from");
    const auto n = static_cast<Eigen::Index>(missing.size());
    std::vector<Eigen::Triplet<double>> entries;
    entries.reserve(missing.size() * 9);
    Eigen::MatrixXd known = Eigen::MatrixXd::Zero(n, channels_);
    for (Eigen::Index i = 0; i < n; ++i) {
        const int64_t y = missing[i] / width_, x = missing[i] % width_;
        double total = 0;
        for (const auto& [down, right, weight] : neighbours) {
            const int64_t to_y = y + down, to_x = x + right;
            if (to_y < 0 || to_x < 0 || to_y >= height_ || to_x >= width_) continue;
            total += weight;
            const int64_t q = to_y * width_ + to_x;
            if (unknown[q] >= 0)
                entries.emplace_back(i, unknown[q], -weight);
            else
                for (int64_t c = 0; c < channels_; ++c)
                    known(i, c) += weight * values_[q * pixel_step_ + c * channel_step_];
        }
        entries.emplace_back(i, i, total);
    }
    Eigen::SparseMatrix<double> system(n, n);
    system.setFromTriplets(entries.begin(), entries.end());
    const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>> solver(system);
    if (solver.info() != Eigen::Success)
        throw Error(ErrorKind::internal, "the neighbours' equations have no solution");
    const Eigen::MatrixXd imputed = solver.solve(known);
    for (Eigen::Index i = 0; i < n; ++i)
        for (int64_t c = 0; c < channels_; ++c) {
            const int64_t at = missing[i] * pixel_step_ + c * channel_step_;
            out[at] = static_cast<T>(imputed(i, c) + noise_[at]);
        }
}

void LinearImputer::apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
                          const Run& run) const {
    Tensor& out = explained(rows, input_name_);
    if (out.type() != image_.type() || out.row_size() != image_.size() || first < 0 ||
        present.columns != players() || first + out.rows() > present.rows)
        throw Error(ErrorKind::internal, "imputer: rows of " + to_string(out.shape()) + " for " +
                                             std::to_string(present.rows) + " coalitions");
    parallel_for(run, out.rows(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            std::memcpy(out.data() + row * static_cast<int64_t>(image_.bytes()), image_.data(),
                        image_.bytes());
            const auto of_row = [&](auto all) {
                return all.subspan(row * image_.size(), image_.size());
            };
            if (image_.type() == ElementType::float32)
                write_row(present.row(first + row), of_row(out.as<float>()));
            else
                write_row(present.row(first + row), of_row(out.as<double>()));
        }
    });
}

}  // namespace whence::metrics

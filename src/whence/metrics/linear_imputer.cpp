#include "whence/metrics/linear_imputer.h"

#include <fmt/format.h>

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <cmath>
#include <cstring>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/core/rng.h"
#include "whence/core/vector_clones.h"

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

// A symmetric positive definite matrix: its diagonal, and what is not 0 below it.
struct Equations {
    std::vector<double> diagonal;
    std::vector<Eigen::Triplet<double>> below;
};

// L D L^T in place, column by column: `band` holds the diagonal and the `width` - 1 elements below it of each of
// n columns.
WHENCE_VECTOR_CLONES
void factorise(double* band, int64_t n, int64_t width) {
    for (int64_t j = 0; j < n; ++j) {
        double* __restrict column = band + j * width;
        const int64_t last = std::min(width - 1, n - 1 - j);
        for (int64_t k = 1; k <= last; ++k) {
            const double factor = column[k] / column[0];
            double* __restrict to = band + (j + k) * width;
            for (int64_t r = 0; factor != 0 && r <= last - k; ++r) to[r] -= factor * column[k + r];
        }
        for (int64_t k = 1; k <= last; ++k) column[k] /= column[0];
    }
}

void substitute(const std::vector<double>& band, int64_t width, std::span<double> x) {
    const int64_t n = std::ssize(x);
    for (int64_t j = 0; j < n; ++j)
        for (int64_t k = 1; k < width && j + k < n; ++k) x[j + k] -= band[j * width + k] * x[j];
    for (int64_t j = n - 1; j >= 0; --j) {
        x[j] /= band[j * width];
        for (int64_t k = 1; k < width && j + k < n; ++k) x[j] -= band[j * width + k] * x[j + k];
    }
}

void solve_band(const Equations& of, int64_t width, Eigen::MatrixXd& values) {
    const int64_t n = std::ssize(of.diagonal);
    std::vector<double> band(n * width);
    for (int64_t i = 0; i < n; ++i) band[i * width] = of.diagonal[i];
    for (const auto& entry : of.below) band[entry.col() * width + entry.row() - entry.col()] = entry.value();
    factorise(band.data(), n, width);
    for (Eigen::Index c = 0; c < values.cols(); ++c)
        substitute(band, width, {values.col(c).data(), static_cast<size_t>(n)});
}

void solve_sparse(const Equations& of, Eigen::MatrixXd& values) {
    std::vector<Eigen::Triplet<double>> entries = of.below;
    for (int64_t i = 0; i < std::ssize(of.diagonal); ++i) entries.emplace_back(i, i, of.diagonal[i]);
    Eigen::SparseMatrix<double> system(std::ssize(of.diagonal), std::ssize(of.diagonal));
    system.setFromTriplets(entries.begin(), entries.end());
    const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>, Eigen::Lower> solver(system);
    if (solver.info() != Eigen::Success)
        throw Error(ErrorKind::internal, "the neighbours' equations have no solution");
    values = solver.solve(values).eval();
}

// Pixels in reading order give a band as wide as a line of the image: of small images that is solved several times sooner
// than a good order for large ones is found.
void solve(const Equations& equations, Eigen::MatrixXd& values) {
    constexpr int64_t narrow = 96;
    int64_t width = 1;
    for (const auto& entry : equations.below)
        width = std::max<int64_t>(width, entry.row() - entry.col() + 1);
    if (width <= narrow)
        solve_band(equations, width, values);
    else
        solve_sparse(equations, values);
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
    const auto n = std::ssize(missing);
    Equations equations{.diagonal = std::vector<double>(n)};
    Eigen::MatrixXd values = Eigen::MatrixXd::Zero(n, channels_);
    for (int64_t i = 0; i < n; ++i) {
        const int64_t y = missing[i] / width_, x = missing[i] % width_;
        for (const auto& [down, right, weight] : neighbours) {
            const int64_t to_y = y + down, to_x = x + right;
            if (to_y < 0 || to_x < 0 || to_y >= height_ || to_x >= width_) continue;
            equations.diagonal[i] += weight;
            const int64_t q = to_y * width_ + to_x;
            if (unknown[q] < 0)
                for (int64_t c = 0; c < channels_; ++c)
                    values(i, c) += weight * values_[q * pixel_step_ + c * channel_step_];
            else if (unknown[q] < i)
                equations.below.emplace_back(i, unknown[q], -weight);
        }
    }
    solve(equations, values);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < channels_; ++c) {
            const int64_t at = missing[i] * pixel_step_ + c * channel_step_;
            out[at] = static_cast<T>(values(i, c) + noise_[at]);
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

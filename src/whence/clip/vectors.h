#pragma once
// Lists of doubles as Eigen's vectors and back. Private to this folder.

#include <Eigen/Core>
#include <span>
#include <vector>

#include "whence/core/tensor.h"

namespace whence::clip {

using Vector = Eigen::VectorXd;
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Eigen::Map<const Vector> view(std::span<const double> v) {
    return {v.data(), static_cast<Eigen::Index>(v.size())};
}
inline Eigen::Map<const Rows> view(MatrixView<const double> rows) {
    return {rows.data, rows.rows, rows.columns};
}
inline std::span<const double> view(const Vector& v) {
    return {v.data(), static_cast<size_t>(v.size())};
}
inline std::vector<double> list(const Vector& v) {
    return {v.data(), v.data() + v.size()};
}

}  // namespace whence::clip

#include "whence/gradients/eigen_cam.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <chrono>

#include "whence/core/error.h"
#include "whence/gradients/feature_maps.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A v = sigma u: whichever of v and u is shorter is an eigenvector of the smaller square.
Eigen::VectorXd first_component(const Matrix& centered) {
    const bool few_channels = centered.rows() <= centered.cols();
    const Eigen::MatrixXd square = few_channels ? Eigen::MatrixXd(centered * centered.transpose())
                                                : Eigen::MatrixXd(centered.transpose() * centered);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(square);  // ascending
    const Eigen::VectorXd first = solver.eigenvectors().rightCols(1);
    if (few_channels) return centered.transpose() * first;
    return std::sqrt(std::max(0.0, solver.eigenvalues().tail(1)[0])) * first;
}

}  // namespace

EigenCam::EigenCam(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    if (options_.layer.empty()) throw Error(ErrorKind::usage, "eigen-cam needs a layer");
}

Explanation EigenCam::explain(const Batch& input, const Target& target, const Run& run) const {
    constexpr int64_t most = 2048;  // a few seconds of work
    const auto start = std::chrono::steady_clock::now();
    const LayerPass pass = pass_through(model_, input, target, {options_.layer}, With::values, run);
    const FeatureMaps features(pass.values[0], options_.layer);
    if (std::min(features.channels, features.positions()) > most)
        throw Error(ErrorKind::limit,
                    "eigen-cam would need the eigenvectors of a matrix of more "
                    "than 2048 rows; choose a later layer");
    Matrix centered =
        Eigen::Map<const Matrix>(features.values.data(), features.channels, features.positions());
    const Eigen::VectorXd together = centered.colwise().sum().transpose();
    centered.colwise() -= centered.rowwise().mean().eval();
    Eigen::VectorXd map = first_component(centered);
    if (map.dot(together) < 0) map = -map;

    Explanation explanation = map_explanation("eigen-cam", options_.layer, pass,
                                              {map.data(), static_cast<size_t>(map.size())},
                                              features.height, features.width, run);
    explanation.diagnostics.no_error_because =
        "the map shows what the features have in common and never looks at the target";
    run.report("eigen-cam", 1, 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence

#include "whence/recipe/tree_losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"

namespace whence::recipe {
namespace {

trees::Worth log_loss(const HeldTrees& trees, int64_t label) {
    const TensorInfo& output = trees.model().outputs()[0];
    return [&output, label](const Batch& answers) {
        const std::span<const double> p = answers.at(output.name).as<double>();
        const int64_t width = output.shape[1];
        std::vector<double> losses(p.size() / width);
        for (size_t i = 0; i < losses.size(); ++i) {
            // Of two classes told by one share it is the second's.
            const double share = width > 1 ? p[i * width + label] : label == 1 ? p[i] : 1 - p[i];
            losses[i] = -std::log(std::max(share, 1e-15));
        }
        return losses;
    };
}

trees::Worth squared_error(const ResolvedTarget& target, double truth) {
    return [&target, truth](const Batch& answers) {
        std::vector<double> losses = target_values(target, answers);
        for (double& value : losses) value = (value - truth) * (value - truth);
        return losses;
    };
}

}  // namespace

const char* name(TreeLoss loss) {
    return loss == TreeLoss::log_loss ? "log-loss" : "squared-error";
}

TreeLoss parse_tree_loss(const std::string& name, const HeldTrees& trees) {
    const bool classes = trees.tells_classes();
    if (name == "auto") return classes ? TreeLoss::log_loss : TreeLoss::squared_error;
    if (name == "squared-error") return TreeLoss::squared_error;
    if (name != "log-loss")
        throw Error(ErrorKind::usage,
                    "no loss '" + printable(name) + "'; choose from log-loss, squared-error");
    if (!classes)
        throw Error(ErrorKind::usage, "the model has no classes: its loss is squared-error");
    return TreeLoss::log_loss;
}

trees::Worth worth_of(TreeLoss loss, const HeldTrees& trees, const ResolvedTarget& target,
                      double truth, const std::string& written) {
    const bool logs = loss == TreeLoss::log_loss;
    const bool fits =
        std::isfinite(truth) && (!logs || (truth == std::floor(truth) && truth >= 0 &&
                                           truth < static_cast<double>(trees.classes())));
    if (!fits)
        throw Error(ErrorKind::input,
                    fmt::format("the label {} is none of the {}", printable(written),
                                logs ? "classes" : "numbers"));
    return logs ? log_loss(trees, static_cast<int64_t>(truth)) : squared_error(target, truth);
}

}  // namespace whence::recipe

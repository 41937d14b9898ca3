#pragma once
// Pictures of a study's document. Private to this folder.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "whence/experiment/analysis.h"

namespace whence::experiment {

struct Figure {
    std::string file;  ///< name without folder
    std::vector<std::byte> bytes;
};

/// Pearson's matrix of accuracy, MeGe and ReCo for one method: a column of panels for each data
/// set, a row for all epochs and one for final models.
[[nodiscard]] Figure matrix_figure(const Study& study, const std::vector<Group>& groups,
                                   const std::string& method);
/// Accuracy against ReCo, a panel for each data set and method, epochs by colour.
[[nodiscard]] Figure point_figure(const Study& study, const std::vector<Group>& groups);
/// One object of each class of a data set with the map of each method. None where the ledger holds
/// no example of it.
[[nodiscard]] std::optional<Figure> example_figure(const Study& study, const std::string& data_set);

}  // namespace whence::experiment

#pragma once
// Where an ensemble cuts its columns: values of one cell are the same to every tree.

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "whence/trees/ensemble.h"

namespace whence::trees {

/// The values above < x <= upto, as trees read them.
struct Cell {
    double above = -std::numeric_limits<double>::infinity();
    double upto = std::numeric_limits<double>::infinity();

    [[nodiscard]] bool holds(double read) const { return read > above && read <= upto; }
};

/// The cells of every column, rising, each column's together the whole line. A column that no split
/// reads has one. Codes of categories, and the zeros of a column where they mean missing, are cells
/// of their own. Where trees read float32, ends are float32. Cost: one pass over all nodes, and
/// sorting.
[[nodiscard]] std::vector<std::vector<Cell>> cells_of(const Ensemble& ensemble);

/// 1 for the columns that some split reads, be it only for whether a value is missing.
[[nodiscard]] std::vector<uint8_t> read_columns(const Ensemble& ensemble);

/// A value of `column` as the trees read it: rounded to float32 where they do, NaN for a zero that
/// means missing.
[[nodiscard]] double as_read(const Ensemble& ensemble, int64_t column, double value);

/// Which values a number may take.
struct Lattice {
    bool float_inputs = true;  ///< values are float32, unless they are whole steps
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    double per_unit = 0;  ///< values are multiples of 1 / per_unit (100: cents); 0: any
};

/// The value nearest to x (a number) that the lattice has and that is read inside the cell; x
/// itself where it is there. None where the cell holds no such value.
[[nodiscard]] std::optional<double> nearest_in(const Cell& cell, double x, const Lattice& lattice);

}  // namespace whence::trees

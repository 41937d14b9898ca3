#pragma once
// What Python gives to explain, as the library takes it.

#include <memory>
#include <vector>

#include "interrupt.h"
#include "whence/recipe/input.h"
#include "whence/recipe/subject.h"

namespace whence::python {

/// A loaded model, shared by the Python object and the explanations made with it.
struct Loaded {
    explicit Loaded(recipe::Subject loaded);
    /// The model is Python code: see Pace::stay_in_place.
    void stay_in_place();
    /// The model answers when it likes: see Pace::stay_beside.
    void stay_beside();
    recipe::Subject subject;
    Pace predicting, differentiating, comparing, compiling, viewing, evaluating;
    std::vector<Pace> explaining;  ///< one for each method, in the order of recipe::methods()
};
using LoadedPtr = std::shared_ptr<Loaded>;

/// Rows for predict and gradient: an array, a dict of arrays, or a file.
struct Rows {
    Batch batch;
    bool batched = true;  ///< false: one row was given, without the leading dimension
    Schema schema = {};   ///< where the batch is rows of a table and the model reads each column by itself
    bool texts = false;   ///< the batch holds texts
};
[[nodiscard]] Rows to_rows(const recipe::Subject& subject, nb::handle object);

/// The columns of a row given as numbers, where the model reads each column by itself; empty where nobody names them.
[[nodiscard]] Schema schema_of(const recipe::Subject& subject);

/// Background rows in memory, [rows, columns] of these names. Throws Error(input) for another shape.
[[nodiscard]] data::Table table_of(nb::handle background, const std::vector<std::string>& names);

/// One row to explain.
struct Given {
    recipe::Input input;
    bool batched = true;
};
[[nodiscard]] Given to_input(const recipe::Subject& subject, nb::handle object, std::optional<int64_t> row);

/// A text to explain: a str where the model reads texts (a path is then a pathlib.Path); else none.
[[nodiscard]] std::optional<std::string> text_of(const recipe::Subject& subject, nb::handle object);

/// str and os.PathLike, as the path they name; none for other objects.
[[nodiscard]] std::optional<std::string> path_of(nb::handle object);

/// A target as the command line writes it: None, a class number, a name, or a pair (i, j).
[[nodiscard]] std::string target_text(nb::handle target, const std::optional<std::string>& output);

}  // namespace whence::python

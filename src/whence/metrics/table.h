#pragma once
// What is known of every metric before it is computed.

#include <span>
#include <string>
#include <string_view>

namespace whence::metrics {

enum class Category {
    attribution_error,
    faithfulness,
    complexity,
    localisation,
    consistency,
    axioms,
    robustness,
    randomisation,
    fairness,
};
/// "attribution-error", "faithfulness", ...
[[nodiscard]] std::string_view name(Category category);

enum class Better { higher, lower };
/// "higher", "lower".
[[nodiscard]] std::string_view name(Better better);

/// What a metric must be given beside explanations.
struct Needs {
    bool model = false;   ///< is asked about changed inputs
    bool mask = false;    ///< of the object: somebody marked it
    bool labels = false;  ///< the class of each input
    bool method = false;  ///< explains again: other inputs, other targets or another model
    bool groups = false;  ///< protected columns of a table, and so who is in which group
    bool models = false;  ///< several, trained on parts of the data
};

struct Facts {
    std::string_view name;
    Category category;
    Better better;
    double low, high;  ///< the range; may be infinite
    Needs needs;
    std::string_view source;
    std::string_view assumes;      ///< one line
    std::string_view cannot_tell;  ///< one line: what follows from what it assumes
};

/// All metrics, by category.
[[nodiscard]] std::span<const Facts> table();
/// Throws Error(usage) naming the choices.
[[nodiscard]] const Facts& facts(std::string_view metric);

}  // namespace whence::metrics

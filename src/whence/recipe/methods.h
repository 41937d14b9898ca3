#pragma once
// Every method Whence offers, with its options: the one table from which the command line, Python
// and the documentation take names, defaults and help.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/baseline.h"
#include "whence/core/explanation.h"
#include "whence/recipe/input.h"

namespace whence::recipe {

struct OptionSpec {
    Option option;  ///< name and default value; the default's type is the option's type
    std::string help;
};

/// Values of a method's options: defaults, overridden by what the user gave.
class OptionValues {
  public:
    /// Throws Error(usage) for a name the method does not have (naming those it has) or a value of
    /// the wrong type. Whole numbers are taken where numbers or texts are wanted.
    OptionValues(const std::vector<OptionSpec>& specs, const std::vector<Option>& given,
                 std::string_view method);
    template <class T>
    [[nodiscard]] const T& get(std::string_view name) const;
    [[nodiscard]] const std::vector<Option>& all() const { return values_; }

  private:
    std::vector<Option> values_;
};

/// What a method is given to explain with.
struct Task {
    const Subject& subject;
    const Input& input;
    const Target& target;
    const Baseline& baseline;
    bool features_baseline;  ///< the baseline is one of the layer's features, not of the input
    const OptionValues& options;
    const std::string& layer;               ///< see Recipe::layer
    const std::optional<Tensor>& segments;  ///< superpixels given directly, else from the options
    const std::function<double(double distance, double width)>& kernel;  ///< see Recipe::kernel
    const Run& run;
};

class RowsExplainer;

/// What a method is given that explains many rows at once (see recipe/rows.h).
struct RowsTask {
    const Subject& subject;
    const Schema& schema;
    const OptionValues& options;
    const Explanation& example;  ///< of one of the rows: its target is that of all
};

/// What a method does with a layer.
enum class LayerUse {
    none,      ///< explains the input alone
    optional,  ///< explains the input, or the features of a layer
    required,  ///< needs a layer; where none is given the recipe chooses the last convolution
};

struct MethodSpec {
    std::string name;
    std::string summary;  ///< one line
    bool needs_gradient;
    bool uses_baseline;
    std::vector<OptionSpec> options;
    Explanation (*explain)(const Task&);
    LayerUse layer = LayerUse::none;
    bool baseline_set = false;  ///< averages over many baselines: the rows of a background
    bool baseline_one = false;  ///< with baseline_set: one baseline will do where there is no background
    bool several_inputs = false;  ///< explains several inputs of a model together
    bool kernel = false;  ///< weighs samples by a kernel that may be given as a function
    /// Explains many rows at once; nullptr, or a result of nullptr: one at a time.
    std::shared_ptr<const RowsExplainer> (*rows)(const RowsTask&) = nullptr;
};

[[nodiscard]] const std::vector<MethodSpec>& methods();
/// Whether a baseline makes a difference to the method, of a `text` or another input. Words that
/// are missing are left out or masked: methods that only ask need no other text.
[[nodiscard]] bool compares_with_baseline(const MethodSpec& method, bool text);
/// Throws Error(usage) naming the methods there are.
[[nodiscard]] const MethodSpec& find_method(std::string_view name);

/// Text as an option's value, of the type of the spec's default. Throws Error(usage).
[[nodiscard]] Option parse_option(const OptionSpec& spec, std::string_view text);

}  // namespace whence::recipe

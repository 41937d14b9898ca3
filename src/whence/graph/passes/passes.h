#pragma once
// Rewrites of a graph, one for each file. Every pass leaves a graph that verifies.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "whence/core/target.h"
#include "whence/graph/graph.h"

namespace whence::graph {

/// Constant nodes become initializers, also inside bodies; copies (Identity) of them too.
void fold_constants(Graph& graph);

/// Makes every float16 and bfloat16 of the graph float32, inputs and outputs included: half precision
/// has too few digits for gradients, and many operators have no kernel for it. Bodies, too; a graph with
/// attributes that are carried through unread stays as it is. True if the graph changed.
bool compute_in_single_precision(Graph& graph);

/// Rewrites operators of opsets 7 to 17 in their form of opset 18, so that everything after knows one
/// form. Throws Error(unsupported) below 7.
/// Forms changed: axes, bounds and pads that were attributes; Softmax over several axes; Upsample and
/// Resize-10; Dropout (Identity at inference); Scatter.
void upgrade_opset(Graph& graph);

/// Writes out what bodies do as nodes of the graph: the branch that a constant condition takes, the steps of a
/// Loop or Scan whose number is known, as long as the graph stays below 20 000 nodes. Opset 18 or newer,
/// annotated; true if the graph changed: it should be annotated again, and bodies that were inside others may
/// follow.
bool unroll(Graph& graph);

/// Writes operators without a gradient rule in those that have one: Attention, RMSNormalization, and
/// what ONNX Runtime's exporters leave. Opset 18 or newer, annotated; true if the graph changed and
/// should be annotated again. Forms that cannot be written so (docs/operators.md) stay as they are.
bool expand_operators(Graph& graph);
/// Names of the operators that it rewrites, those of other domains as "domain.operator".
[[nodiscard]] std::vector<std::string> operators_to_expand();

/// Writes operators whose change has no exact split (gradient/multiplier.h) as sums, products and
/// functions of one variable, each of which has one: Div, Softmax, normalisations, norms, ... Names of
/// tensors stay. True if the graph changed: what is known of shapes should then be found anew.
bool split_for_multipliers(Graph& graph);
/// Names of the operators that it rewrites.
[[nodiscard]] std::vector<std::string> operators_to_split();

/// Makes constants inputs, after the others, in this order. Throws Error(usage) for one that does not exist.
void lift_constants(Graph& graph, const std::vector<std::string>& names);

/// Folds a BatchNormalization into the convolution before it, where statistics are constant and
/// nobody else reads the convolution. Weights that are inputs of the graph are scaled by nodes of it, others
/// once and for all. Tensors named in `keep` stay as they are.
void fold_batch_normalization(Graph& graph, const std::set<std::string>& keep);

/// Makes a fixed batch of one free: inputs, constants of Reshape that state it, and constant rows that
/// are concatenated to every row. True if the graph changed. Whether rows are then independent is
/// for the caller to verify by running it.
bool free_batch_dimension(Graph& graph);

/// Drops a ZipMap (class labels to scores, as a list of dictionaries) before an output: the output
/// becomes the plain matrix of scores. Returns the class labels it held.
std::vector<std::string> drop_zipmap(Graph& graph);

/// How pixels become what an image model reads: (pixel * scale - mean) / std for each channel.
struct PixelTransform {
    bool channels_first = true;
    bool reverse_channels = false;  ///< BGR
    std::vector<double> mean, std;  ///< one entry, or one for each channel; empty: 0 and 1
    double scale = 1;
    int64_t channels = 3;
};

/// Puts the transform in front of the model's only input: the graph then reads pixels
/// [N, H, W, C] in [0, 1], and everything that follows (baselines, gradients, maps) is in pixels.
/// `height` or `width` 0: as the model's input says. Returns the new input's name.
std::string add_pixel_transform(Graph& graph, const PixelTransform& transform, int64_t height, int64_t width);

/// The model that answers x as this one answers x - shift: what shifting the first layer's bias by
/// -W shift amounts to (Kindermans et al. 2019), exactly also where a convolution pads its input.
/// `shift` is of the input's type and is broadcast against its rows. Throws Error(usage) where there is no such
/// input, Error(unsupported) where it is of another type.
void shift_input(Graph& graph, const std::string& input, const Tensor& shift);

/// In what scale an output is, read off the operator that makes it; raw where that says nothing.
[[nodiscard]] Scale output_scale(const Graph& graph, const std::string& output);

/// Name of a tensor that holds the scores of `output` in another scale: the input of the final Softmax
/// where there is one, else appended. Elements of a row keep their order. Throws
/// Error(unsupported) if it cannot be had.
std::string scores_in(Graph& graph, const std::string& output, Scale scale);

/// The part of the graph that computes `outputs`; its inputs are those it needs.
[[nodiscard]] Graph cut_below(const Graph& graph, const std::vector<std::string>& outputs);

/// The part of the graph between the tensor `from`, which becomes an input, and the model's outputs.
/// Tensors that bypass `from` keep their own inputs.
[[nodiscard]] Graph cut_above(const Graph& graph, const std::string& from);

}  // namespace whence::graph

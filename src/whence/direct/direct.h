#pragma once
// Small models that answer masked rows from their own numbers: no rows are written, nothing is
// asked twice.

#include <memory>

#include "whence/graph/graph.h"
#include "whence/mask/masked_scores.h"

namespace whence::direct {

/// A graph of a simple form, whose weights are copied; nullptr for any other graph. The forms, each
/// with one float32 matrix [rows, columns] as its only input:
///
/// - a dense network: Gemm, MatMul with constants, Add, Sub, Mul, Div with a constant for each
/// column,
///   Relu, Tanh, Sigmoid, Softmax over the last axis, Identity, Flatten, one after another; where
///   Flatten is the first, rows of any shape: pictures. Its
///   first layer is linear in what players are there: with delta_k the difference of player k's
///   columns times their weights, W x_S = W b + sum over k in S of delta_k. Sums of five players'
///   deltas stand in tables, so a row costs a fifth of its columns times the width of the first
///   layer, and the layers above as ever. Where tanh or a sigmoid stands between two layers, the second
///   of up to 4 outputs, tables hold factors of e^-z instead of addends of z, so that 1 / (1 + e^-z)
///   takes a division and no exponential: absolute errors below 1e-6 for each unit. Up to 2^18 weights a layer.
/// - one TreeEnsembleRegressor or TreeEnsembleClassifier (sums and averages): every condition is
/// looked
///   up for input and background once, and a tree is then walked for 512 coalitions at a time,
///   which are bits. Up to 2^20 nodes.
///
/// Sums are taken in another order than ONNX Runtime's, so answers differ by rounding (float32:
/// some 1e-7 of the largest term); conditions of trees decide exactly as there.
[[nodiscard]] std::shared_ptr<const MaskedScorer> read(const graph::Graph& graph);

}  // namespace whence::direct

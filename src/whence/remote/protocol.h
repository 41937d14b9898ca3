#pragma once
// The JSON of the Open Inference Protocol v2 (KServe, Triton, MLServer): metadata, questions,
// answers. Answers come from outside: everything in them is checked before it is used.

#include <string>
#include <string_view>
#include <vector>

#include "whence/core/model.h"

namespace whence::remote {

struct Metadata {
    std::string platform;                     ///< what the server says runs the model; may be empty
    std::vector<std::string> versions;        ///< may be empty
    std::vector<TensorInfo> inputs, outputs;  ///< the first dimension is -1: rows
    bool one_row = false;                     ///< the first dimension was 1: one row a call
};

/// `where` begins the line of every error. Throws Error(model) for what is no metadata,
/// Error(unsupported) for a model that reads or returns what JSON does not carry (FP16, BF16),
/// names no tensors, or reads a fixed number of rows above one.
[[nodiscard]] Metadata read_metadata(std::string_view json, const std::string& where);

/// The body of a call of infer. `inputs` fit `infos` in name and type. Numbers are written with the
/// fewest digits that read back as the same. Throws Error(input) for NaN, infinity and text that is
/// no UTF-8: JSON has none of them.
[[nodiscard]] std::string write_question(const std::vector<TensorInfo>& infos, const Batch& inputs);

/// Every output of `infos`, of the type and shape it says, `rows` rows each. Throws Error(model).
[[nodiscard]] Batch read_answer(std::string_view json, const std::vector<TensorInfo>& infos,
                                int64_t rows, const std::string& where);

/// What the server says went wrong ({"error": "..."}), cleaned; empty where it says nothing.
[[nodiscard]] std::string read_error(std::string_view json);

}  // namespace whence::remote

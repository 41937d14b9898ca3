#pragma once
// The shipped examples, opened once.

#include <gtest/gtest.h>

#include "../message_of.h"
#include "whence/core/error.h"
#include "whence/recipe/recipe.h"

namespace whence::recipe::test {

inline const std::filesystem::path examples = std::filesystem::path(WHENCE_SOURCE_DIR) / "examples";

inline const Subject& table_subject() {
    static const Subject subject = Subject::load(examples / "models/breast_cancer.onnx");
    return subject;
}
inline const Subject& image_subject() {
    static const Subject subject = Subject::load(examples / "models/cifar10_cnn.onnx");
    return subject;
}
inline Input row(int64_t number) {
    return read_input(table_subject(), examples / "data/breast_cancer.csv", number);
}
inline Input cat() {
    return read_input(image_subject(), examples / "data/cat.png");
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace whence::recipe::test

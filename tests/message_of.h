#pragma once
// What an error says, and that it is of the right kind.

#include <gtest/gtest.h>

#include <string>

#include "whence/core/error.h"

namespace whence {

/// The message of the Error(kind) that `work` throws; empty, and the test fails, where it throws
/// none.
template <class Work>
std::string message_of(ErrorKind kind, const Work& work) {
    try {
        work();
    } catch (const Error& error) {
        EXPECT_EQ(name(error.kind()), name(kind)) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
}

}  // namespace whence

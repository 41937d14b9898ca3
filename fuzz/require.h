#pragma once
// What a fuzz target asserts beyond "no crash": libFuzzer reports an abort with the input.

#include <cstdlib>

inline void require(bool holds) {
    if (!holds) std::abort();
}

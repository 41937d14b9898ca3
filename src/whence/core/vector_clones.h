#pragma once
// Compiles a loop for several instruction sets and picks one when the program is loaded. With
// -ffp-contract=off each does the same roundings, so every processor gives the same bits.
// Sanitizers cannot live with the loader's choice (it runs before they do).

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WHENCE_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WHENCE_VECTOR_CLONES
#endif

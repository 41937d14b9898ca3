#pragma once
// Which instructions the kernels of this folder use.

#include <span>
#include <string_view>

namespace whence::trees {

/// A build of the kernels. All give the same values within rounding.
enum class Isa {
    best,  ///< the widest this machine has
    plain,
    avx2,
    avx512,
};

/// The builds this program and this machine have, the widest last.
[[nodiscard]] std::span<const Isa> available_isas();

/// `wanted` if this machine has it, the widest for `best`. Throws Error(unsupported) otherwise.
[[nodiscard]] Isa resolve(Isa wanted);

[[nodiscard]] std::string_view name(Isa isa);

}  // namespace whence::trees

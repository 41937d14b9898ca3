#pragma once
// How much of the machine a model may take.

#include <cstdint>
#include <string_view>

namespace whence::cli {

/// "4G", "500M", "1.5G", "60%" (of the machine's memory), or bytes. Throws Error(usage).
[[nodiscard]] uint64_t parse_memory(std::string_view text);

/// Refuses what the process asks for beyond `bytes` (and a little for Whence itself), whoever asks:
/// the second line of defence behind the limit of the models' own arena.
void limit_process_memory(uint64_t bytes);

}  // namespace whence::cli

#pragma once
// Options checked once, for every method: one line that says which, and what it may be.

#include <cstdint>

namespace whence::gradients {

/// Throws Error(usage) unless `least` <= value <= 1000000: far beyond the last step that improves
/// anything, and short of what would only end at the time limit.
void require_count(const char* method, const char* option, int64_t value, int64_t least = 1);

/// Throws Error(usage) unless `low` <= value <= `high` (not for NaN either).
void require_range(const char* method, const char* option, double value, double low, double high);

}  // namespace whence::gradients

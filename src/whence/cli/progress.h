#pragma once
// A progress bar on stderr, for people who wait.

#include "whence/core/run.h"

namespace whence::cli {

/// Draws nothing before a second has passed, and at most ten times a second after it.
[[nodiscard]] Progress progress_bar();

/// Removes the bar from the screen, if one is there. Safe from any thread.
void clear_progress();

}  // namespace whence::cli

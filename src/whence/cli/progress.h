#pragma once
// A progress bar on stderr, for people who wait.

#include "whence/core/run.h"

namespace whence::cli {

/// Shows how far the run is, and its early estimates. Draws nothing before a second has passed, and
/// at most ten times a second after it.
void watch(Run& run);

/// Removes the bar from the screen, if one is there. Safe from any thread.
void clear_progress();

}  // namespace whence::cli

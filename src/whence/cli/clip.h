#pragma once
// What the parts of 'whence clip' share: each is a row of the table in clip.cpp and a file clip_*.cpp.

#include <filesystem>
#include <string>
#include <vector>

#include "command.h"
#include "whence/clip/pair.h"

namespace whence::cli {

// One for each part: declares its options under `clip`; when it is chosen, sets context.command.
void add_clip_info(CLI::App& clip, Context& context);
void add_clip_classify(CLI::App& clip, Context& context);
void add_clip_filter(CLI::App& clip, Context& context);
void add_clip_explain(CLI::App& clip, Context& context);
void add_clip_index(CLI::App& clip, Context& context);
void add_clip_search(CLI::App& clip, Context& context);
void add_clip_remove(CLI::App& clip, Context& context);
void add_clip_compact(CLI::App& clip, Context& context);
void add_clip_counterfactual(CLI::App& clip, Context& context);

/// Which folder of encoders is asked.
struct ClipModel {
    std::string folder;  ///< empty: the model that comes with Whence

    /// Declares --model DIR.
    void declare(CLI::App& command);
    /// The folder: what was given, else $WHENCE_CLIP_MODEL, else share/whence/models/clip beside an installed
    /// program, else examples/models/clip of the sources it was built in. Throws Error(usage) where there is none.
    [[nodiscard]] std::filesystem::path path() const;
    /// Loads it, and says on stderr what the folder did not say, unless --quiet.
    [[nodiscard]] clip::Pair open(const Context& context) const;
};

struct ExplainOptions;
/// Which word of the text goes with which patch of the picture. Returns the exit code.
int explain_pairs(const ClipModel& model, const std::string& image, const std::string& text, const ExplainOptions& how,
                  const Context& context);

/// "a, b,c" as a, b, c: blanks around names go, empty ones too.
[[nodiscard]] std::vector<std::string> split_names(const std::string& text);

/// The files, and of folders the pictures in them and below (.png, .jpg, .jpeg), by name. Throws Error(io) for
/// what is not there, Error(input) for a folder without any.
[[nodiscard]] std::vector<std::filesystem::path> picture_files(const std::vector<std::string>& given);

}  // namespace whence::cli

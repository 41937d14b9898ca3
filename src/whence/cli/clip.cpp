// whence clip: models of pictures and texts in one space.

#include "clip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"
#include "whence/recipe/input.h"
#include "whence/recipe/layers.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::cli {
namespace {

using Json = nlohmann::ordered_json;
using Path = std::filesystem::path;

constexpr void (*parts[])(CLI::App&, Context&) = {
    add_clip_info,
    add_clip_classify,
    add_clip_filter,
    add_clip_explain,
    add_clip_index,
    add_clip_search,
    add_clip_remove,
    add_clip_compact,
    add_clip_counterfactual,
};

// Folders in which a model may come with the program, from its own place.
std::vector<Path> shipped() {
    std::error_code failed;
    const Path program = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) return {};
    const Path folder = program.parent_path();
    return {folder / "../share/whence/models/clip", folder / "../../examples/models/clip"};
}

}  // namespace

void ClipModel::declare(CLI::App& command) {
    command
        .add_option("--model", folder,
                    "folder with the encoders of pictures and texts (docs/clip.md); default: "
                    "$WHENCE_CLIP_MODEL, else the small one that comes with Whence")
        ->type_name("DIR");
}

std::filesystem::path ClipModel::path() const {
    if (!folder.empty()) return folder;
    if (const char* set = std::getenv("WHENCE_CLIP_MODEL"); set && *set) return set;
    std::error_code failed;
    for (const Path& place : shipped())
        if (std::filesystem::is_directory(place, failed)) return std::filesystem::canonical(place, failed);
    throw Error(ErrorKind::usage, "no model comes with this program: give --model DIR, or set WHENCE_CLIP_MODEL");
}

clip::Pair ClipModel::open(const Context& context) const {
    clip::Pair pair = clip::Pair::load(path(), 0, context.run);
    for (const std::string& note : pair.notes()) context.note(printable(note, 400));
    return pair;
}

std::vector<std::string> split_names(const std::string& text) {
    std::vector<std::string> out;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        const size_t first = text.find_first_not_of(" \t", at);
        if (first < end) {
            const size_t last = text.find_last_not_of(" \t", end - 1);
            out.push_back(text.substr(first, last + 1 - first));
        }
        at = end + 1;
    }
    return out;
}

std::vector<std::filesystem::path> picture_files(const std::vector<std::string>& given) {
    std::vector<Path> out;
    for (const std::string& name : given) {
        std::error_code failed;
        if (!std::filesystem::exists(name, failed))
            throw Error(ErrorKind::io, printable(name, 400) + ": no such file or folder");
        if (!std::filesystem::is_directory(name, failed)) {
            out.emplace_back(name);
            continue;
        }
        std::vector<Path> found;
        const auto options = std::filesystem::directory_options::skip_permission_denied;
        for (std::filesystem::recursive_directory_iterator at(name, options, failed), end; !failed && at != end;
             at.increment(failed))
            if (recipe::kind_of(at->path()) == recipe::FileKind::picture && at->is_regular_file(failed))
                found.push_back(at->path());
        if (found.empty())
            throw Error(ErrorKind::input, printable(name, 400) + ": no pictures in this folder (.png, .jpg, .jpeg)");
        std::ranges::sort(found);
        out.insert(out.end(), found.begin(), found.end());
    }
    return out;
}

// ---- info -----------------------------------------------------------------------------------

namespace {

struct InfoOptions {
    std::string folder;
    bool json = false;
};

std::string blocks(const OnnxModel& encoder) {
    const size_t count = recipe::find_attention(encoder).size();
    return count == 0 ? "no attention found" : fmt::format("{} blocks of attention", count);
}

std::string as_text(const clip::Pair& pair) {
    const data::ImagePreprocessing& picture = pair.preprocessing().image;
    std::string out = render::clean(pair.folder().string(), 400) + "\n";
    out += fmt::format("  pictures    {} x {} pixels, {}; {}\n", picture.width, picture.height,
                       picture.resample == data::Resample::bicubic ? "bicubic" : "bilinear",
                       blocks(pair.image_encoder()));
    out += fmt::format("  texts       up to {} tokens; {}\n", pair.context(), blocks(pair.text_encoder()));
    out += fmt::format("  embeddings  {} numbers\n", pair.width());
    out += fmt::format("  score       {} x cosine{}, then {}\n", render::number(pair.logit_scale(), 5),
                       pair.logit_bias() == 0 ? "" : fmt::format(" {:+.5g}", pair.logit_bias()),
                       clip::name(pair.activation()));
    out += "  fingerprint " + pair.fingerprint() + "\n";
    for (const std::string& note : pair.notes()) out += "  note: " + render::clean(note, 400) + "\n";
    return out;
}

std::string as_json(const clip::Pair& pair) {
    const Json out = {{"model", pair.folder().string()},
                      {"fingerprint", pair.fingerprint()},
                      {"width", pair.width()},
                      {"context", pair.context()},
                      {"logit_scale", pair.logit_scale()},
                      {"logit_bias", pair.logit_bias()},
                      {"activation", clip::name(pair.activation())},
                      {"preprocessing", Json::parse(data::to_json(pair.preprocessing()))},
                      {"attention_of_pictures", recipe::find_attention(pair.image_encoder())},
                      {"attention_of_texts", recipe::find_attention(pair.text_encoder())},
                      {"notes", pair.notes()}};
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void add_clip_info(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand("info", "what a folder of encoders holds, as far as it is recognised");
    command->alias("load");
    const auto options = std::make_shared<InfoOptions>();
    command->add_option("DIR", options->folder, "the folder; default: as --model of the other commands")->type_name("");
    command->add_flag("--json", options->json, "for programs");
    command->footer("\n  whence clip info examples/models/clip");
    command->callback([options, &context] {
        context.command = [options, &context] {
            const clip::Pair pair = clip::Pair::load(ClipModel{options->folder}.path(), 0, context.run);
            print(options->json ? as_json(pair) : as_text(pair));
            return 0;
        };
    });
}

void add_clip(CLI::App& app, Context& context) {
    CLI::App* clip = app.add_subcommand("clip", "pictures and texts in one space: what fits what, and why");
    clip->require_subcommand(1);
    for (const auto& add : parts) add(*clip, context);
    clip->footer(
        "\n  whence clip classify examples/data/cat.png --labels cat,dog,ship\n"
        "  whence clip explain examples/data/cat.png --text \"a photo of a cat\" -o why.html");
}

}  // namespace whence::cli

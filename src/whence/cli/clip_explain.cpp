// whence clip explain: why a text fits a picture, seen from the picture or from the text.

#include <fmt/format.h>

#include "clip.h"
#include "explain.h"
#include "whence/clip/classify.h"
#include "whence/core/error.h"
#include "whence/recipe/subject.h"

namespace whence::cli {
namespace {

struct Options {
    ClipModel model;
    ExplainOptions how;
    std::vector<std::string> images, texts;
    std::string side = "image", labels, prompt{clip::default_prompt};
};

// What the pictures are scored against, and what that is called.
data::Preprocessing texts_of(const Options& options) {
    data::Preprocessing out{.kind = data::InputKind::image, .texts = options.texts};
    if (options.labels.empty()) return out;
    out.classes = split_names(options.labels);
    for (const std::string& label : out.classes) out.texts.push_back(clip::prompted(label, options.prompt));
    return out;
}

data::Preprocessing images_of(const Options& options) {
    data::Preprocessing out{.kind = data::InputKind::text};
    for (const std::string& image : options.images) out.images.push_back({.path = image, .sha256 = ""});
    return out;
}

void check(const Options& options) {
    const bool of_text = options.side == "text";
    if (options.side != "image" && !of_text)
        throw Error(ErrorKind::usage, "--side " + printable(options.side, 40) + ": give image or text");
    if (options.texts.empty() == options.labels.empty())
        throw Error(ErrorKind::usage, "give --text \"...\", once or several times, or --labels a,b,c");
    if (of_text && (options.texts.size() != 1 || !options.labels.empty()))
        throw Error(ErrorKind::usage, "--side text explains one --text; several IMAGEs compete");
    if (!of_text && options.images.size() != 1)
        throw Error(ErrorKind::usage, "one IMAGE is explained; several texts compete (--side text explains the text)");
    check_explanation(options.how, options.images);
}

int explain(const Options& options, const Context& context) {
    if (options.how.method == "pairwise") {
        if (options.images.size() != 1 || options.texts.size() != 1 || !options.labels.empty())
            throw Error(ErrorKind::usage, "pairwise is of one IMAGE and one --text");
        return explain_pairs(options.model, options.images[0], options.texts[0], options.how, context);
    }
    check(options);
    const bool of_text = options.side == "text";
    const recipe::Subject subject =
        recipe::Subject::of(clip::Pair::load(options.model.path(), 0, context.run),
                            of_text ? images_of(options) : texts_of(options), context.run);
    const recipe::Input input = of_text ? recipe::from_text(subject, options.texts[0])
                                        : recipe::read_input(subject, options.images[0]);
    return explain_input(options.how, subject, input, context);
}

}  // namespace

void add_clip_explain(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand(
        "explain", "what in a picture raised or lowered its score with a text, or which words did");
    const auto options = std::make_shared<Options>();
    command->add_option("IMAGE", options->images, "a picture; with --side text several may compete")
        ->required()
        ->type_name("");
    command->add_option("--text", options->texts, "the text; may be repeated: then they compete, and --target chooses")
        ->type_name("TEXT")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("--labels", options->labels, "instead of --text: labels, separated by commas, put into --prompt")
        ->type_name("A,B,...");
    command->add_option("--prompt", options->prompt, "of --labels (default \"a photo of a {}\")")->type_name("TEXT");
    command->add_option("--side", options->side, "what is explained: image (default) or text")->type_name("SIDE");
    options->model.declare(*command);
    declare_explanation(*command, options->how);
    command->footer(
        "\n  whence clip explain examples/data/cat.png --text \"a photo of a cat\" -m integrated-gradients -o why.html\n"
        "  whence clip explain examples/data/cat.png --labels cat,dog,ship -m lime --segmentation grid:8x8\n"
        "  whence clip explain examples/data/cat.png --text \"a photo of a cat\" --side text -m occlusion\n"
        "  whence clip explain examples/data/cat.png --text \"a photo of a cat\" -m pairwise -o pairs.html   (words and patches)");
    command->callback([options, &context] {
        context.command = [options, &context] { return explain(*options, context); };
    });
}

}  // namespace whence::cli

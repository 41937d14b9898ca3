// whence clip explain -m pairwise: which word goes with which patch.

#include "clip.h"
#include "explain.h"
#include "progress.h"
#include "terminal.h"
#include "outputs.h"
#include "whence/clip/pairwise.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/data/preprocessing.h"
#include "whence/render/html.h"
#include "whence/render/pairwise.h"

namespace whence::cli {
namespace {

// Its options go by the names that methods of the table have for theirs.
const recipe::MethodSpec& spec() {
    static const recipe::MethodSpec spec{
        .name = "pairwise",
        .options = {{{"steps", clip::PairwiseOptions{}.steps}, "gradient evaluations along each line"},
                    {{"rule", std::string("gauss-legendre")}, "gauss-legendre, midpoint, trapezoid, or published"},
                    {{"blocks", clip::PairwiseOptions{}.blocks}, "how many of the last blocks lie behind the states; 0: all"}}};
    return spec;
}

clip::PairwiseOptions options_of(const ExplainOptions& how) {
    const recipe::OptionValues values(spec().options, how.of_method.given(spec()), "pairwise");
    clip::PairwiseOptions options{.steps = values.get<int64_t>("steps"), .rule = {}, .blocks = values.get<int64_t>("blocks")};
    if (const std::string& rule = values.get<std::string>("rule"); rule != "published")
        options.rule = gradients::parse_rule(rule);
    return options;
}

}  // namespace

int explain_pairs(const ClipModel& model, const std::string& image, const std::string& text, const ExplainOptions& how,
                  const Context& context) {
    const clip::PairwiseOptions options = options_of(how);
    check_places(how.outputs, {image});
    for (const std::string& path : how.outputs)
        if (!path.ends_with(".json") && !path.ends_with(".html"))
            throw Error(ErrorKind::usage, printable(path, 400) + ": pairs of words and patches are written as .json or .html");
    const clip::Pair pair = clip::Pair::load(model.path(), 0, context.run);
    const data::Image picture = data::read_image(image);
    Run run = context.run;
    run.seed = how.seed;
    PairwiseExplanation pairs = clip::explain_pairwise(pair, picture, text, options, run);
    pairs.provenance.input_path = image;
    clear_progress();
    for (const std::string& path : how.outputs) {
        if (path.ends_with(".json")) {
            write_file(path, to_json(pairs));
            continue;
        }
        const data::Preprocessing& read = pair.preprocessing();
        const Tensor seen = data::prepare_image(picture, read, read.image.height, read.image.width);
        write_file(path, render::report({{.explanation = of_words(pairs)}}, {.title = "Which word goes with which patch",
                                                                            .figure = render::pairwise_html(pairs, seen)}));
    }
    if (how.outputs.empty() || how.show)
        print(render::pairwise_text(pairs, {.width = terminal_width(1),
                                            .color = wants_color(context.color_mode, 1),
                                            .ascii = !speaks_utf8(),
                                            .top = how.top.value_or(10)}));
    return 0;
}

}  // namespace whence::cli

#include "whence/render/pairwise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/heat.h"
#include "whence/render/highlight.h"
#include "whence/render/html_parts.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr int64_t drawn_side = 384;

// Whatever is pointed at shows what lies inside it, over the picture or over the words.
constexpr std::string_view style = R"(
.pairs{position:relative;margin:1em 0}
.pairs .stage{position:relative;line-height:0}
.pairs .stage>img,.pairs .words img{width:100%;height:100%;display:block}
.pairs .patches{position:absolute;inset:0;display:grid}
.pairs .patches>i:hover,.pairs .patches>i:focus{outline:2px solid #111;outline-offset:-2px;
  box-shadow:inset 0 0 0 3px #fff}
.pairs .words,.pairs .patches>i>b{white-space:pre-wrap;line-height:1.9;padding:.7em 1em;margin:0;
  border-radius:6px;font-weight:400;font-style:normal;box-sizing:border-box;color:#111;background:#f2f2f2}
.pairs .words{margin-top:.6em;min-height:6em;width:100%;max-width:none}
.pairs .words>span,.pairs .patches s{border-radius:3px;padding:.1em .12em;text-decoration:none}
.pairs .words>span{cursor:default}
.pairs .words>span>img{display:none;position:absolute;left:0;top:0;pointer-events:none}
.pairs .words>span:hover>img,.pairs .words>span:focus>img{display:block}
.pairs .words>span:hover,.pairs .words>span:focus{outline:2px solid #111}
.pairs .patches>i>b{display:none;position:absolute;left:0;top:calc(100% + .6em);width:100%;min-height:6em;
  z-index:1;pointer-events:none}
.pairs .patches>i:hover>b,.pairs .patches>i:focus>b{display:block}
@media print{.pairs .patches{display:none}}
)";

std::string hex(Rgb color) {
    return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue);
}

std::string ground(double value, double limit) {
    return hex(diverging(limit > 0 ? 0.8 * value / limit : 0));  // black letters stay readable
}

double largest(const Tensor& values) {
    double most = 0;
    for (const double value : values.to_doubles())
        if (std::isfinite(value)) most = std::max(most, std::abs(value));
    return most;
}

// The words in colours; `inside` adds what a word shows when it is pointed at.
template <class Word>
std::string words_html(const Explanation& words, const Word& word) {
    constexpr size_t most = 20'000;
    std::string out;
    const Highlighted text = highlighted(words, most);
    size_t part = 0;
    for (const Stretch& stretch : text.stretches) {
        const std::string shown = escaped(stretch.text, stretch.text.size() + 1);
        out += stretch.value ? word(shown, *stretch.value, words.attribution.text->parts[part++].feature) : shown;
    }
    if (text.left_out > 0) out += " ...";
    return out;
}

}  // namespace

std::string pairwise_html(const PairwiseExplanation& pairs, const Tensor& image) {
    const Picture seen = to_picture(image);
    const double longer = static_cast<double>(std::max(seen.height, seen.width));
    const auto drawn = [&](int64_t side) { return std::lround(static_cast<double>(side) * drawn_side / longer); };
    const int64_t height = drawn(seen.height), width = drawn(seen.width);
    const Explanation words = of_words(pairs);
    const double word_limit = largest(words.attribution.values), limit = largest(pairs.values);

    const auto map_image = [&](int64_t word) {
        const Map map = map_of(of_patches(pairs, {word}));
        return fmt::format("<img alt=\"\" style=\"width:{}px;height:{}px\" src=\"{}\">", width, height,
                           data_uri("image/png", to_png(paint_over(map, limit, seen, Blend::magnitude, seen.height, seen.width))));
    };
    std::string out = fmt::format("<style>{}</style>\n<div class=\"pairs\" style=\"max-width:{}px\">\n", style, width);
    out += fmt::format("<div class=\"stage\" style=\"width:{}px;height:{}px\"><img alt=\"The image as the model sees it\" src=\"{}\">\n",
                       width, height, data_uri("image/png", to_png(seen)));
    out += fmt::format("<div class=\"patches\" style=\"grid-template:repeat({},1fr)/repeat({},1fr)\">\n", pairs.height, pairs.width);
    for (int64_t patch = 0; patch < pairs.height * pairs.width; ++patch)
        out += "<i tabindex=\"0\"><b>" +
               words_html(of_words(pairs, {patch}),
                          [&](const std::string& word, double value, int64_t) {
                              return fmt::format("<s style=\"background:{}\">{}</s>", ground(value, limit), word);
                          }) +
               "</b></i>\n";
    out += "</div></div>\n<p class=\"words\">" +
           words_html(words,
                      [&](const std::string& word, double value, int64_t row) {
                          return fmt::format("<span tabindex=\"0\" title=\"{}\" style=\"background:{}\">{}{}</span>",
                                             signed_number(value), ground(value, word_limit), word, map_image(row));
                      }) +
           "</p>\n</div>\n<p class=\"faint\">Point at a word to see its patches, at a patch to see its words. Colours of pairs end "
           "at one value, those of whole words at " +
           escaped(number(word_limit)) + ".</p>\n";
    return out + colors_html(limit, "cosine");
}

std::string pairwise_text(const PairwiseExplanation& pairs, const TextOptions& options) {
    Explanation flat{.target = pairs.target, .diagnostics = pairs.diagnostics, .provenance = pairs.provenance};
    flat.attribution.values = pairs.values.reshaped({pairs.values.size()});
    for (const std::string& word : pairs.words)
        for (int64_t row = 0; row < pairs.height; ++row)
            for (int64_t column = 0; column < pairs.width; ++column)
                flat.attribution.names.push_back(fmt::format("{} | patch {}, {}", word, row + 1, column + 1));
    return to_text(flat, options) + "Words, summed over the patches (patches are counted down, then across, from 1)\n" +
           highlighted_text(of_words(pairs), options);
}

}  // namespace whence::render

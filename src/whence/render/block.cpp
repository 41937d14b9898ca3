#include "whence/render/block.h"

#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

constexpr TextStyle title_style{.size = 17, .bold = true};
constexpr TextStyle fact_style{.size = 11, .color = faint_ink};

// "f(x) = 0.97", "baseline: mean", "51 evaluations".
std::string in_words(const Fact& fact) {
    if (fact.label == "target" || fact.label == "cost") return fact.text;
    if (fact.label == "seed") return "seed " + fact.text;
    const char* between = fact.label.starts_with("f(") && fact.text != "none" ? " = " : ": ";
    return fact.label + between + typeset_fact(fact);
}

}  // namespace

double Block::height() const {
    double out = 0;
    for (const TextLine& line : lines) out += line.height;
    return out;
}

void Block::draw(Canvas& canvas, double x, double y) const {
    for (const TextLine& line : lines) {
        canvas.text(x, y + line.style.size, line.text, line.style);
        y += line.height;
    }
}

std::string title_of(const Explanation& explanation) {
    return method_title(explanation.provenance.method) + ": " + short_target(explanation.target);
}

Block heading(const Explanation& explanation, double width) {
    Block out;
    out.lines.push_back({fitted(title_of(explanation), width, title_style), title_style, 25});
    // Facts are kept whole where they fit; one that is longer than a line is broken at spaces.
    std::string line;
    const auto close = [&] {
        for (const std::string& part : broken(line, width, fact_style))
            if (!part.empty()) out.lines.push_back({part, fact_style, 16});
        line.clear();
    };
    for (const Fact& fact : facts(explanation)) {
        const std::string text = in_words(fact);
        const std::string longer = line.empty() ? text : line + "  \u00b7  " + text;
        if (!line.empty() && text_width(longer, fact_style) > width) {
            close();
            line = text;
        } else {
            line = longer;
        }
    }
    close();
    return out;
}

Block remarks(const std::vector<std::string>& texts, double width) {
    Block out;
    for (const std::string& text : texts)
        for (const std::string& part : broken(text, width, fact_style))
            if (!part.empty()) out.lines.push_back({part, fact_style, 15});
    return out;
}

std::vector<std::string> cautions(const Explanation& explanation) {
    std::vector<std::string> out;
    for (const Finding& finding : findings(explanation))
        if (finding.level == Level::warning) out.push_back(finding.text);
    for (const std::string& note : explanation.diagnostics.notes) out.push_back(clean(note, 400));
    return out;
}

}  // namespace whence::render

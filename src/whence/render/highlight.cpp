#include "whence/render/highlight.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/render/block.h"
#include "whence/render/color_bar.h"
#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/html_parts.h"
#include "whence/render/number.h"
#include "whence/render/palette.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

// Weaker words keep the ground of the page: a text in which every word is tinted shows nothing.
constexpr double least_share = 0.05, strong_share = 1.0 / 3;

double share_of(const Stretch& stretch, double limit) {
    if (!stretch.value || !std::isfinite(*stretch.value) || limit == 0) return 0;
    return std::clamp(*stretch.value / limit, -1.0, 1.0);
}

// Cleaned, but for line ends, which part paragraphs.
std::string cleaned(std::string_view text) {
    std::string out;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string line(text.substr(at, end - at));
        std::ranges::replace(line, '\t', ' ');
        std::erase(line, '\r');
        out += clean(line, line.size() + 1);
        if (end == text.size()) break;
        out += '\n';
        at = end + 1;
    }
    return out;
}

// Words with what follows them up to the next blank: what a line may not break.
struct Chunk {
    std::vector<Stretch> stretches;
    bool ends_line = false;  // a newline follows
};

std::vector<Chunk> chunks_of(const std::vector<Stretch>& stretches) {
    std::vector<Chunk> out(1);
    const auto finish = [&](bool line) {
        if (out.back().stretches.empty() && !line) return;
        out.back().ends_line = line;
        out.emplace_back();
    };
    for (const Stretch& stretch : stretches) {
        std::string part;
        const auto flush = [&] {
            if (!part.empty()) out.back().stretches.push_back({part, stretch.value});
            part.clear();
        };
        for (const char c : stretch.text) {
            if (c != ' ' && c != '\n') {
                part += c;
                continue;
            }
            flush();
            finish(c == '\n');
        }
        flush();
    }
    finish(false);
    out.pop_back();
    return out;
}

std::string left_out_note(const Highlighted& text) {
    return "the text goes on for " + count(static_cast<int64_t>(text.left_out)) +
           " bytes, which are not shown";
}

Rgb ground_of(double share) {
    return diverging(share * 0.8);  // black letters stay readable
}

std::string in_terminal(const Stretch& stretch, double limit, const TextOptions& options) {
    const double share = share_of(stretch, limit);
    if (options.color && std::abs(share) >= least_share) {
        const Rgb ground = ground_of(share);
        return fmt::format("\x1b[38;2;0;0;0;48;2;{};{};{}m{}\x1b[0m", ground.red, ground.green,
                           ground.blue, stretch.text);
    }
    if (!options.color && std::abs(share) >= strong_share) {
        const char sign = share > 0 ? '+' : '-';
        return sign + stretch.text + sign;
    }
    return stretch.text;
}

std::string hex(Rgb color) {
    return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue);
}

struct Placed {
    double x = 0, width = 0;
    int64_t line = 0;
    Stretch stretch;
};

}  // namespace

Highlighted highlighted(const Explanation& explanation, size_t most) {
    Highlighted out;
    const Attribution& attribution = explanation.attribution;
    if (!attribution.text) return out;
    const ExplainedText& explained = *attribution.text;
    const std::vector<double> values = attribution.values.to_doubles();
    for (const double value : values)
        if (std::isfinite(value)) out.limit = std::max(out.limit, std::abs(value));
    size_t at = 0;
    const auto add = [&](size_t end, std::optional<double> value) {
        if (end > at)
            out.stretches.push_back(
                {cleaned(std::string_view(explained.text).substr(at, end - at)), value});
        at = end;
    };
    for (const ExplainedText::Part& part : explained.parts) {
        if (static_cast<size_t>(part.begin) > most) break;
        add(part.begin, std::nullopt);
        add(part.end, values.at(part.feature));
    }
    // What follows the last word: one paragraph of it is enough.
    if (at < most) {
        size_t end = std::min(explained.text.size(), std::max(at, most));
        while (end < explained.text.size() &&
               (static_cast<unsigned char>(explained.text[end]) & 0xC0) == 0x80)
            ++end;
        add(end, std::nullopt);
    }
    out.left_out = explained.text.size() - at;
    return out;
}

std::string highlighted_text(const Explanation& explanation, const TextOptions& options) {
    constexpr size_t most = 4000;
    const Highlighted text = highlighted(explanation, most);
    const int64_t width = std::max<int64_t>(options.width, 40) - 2;
    std::string out, line;
    int64_t used = 0;
    const auto end_line = [&] {
        if (!line.empty()) out += "  " + line + "\n";
        line.clear();
        used = 0;
    };
    for (const Chunk& chunk : chunks_of(text.stretches)) {
        std::string shown;
        int64_t length = 0;
        for (const Stretch& stretch : chunk.stretches) {
            const Stretch own =
                options.ascii ? Stretch{to_ascii(stretch.text), stretch.value} : stretch;
            const bool marked =
                !options.color && std::abs(share_of(own, text.limit)) >= strong_share;
            shown += in_terminal(own, text.limit, options);
            length += columns(own.text) + (marked ? 2 : 0);
        }
        if (used > 0 && used + 1 + length > width) end_line();
        if (used > 0) line += ' ', ++used;
        line += shown;
        used += length;
        if (chunk.ends_line) end_line();
    }
    end_line();
    if (text.left_out > 0) out += "  (" + left_out_note(text) + ")\n";
    return out;
}

std::string highlighted_html(const Explanation& explanation) {
    constexpr size_t most = 200'000;
    const Highlighted text = highlighted(explanation, most);
    if (text.stretches.empty()) return "";
    std::string out = "<p class=\"text\">";
    for (const Stretch& stretch : text.stretches) {
        const double share = share_of(stretch, text.limit);
        const std::string words = escaped(stretch.text, stretch.text.size() + 1);
        if (std::abs(share) < least_share)
            out += words;
        else
            out += fmt::format("<span style=\"background:{}\" title=\"{}\">{}</span>",
                               hex(ground_of(share)), signed_number(*stretch.value), words);
    }
    out += "</p>\n";
    if (text.left_out > 0) out += element("p", left_out_note(text)) + "\n";
    return out + colors_html(text.limit, scale_name(explanation.target));
}

std::vector<std::byte> text_figure(const Explanation& explanation, const ChartOptions& options) {
    if (!explanation.attribution.text)
        throw Error(ErrorKind::input, "this explanation is of no text");
    constexpr size_t most = 6000;
    constexpr double margin = 24, gap = 14, line_height = 22, blank = 4.5;
    constexpr TextStyle letters{.size = 13};
    const double width = std::clamp(options.width, 360.0, 4000.0) - 2 * margin;
    const Highlighted text = highlighted(explanation, most);

    std::vector<Placed> placed;
    double x = 0;
    int64_t lines = 1;
    for (const Chunk& chunk : chunks_of(text.stretches)) {
        double length = 0;
        for (const Stretch& stretch : chunk.stretches) length += text_width(stretch.text, letters);
        if (x > 0 && x + length > width) x = 0, ++lines;
        for (const Stretch& stretch : chunk.stretches) {
            // A word longer than the line is shortened in its middle.
            const std::string shown = fitted(stretch.text, width, letters);
            const double own = text_width(shown, letters);
            placed.push_back({x, own, lines - 1, {shown, stretch.value}});
            x += own;
        }
        x += blank;
        if (chunk.ends_line) x = 0, ++lines;
    }
    std::vector<std::string> notes = cautions(explanation);
    if (text.left_out > 0) notes.push_back(left_out_note(text));
    const Block above = heading(explanation, width), below = remarks(notes, width);
    const double body = margin + above.height() + gap,
                 bar = body + line_height * static_cast<double>(lines) + gap,
                 end = bar + color_bar_room;
    Canvas canvas(width + 2 * margin, end + below.height() + margin, options.format,
                  std::clamp(options.scale, 0.25, 8.0));
    above.draw(canvas, margin, margin - 6);
    for (const Placed& word : placed) {
        const double share = share_of(word.stretch, text.limit);
        const double top = body + line_height * static_cast<double>(word.line);
        if (std::abs(share) >= least_share)
            canvas.box(margin + word.x - 1, top + 2, word.width + 2, line_height - 3,
                       ground_of(share));
        canvas.text(margin + word.x, top + 16, word.stretch.text, letters);
    }
    draw_color_bar(canvas, margin, margin + std::min(width, 420.0), bar, text.limit,
                   scale_name(explanation.target));
    below.draw(canvas, margin, end);
    return canvas.finish(title_of(explanation), summary(explanation));
}

}  // namespace whence::render

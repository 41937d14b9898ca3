// How an explanation was made: what an auditor needs to make it again.
#include <fmt/format.h>

#include "whence/render/escape.h"
#include "whence/render/facts.h"
#include "whence/render/html_parts.h"
#include "whence/render/number.h"

namespace whence::render {
namespace {

std::string option_text(const Option& option) {
    struct Words {
        std::string operator()(bool value) const { return value ? "true" : "false"; }
        std::string operator()(int64_t value) const { return std::to_string(value); }
        std::string operator()(double value) const { return number(value, 9); }
        std::string operator()(const std::string& value) const { return value; }
    };
    return option.name + " = " + std::visit(Words{}, option.value);
}

// One line of the list; nothing where there is nothing to say.
std::string entry(const char* label, const std::string& html) {
    return html.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>\n", label, html);
}

std::string code(std::string_view text) {
    return text.empty() ? "" : element("code", text);
}

std::string file_html(const std::string& path, const std::string& sha256) {
    if (path.empty() && sha256.empty()) return "";
    return code(path) +
           (sha256.empty() ? "" : "<br><span class=\"faint\">SHA-256 " + code(sha256) + "</span>");
}

std::string options_html(const std::vector<Option>& options) {
    std::string out;
    for (const Option& option : options)
        out += (out.empty() ? "" : "<br>") + code(option_text(option));
    return out;
}

std::string input_html(const Provenance& provenance) {
    const std::string row =
        provenance.input_row ? "row " + count(*provenance.input_row) + " (counted from 0)" : "";
    const std::string file = file_html(provenance.input_path, provenance.input_sha256);
    return file.empty() || row.empty() ? file + row : file + "<br>" + row;
}

}  // namespace

std::string made_html(const ReportItem& item) {
    const Provenance& provenance = item.explanation.provenance;
    const Attribution& attribution = item.explanation.attribution;
    std::string out = "<dl class=\"made\">\n";
    out += entry("method", code(provenance.method));
    out += entry("options", options_html(provenance.options));
    out += entry("seed", code(std::to_string(provenance.seed)));
    out += entry("model", file_html(provenance.model_path, provenance.model_sha256));
    out += entry("input", input_html(provenance));
    out += entry("preprocessing", code(provenance.preprocessing));
    out += entry("background", file_html(provenance.background_path, provenance.background_sha256));
    if (attribution.intercept) out += entry("intercept", typeset(number(*attribution.intercept)));
    out += entry("cost", cost(provenance) + ", " + duration(provenance.seconds));
    out += entry("made with", "Whence " + escaped(provenance.version, 40));
    out += entry("again", item.replay.empty() ? "" : code(item.replay));
    return out + "</dl>\n";
}

}  // namespace whence::render

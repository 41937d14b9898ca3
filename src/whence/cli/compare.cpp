// whence compare: one input explained in several ways, with what each adds up to.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "command.h"
#include "method_options.h"
#include "present.h"
#include "progress.h"
#include "subject_options.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/core/file.h"
#include "whence/data/csv.h"
#include "whence/recipe/compare.h"
#include "whence/render/facts.h"
#include "whence/render/grid.h"

namespace whence::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    SubjectOptions subject;
    std::string input, target = "top", scale = "automatic";
    std::vector<std::string> methods, layers, baselines, outputs;
    uint64_t seed = 0;
    std::optional<int64_t> row;
    MethodOptions of_methods;
};

// One line of the table: the same cells in the terminal, in CSV and in HTML.
struct Line {
    std::string method, layer, baseline, target, result, error, relative, cost, remark;
};
const Line titles{"method", "layer",    "baseline", "f(x)-f(baseline)", "sum",
                  "error",  "relative", "cost",     "remark"};
constexpr std::string Line::*columns[] = {&Line::method,   &Line::layer,  &Line::baseline,
                                          &Line::target,   &Line::result, &Line::error,
                                          &Line::relative, &Line::cost,   &Line::remark};

Line line_of(const recipe::ComparisonRow& row) {
    Line line{.method = row.method, .layer = row.layer, .baseline = row.baseline};
    if (!row.explanation) {
        line.remark = row.failure;
        return line;
    }
    const Explanation& e = *row.explanation;
    line.baseline = e.target.baseline;
    line.cost = fmt::format("{}", e.provenance.evaluations + e.provenance.gradient_evaluations);
    const auto sums = recipe::sums_of(e);
    if (!sums) {
        line.remark = e.diagnostics.no_error_because;
        return line;
    }
    line.target = fmt::format("{:.4g}", sums->target);
    line.result = fmt::format("{:.4g}", sums->result);
    line.error = fmt::format("{:+.3g}", sums->error);
    if (sums->relative) line.relative = fmt::format("{:.3g} %", 100 * *sums->relative);
    return line;
}

std::string table(const std::vector<Line>& lines) {
    std::vector<Line> all = {titles};
    for (Line line : lines) {
        for (const auto column : columns) line.*column = render::clean(line.*column, 100);
        if (line.layer.empty()) line.layer = "input";
        all.push_back(std::move(line));
    }
    std::string out;
    for (const Line& line : all) {
        std::string text;
        for (const auto column : columns) {
            size_t width = 0;
            for (const Line& other : all) width = std::max(width, (other.*column).size());
            if (width > 0) text += fmt::format("{:<{}}  ", line.*column, width);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    }
    return out;
}

std::string csv(const std::vector<recipe::ComparisonRow>& rows) {
    using Cells = std::vector<std::string>;
    std::string out = data::csv_line(Cells{"method", "layer", "baseline", "f_x", "f_baseline", "target",
                                      "sum", "error", "relative_error", "evaluations",
                                      "gradient_evaluations", "neutrality", "remark"});
    const auto number = [](std::optional<double> v) { return v ? fmt::format("{}", *v) : ""; };
    for (const recipe::ComparisonRow& row : rows) {
        if (!row.explanation) {
            Cells cells(13);
            cells[0] = row.method, cells[1] = row.layer, cells[2] = row.baseline;
            cells[12] = row.failure;
            out += data::csv_line(cells);
            continue;
        }
        const Explanation& e = *row.explanation;
        const auto sums = recipe::sums_of(e);
        const auto of = [&](double recipe::Sums::*member) {
            return sums ? number((*sums).*member) : std::string();
        };
        out += data::csv_line(Cells
            {row.method, row.layer, e.target.baseline, number(e.target.value),
             number(e.target.baseline_value), of(&recipe::Sums::target), of(&recipe::Sums::result),
             of(&recipe::Sums::error), sums ? number(sums->relative) : "",
             fmt::format("{}", e.provenance.evaluations),
             fmt::format("{}", e.provenance.gradient_evaluations),
             e.target.neutrality ? number(e.target.neutrality->distance) : "",
             e.diagnostics.no_error_because});
    }
    return out;
}

std::string json(const std::vector<recipe::ComparisonRow>& rows) {
    Json all = Json::array();
    for (const recipe::ComparisonRow& row : rows) {
        Json one = {{"method", row.method}, {"layer", row.layer}, {"baseline", row.baseline}};
        if (row.explanation)
            one["explanation"] = Json::parse(to_json(*row.explanation));
        else
            one["failure"] = row.failure;
        all.push_back(std::move(one));
    }
    return Json{{"whence", 1}, {"comparison", all}}.dump(
               1, ' ', false, Json::error_handler_t::replace) + "\n";
}

struct Comparison {
    const recipe::Subject& subject;
    const recipe::Input& input;
    const std::vector<recipe::ComparisonRow>& rows;
    const Run& run;
};

render::GridCell cell_of(const recipe::ComparisonRow& row) {
    const Line line = line_of(row);
    render::GridCell cell{.title = line.layer.empty() ? "input" : line.layer,
                          .explanation = row.explanation};
    if (!line.baseline.empty()) cell.title += " · " + line.baseline;
    cell.note = !line.relative.empty() ? "error " + line.relative : line.remark;
    return cell;
}

// One line of pictures for each method. Methods whose values have no unit in common get colours of
// their own.
std::vector<render::GridRow> grid_of(const Comparison& c, render::GridOptions& options) {
    const auto image = c.input.image();
    if (!image) throw Error(ErrorKind::usage, "pictures of a comparison are for images; choose .csv or .json");
    std::vector<render::GridRow> grid;
    for (const recipe::ComparisonRow& row : c.rows) {
        if (grid.empty() || grid.back().title != row.method)
            grid.push_back({.title = row.method, .image = *image});
        grid.back().cells.push_back(cell_of(row));
        if (!row.explanation || !recipe::sums_of(*row.explanation))
            options.colors = render::ColorScale::own;
    }
    return grid;
}

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto view = std::as_bytes(std::span(text.data(), text.size()));
    return {view.begin(), view.end()};
}

std::vector<std::byte> figure(const Comparison& c, render::Format format) {
    render::GridOptions options{.format = format};
    const auto grid = grid_of(c, options);
    return render::grid_figure(grid, options);
}

std::vector<std::byte> page(const Comparison& c) {
    render::ReportOptions options{.title = "Comparison of explanations by Whence", .attach_json = false};
    const auto cells = [](const Line& line) {
        std::vector<std::string> out;
        for (const auto column : columns) out.push_back(line.*column);
        return out;
    };
    options.table.push_back(cells(titles));
    std::vector<render::ReportItem> items;
    for (const recipe::ComparisonRow& row : c.rows) {
        options.table.push_back(cells(line_of(row)));
        if (!row.explanation) continue;
        items.push_back(present(*row.explanation, c.subject, c.input, c.run));
    }
    if (c.input.image()) {
        render::GridOptions grid;
        const auto rows = grid_of(c, grid);
        options.figure = render::grid_html(rows, grid);
    }
    return bytes_of(render::report(items, options));
}

struct Format {
    std::string_view ending;
    std::vector<std::byte> (*encode)(const Comparison&);
};
const Format formats[] = {
    {".csv", [](const Comparison& c) { return bytes_of(csv(c.rows)); }},
    {".json", [](const Comparison& c) { return bytes_of(json(c.rows)); }},
    {".png", [](const Comparison& c) { return figure(c, render::Format::png); }},
    {".svg", [](const Comparison& c) { return figure(c, render::Format::svg); }},
    {".html", page},
};

const Format& format_of(const std::string& path) {
    std::string have;
    for (const Format& format : formats) {
        if (path.ends_with(format.ending)) return format;
        have += (have.empty() ? "" : ", ") + std::string(format.ending);
    }
    throw Error(ErrorKind::usage, fmt::format("-o {}: the ending says the format, and there are {}",
                                              printable(path, 400), have));
}

// Options of any method compared, each read as its first owner reads it.
std::vector<Option> given_options(const Options& options) {
    std::vector<Option> all;
    for (const std::string& name : options.methods)
        for (Option& option : options.of_methods.given_of(recipe::find_method(name)))
            if (std::ranges::find(all, option.name, &Option::name) == all.end())
                all.push_back(std::move(option));
    return all;
}

int compare(const Options& options, const Context& context) {
    for (const std::string& path : options.outputs) static_cast<void>(format_of(path));
    recipe::ComparisonRequest request{
        .methods = options.methods, .layers = options.layers, .baselines = options.baselines};
    request.common = {.target = options.target,
                      .scale = parse_scale(options.scale),
                      .options = given_options(options),
                      .seed = options.seed};
    const recipe::Subject subject = options.subject.open(context);
    const recipe::Input input = recipe::read_input(subject, options.input, options.row);
    const std::vector<recipe::ComparisonRow> rows =
        recipe::compare(subject, input, request, context.run);
    clear_progress();
    const Comparison comparison{subject, input, rows, context.run};
    for (const std::string& path : options.outputs)
        write_file(path, format_of(path).encode(comparison));
    std::vector<Line> lines;
    std::ranges::transform(rows, std::back_inserter(lines), line_of);
    print(table(lines));
    const bool all_failed = std::ranges::none_of(rows, [](const auto& row) { return row.explanation.has_value(); });
    if (all_failed) throw Error(ErrorKind::unsupported, "nothing could be compared: " + rows[0].failure);
    return 0;
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "compare", "one input explained in several ways: what each adds up to, and what it should");
    const auto options = std::make_shared<Options>();
    options->subject.declare(*command);
    command->add_option("INPUT", options->input, "a picture, a CSV, a .npy or .npz file")
        ->required()
        ->type_name("");
    command->add_option("--row", options->row, "row of the table or array, from 0 (default 0)")
        ->type_name("N");
    options->subject.declare_background(*command);
    const auto list = [&](const char* flags, std::vector<std::string>& to, const char* help) {
        return command->add_option(flags, to, help)->delimiter(',')->type_name("A,B");
    };
    list("-m,--methods", options->methods, "see whence methods")->required();
    list("-l,--layers", options->layers, "tensors whose features are explained; input: the input");
    list("-b,--baselines", options->baselines, "as explain's --baseline");
    command->add_option("-t,--target", options->target, "top, a class by name or number, or A-B")
        ->type_name("T");
    command->add_option("--scale", options->scale, "raw, logit, probability or log-probability")
        ->type_name("S");
    command->add_option("--seed", options->seed, "of everything random (default 0)")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    command
        ->add_option("-o,--output", options->outputs, "file to write: .csv .json .png .svg .html; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options->of_methods.declare(*command);
    command->footer(
        "\n  whence compare examples/models/cifar10_cnn.onnx examples/data/cat.png "
        "-m integrated-gradients,input-x-gradient -l input,features -b zeros,mean,blur:4");
    command->callback([options, &context] {
        context.command = [options, &context] { return compare(*options, context); };
    });
}

}  // namespace whence::cli

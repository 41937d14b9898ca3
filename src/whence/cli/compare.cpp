// whence compare: inputs explained in several ways, with what each adds up to.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "command.h"
#include "method_options.h"
#include "outputs.h"
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
    std::string scale = "automatic";
    std::vector<std::string> inputs, texts, methods, layers, baselines, targets, outputs;
    uint64_t seed = 0;
    int64_t top_labels = 0;
    std::optional<int64_t> row;
    MethodOptions of_methods;
};

// One line of the table: the same cells in the terminal, in CSV and in HTML.
struct Line {
    std::string input, target_class, method, layer, baseline, target, result, error, relative, cost, remark;
};
const Line titles{"input", "class", "method", "layer",    "baseline", "f(x)-f(baseline)", "sum",
                  "error",  "relative", "cost",     "remark"};
constexpr std::string Line::*columns[] = {&Line::input,    &Line::target_class,
                                          &Line::method,   &Line::layer,  &Line::baseline,
                                          &Line::target,   &Line::result, &Line::error,
                                          &Line::relative, &Line::cost,   &Line::remark};

// What was explained, and in which ways.
struct Compared {
    recipe::Input input;
    std::vector<recipe::ComparisonRow> rows;
};

struct Comparison {
    const recipe::Subject& subject;
    std::vector<Compared> inputs;
    const Run& run;
    bool several_targets = false;
};

// Its file, or the text itself.
std::string name_of(const recipe::Input& input) {
    return input.path.empty() && input.text ? input.text->text : input.path.string();
}

std::string target_of(const recipe::ComparisonRow& row) {
    if (!row.explanation) return row.target;
    const TargetRecord& target = row.explanation->target;
    return target.label.empty() ? fmt::format("{}", target.resolved.index) : target.label;
}

// Input and class are named where there are several.
Line line_of(const Comparison& c, const Compared& compared, const recipe::ComparisonRow& row) {
    Line line{.method = row.method, .layer = row.layer, .baseline = row.baseline};
    if (c.inputs.size() > 1)
        line.input = compared.input.path.empty() ? render::clean(name_of(compared.input), 40)
                                                 : compared.input.path.filename().string();
    if (c.several_targets) line.target_class = target_of(row);
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
            for (size_t i = 1; i < all.size(); ++i) width = std::max(width, (all[i].*column).size());
            if (width == 0) continue;  // nothing but the title
            width = std::max(width, (titles.*column).size());
            text += fmt::format("{:<{}}  ", line.*column, width);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    }
    return out;
}

template <class Visit>
void for_each_row(const Comparison& c, Visit visit) {
    for (const Compared& compared : c.inputs)
        for (const recipe::ComparisonRow& row : compared.rows) visit(compared, row);
}

std::string csv(const Comparison& c) {
    using Cells = std::vector<std::string>;
    std::string out = data::csv_line(Cells{
        "input", "target", "method", "layer", "baseline", "f_x", "f_baseline", "f_x_minus_f_baseline", "sum",
        "error", "relative_error", "evaluations", "gradient_evaluations", "neutrality", "remark"});
    const auto number = [](std::optional<double> v) { return v ? fmt::format("{}", *v) : ""; };
    for_each_row(c, [&](const Compared& compared, const recipe::ComparisonRow& row) {
        const std::string input = name_of(compared.input);
        if (!row.explanation) {
            out += data::csv_line(Cells{input, row.target, row.method, row.layer, row.baseline, "", "", "", "",
                                        "", "", "", "", "", row.failure});
            return;
        }
        const Explanation& e = *row.explanation;
        const auto sums = recipe::sums_of(e);
        const auto of = [&](double recipe::Sums::*member) {
            return sums ? number((*sums).*member) : std::string();
        };
        out += data::csv_line(Cells{
            input, target_of(row), row.method, row.layer, e.target.baseline, number(e.target.value),
            number(e.target.baseline_value), of(&recipe::Sums::target), of(&recipe::Sums::result),
            of(&recipe::Sums::error), sums ? number(sums->relative) : "",
            fmt::format("{}", e.provenance.evaluations),
            fmt::format("{}", e.provenance.gradient_evaluations),
            e.target.neutrality ? number(e.target.neutrality->distance) : "",
            e.diagnostics.no_error_because});
    });
    return out;
}

std::string json(const Comparison& c) {
    Json all = Json::array();
    for_each_row(c, [&](const Compared& compared, const recipe::ComparisonRow& row) {
        Json one = {{"input", name_of(compared.input)},
                    {"target", row.target},
                    {"method", row.method},
                    {"layer", row.layer},
                    {"baseline", row.baseline}};
        if (row.explanation)
            one["explanation"] = Json::parse(to_json(*row.explanation));
        else
            one["failure"] = row.failure;
        all.push_back(std::move(one));
    });
    return Json{{"whence", 1}, {"comparison", all}}.dump(1, ' ', false,
                                                         Json::error_handler_t::replace) + "\n";
}

render::GridCell cell_of(const Comparison& c, const Compared& compared, const recipe::ComparisonRow& row) {
    const Line line = line_of(c, compared, row);
    render::GridCell cell{.title = line.layer.empty() ? "input" : line.layer,
                          .explanation = row.explanation};
    if (!line.baseline.empty()) cell.title += " · " + line.baseline;
    if (c.several_targets) cell.title = line.target_class + " · " + cell.title;
    cell.note = !line.relative.empty() ? "error " + line.relative : line.remark;
    return cell;
}

// A row of pictures for each input and method. Methods whose values have no unit in common get
// colours of their own.
std::vector<render::GridRow> grid_of(const Comparison& c, render::GridOptions& options) {
    std::vector<render::GridRow> grid;
    for (const Compared& compared : c.inputs) {
        const auto image = compared.input.image();
        if (!image)
            throw Error(ErrorKind::usage,
                        "pictures of a comparison are for images; choose .html, .csv or .json");
        std::string before;
        for (const recipe::ComparisonRow& row : compared.rows) {
            if (row.method != before) grid.push_back({.title = row.method, .image = *image});
            before = row.method;
            grid.back().cells.push_back(cell_of(c, compared, row));
            if (!row.explanation || !recipe::sums_of(*row.explanation))
                options.colors = render::ColorScale::own;
        }
    }
    return grid;
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
    for_each_row(c, [&](const Compared& compared, const recipe::ComparisonRow& row) {
        options.table.push_back(cells(line_of(c, compared, row)));
        if (row.explanation) items.push_back(present(*row.explanation, c.subject, compared.input, c.run));
    });
    if (c.inputs[0].input.image()) {
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
    {".csv", [](const Comparison& c) { return bytes_of(csv(c)); }},
    {".json", [](const Comparison& c) { return bytes_of(json(c)); }},
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
    if (options.inputs.empty() && options.texts.empty())
        throw Error(ErrorKind::usage, "give INPUT, files, or --text \"...\"");
    std::vector<std::string> read = options.inputs;
    read.insert(read.end(), {options.subject.model, options.subject.background});
    check_places(options.outputs, read);
    recipe::ComparisonRequest request{.methods = options.methods,
                                      .layers = options.layers,
                                      .baselines = options.baselines,
                                      .targets = options.targets,
                                      .top_labels = options.top_labels};
    request.common = {.scale = parse_scale(options.scale),
                      .options = given_options(options),
                      .seed = options.seed};
    const recipe::Subject subject = options.subject.open(context);
    Comparison comparison{subject, {}, context.run, options.targets.size() > 1 || options.top_labels > 1};
    for (const std::string& path : options.inputs)
        comparison.inputs.push_back({recipe::read_input(subject, path, options.row), {}});
    for (const std::string& text : options.texts)
        comparison.inputs.push_back({recipe::from_text(subject, text), {}});
    for (Compared& compared : comparison.inputs)
        compared.rows = recipe::compare(subject, compared.input, request, context.run);
    clear_progress();
    for (const std::string& path : options.outputs)
        write_file(path, format_of(path).encode(comparison));
    std::vector<Line> lines;
    bool any = false;
    for_each_row(comparison, [&](const Compared& compared, const recipe::ComparisonRow& row) {
        lines.push_back(line_of(comparison, compared, row));
        any = any || row.explanation;
    });
    print(table(lines));
    if (!any)
        throw Error(ErrorKind::unsupported,
                    "nothing could be compared: " + comparison.inputs[0].rows[0].failure);
    return 0;
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "compare", "inputs explained in several ways: what each adds up to, and what it should");
    const auto options = std::make_shared<Options>();
    options->subject.declare(*command);
    command
        ->add_option("INPUT", options->inputs,
                     "pictures, texts (.txt), or a CSV, .npy or .npz file each")
        ->type_name("");
    command->add_option("--text", options->texts, "a text; may be repeated")
        ->type_name("TEXT")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("--row", options->row, "row of the table or array, from 0 (default 0)")
        ->type_name("N");
    options->subject.declare_background(*command);
    const auto list = [&](const char* flags, std::vector<std::string>& to, const char* help) {
        return command->add_option(flags, to, help)->delimiter(',')->type_name("A,B");
    };
    list("-m,--methods", options->methods, "see whence methods")->required();
    list("-l,--layers", options->layers, "tensors whose features are explained; input: the input");
    list("-b,--baselines", options->baselines, "as explain's --baseline");
    command
        ->add_option("--top-labels", options->top_labels,
                     "explain this many classes, those with the largest scores, by the same samples")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    command
        ->add_option("-t,--target", options->targets,
                     "top, a class by name or number, or A-B; may be repeated")
        ->type_name("T")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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
        "-m integrated-gradients,input-x-gradient -l input,features -b zeros,mean,blur:4\n"
        "  whence compare model.onnx a.jpg b.jpg -m grad-cam -t cat -t dog -o grid.png");
    command->callback([options, &context] {
        context.command = [options, &context] { return compare(*options, context); };
    });
}

}  // namespace whence::cli

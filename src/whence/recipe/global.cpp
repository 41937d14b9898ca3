#include "whence/recipe/global.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/core/version.h"
#include "whence/data/table_model.h"
#include "whence/recipe/array.h"
#include "whence/recipe/closest.h"
#include "whence/recipe/global_views.h"
#include "whence/recipe/target_names.h"

namespace whence::recipe {
namespace {

// Counts the rows that a model is asked about.
class CountingModel final : public Model {
  public:
    explicit CountingModel(const Model& inner) : inner_(inner) {}
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inner_.inputs(); }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override {
        return inner_.outputs();
    }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return inner_.preferred_batch(); }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run& run) const override {
        asked += inputs.rows();
        return inner_.predict(inputs, run);
    }
    mutable int64_t asked = 0;

  private:
    const Model& inner_;
};

std::vector<int64_t> places_of(const std::vector<std::string>& names, const Schema& schema,
                               const ViewSpec& view) {
    constexpr size_t most = 100;
    std::vector<std::string> have;
    for (const Feature& feature : schema) have.push_back(feature.name);
    std::vector<int64_t> out;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(have, name);
        if (found == have.end())
            throw Error(ErrorKind::usage,
                        "no feature '" + printable(name) + "'" + did_you_mean(name, have));
        out.push_back(found - have.begin());
    }
    if (!names.empty() && !view.by_feature)
        throw Error(ErrorKind::usage, view.name + " looks at all features: name none");
    if (!names.empty()) return out;
    if (view.by_feature && view.name != "importance" && have.size() > most)
        throw Error(ErrorKind::usage,
                    fmt::format("{} goes through features one by one, and there are "
                                "{}: name those to look at",
                                view.name, have.size()));
    for (int64_t i = 0; i < std::ssize(have); ++i) out.push_back(i);
    return out;
}

Tensor rows_at(const Tensor& rows, const std::vector<int64_t>& numbers) {
    Tensor out(ElementType::float64, {std::ssize(numbers), rows.row_size()});
    for (int64_t i = 0; i < std::ssize(numbers); ++i)
        std::ranges::copy(rows.as<double>().subspan(numbers[i] * rows.row_size(), rows.row_size()),
                          out.as<double>().begin() + i * rows.row_size());
    return out;
}

// Pearson's correlation over rows in which both are known.
double correlation(const std::vector<double>& a, const std::vector<double>& b) {
    double n = 0, sa = 0, sb = 0;
    for (size_t i = 0; i < a.size(); ++i)
        if (!std::isnan(a[i] + b[i])) ++n, sa += a[i], sb += b[i];
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        if (std::isnan(a[i] + b[i])) continue;
        ab += (a[i] - sa / n) * (b[i] - sb / n);
        aa += (a[i] - sa / n) * (a[i] - sa / n);
        bb += (b[i] - sb / n) * (b[i] - sb / n);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

// Says where rows are made that hardly occur: the strongest correlation of the features looked at.
void note_correlations(const global::Task& task, const std::vector<int64_t>& features,
                       std::vector<std::string>& notes) {
    constexpr int64_t most_columns = 200;
    constexpr double strong = 0.8;
    if (task.columns() > most_columns || task.rows.rows() < 3) return;
    std::vector<std::vector<double>> columns;
    for (int64_t c = 0; c < task.columns(); ++c) columns.push_back(task.column(c));
    double largest = 0;
    int64_t first = 0, second = 0;
    for (const int64_t feature : features)
        for (int64_t other = 0; other < task.columns(); ++other) {
            if (other == feature || task.schema[feature].categorical() ||
                task.schema[other].categorical())
                continue;
            const double r = correlation(columns[feature], columns[other]);
            if (std::abs(r) > std::abs(largest)) largest = r, first = feature, second = other;
        }
    if (std::abs(largest) >= strong)
        notes.push_back(fmt::format(
            "features are moved by themselves, but {} and {} go together (correlation {:.2f}): the "
            "model is asked about rows that hardly occur; ale stays where the data are",
            printable(task.schema[first].name), printable(task.schema[second].name), largest));
}

const ViewRow& row_of(const ViewSpec& spec) {
    return *std::ranges::find(view_rows(), spec.name,
                              [](const ViewRow& row) { return row.spec.name; });
}

ResolvedTarget settle(const Subject& subject, const GlobalRequest& request, const Model& model,
                      const Tensor& rows, const Run& run, std::vector<std::string>& notes) {
    Target target = parse_target(subject, request.target);
    target.scale = request.scale;
    const ResolvedTarget out =
        resolve(target, model, Batch(rows.slice_rows(0, 1)), Scale::probability, run);
    if (!target.index && out.classes > 1)
        notes.push_back("no class was named; this is the top class of the first row");
    return out;
}

}  // namespace

TableInput read_table_input(const Subject& subject, const std::filesystem::path& path,
                            const std::string& label) {
    if (subject.kind() == data::InputKind::image)
        throw Error(ErrorKind::usage,
                    "this model reads pictures; views of a whole table are of models of tables");
    const data::Table table = subject.read_table(path, label);
    TableInput out{.schema = table.schema,
                   .rows = table.matrix(),
                   .path = path,
                   .sha256 = sha256_of_file(path)};
    if (label.empty()) return out;
    const data::Table all = data::read_csv(path);
    const auto column = all.find(label);
    if (!column) {
        std::vector<std::string> names;
        for (const Feature& feature : all.schema) names.push_back(feature.name);
        throw Error(ErrorKind::usage, printable(path.string(), 400) + " has no column '" +
                                          printable(label) + "'" + did_you_mean(label, names));
    }
    for (int64_t row = 0; row < all.rows(); ++row) out.labels.push_back(all.text(row, *column));
    return out;
}

TableInput table_input(const Subject& subject, Tensor rows) {
    if (rows.rank() != 2)
        throw Error(ErrorKind::input,
                    "the rows must be a matrix [rows, columns], not " + to_string(rows.shape()));
    TableInput out{.rows = rows.cast(ElementType::float64)};
    const int64_t columns = rows.shape()[1];
    if (subject.background()) out.schema = subject.background()->schema;
    if (out.schema.empty())
        for (const std::string& name : subject.preprocessing().table.features)
            out.schema.push_back({.name = name});
    if (out.schema.empty())
        for (int64_t c = 0; c < columns; ++c)
            out.schema.push_back({.name = "column " + std::to_string(c)});
    if (std::ssize(out.schema) != columns)
        throw Error(ErrorKind::input,
                    fmt::format("the rows have {} columns, the model's table has {}", columns,
                                out.schema.size()));
    // What is missing in these rows may be missing.
    for (int64_t i = 0; i < out.rows.size(); ++i)
        if (std::isnan(out.rows.as<double>()[i])) out.schema[i % columns].allows_missing = true;
    return out;
}

GlobalView global_view(const Subject& subject, const TableInput& table,
                       const GlobalRequest& request, Run run) {
    const auto start = std::chrono::steady_clock::now();
    const ViewSpec& spec = find_view(request.view);
    const OptionValues options(spec.options, request.options, spec.name);
    const std::vector<int64_t> features = places_of(request.features, table.schema, spec);
    if (table.rows.size() == 0)
        throw Error(ErrorKind::input, "the table has no rows or no columns");
    if (!table.labels.empty() && std::ssize(table.labels) != table.rows.rows())
        throw Error(ErrorKind::input, fmt::format("there are {} labels for {} rows",
                                                  table.labels.size(), table.rows.rows()));
    run.seed = request.seed;
    const int64_t wanted = options.get<int64_t>("sample");
    if (wanted < 0) throw Error(ErrorKind::usage, "sample is less than 0");
    const std::vector<int64_t> sample =
        global::sampled_rows(table.rows.rows(), wanted == 0 ? table.rows.rows() : wanted, run);
    GlobalView out{.view = spec.name, .schema = table.schema, .rows = std::ssize(sample)};
    if (out.rows < table.rows.rows())
        out.notes.push_back(
            fmt::format("{} of {} rows were used, drawn with seed {}; sample 0 takes all", out.rows,
                        table.rows.rows(), request.seed));
    const Tensor rows = rows_at(table.rows, sample);
    const data::TableModel adapted(subject.model(), table.schema);
    const CountingModel model(adapted);
    const global::Task task{model, table.schema, rows,
                            settle(subject, request, model, table.rows, run, out.notes)};
    std::vector<std::string> labels;
    for (const int64_t row : sample)
        if (!table.labels.empty()) labels.push_back(table.labels[row]);
    const ViewRow& row = row_of(spec);
    ResolvedTarget looked_at = task.target;
    if (row.asks_apart) note_correlations(task, features, out.notes);
    out.result =
        row.make({task, subject, request, looked_at, features, sample, labels,
                           subject.classes(), options, run, out.notes});
    out.target.resolved = looked_at;
    out.target.label = target_label(subject, task.target);
    Provenance& p = out.provenance;
    p.method = spec.name;
    p.options = options.all();
    p.seed = request.seed;
    p.version = version();
    p.evaluations = model.asked;
    p.model_path = subject.path().string();
    p.model_sha256 = subject.sha256();
    p.input_path = table.path.string();
    p.input_sha256 = table.sha256;
    p.preprocessing = subject.preprocessing_json();
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return out;
}

}  // namespace whence::recipe

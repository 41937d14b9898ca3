// The importance of features in a tree ensemble: their values over a table, or what its splits say.

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "whence/core/error.h"
#include "whence/recipe/global_views.h"
#include "whence/recipe/tree_games.h"
#include "whence/recipe/tree_losses.h"
#include "whence/shapley/shap.h"
#include "whence/trees/importance.h"
#include "whence/trees/shap/interventional.h"

namespace whence::recipe {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t values_together = int64_t{1} << 22;  // of rows explained at once

MatrixView<const double> view_of(const Tensor& rows) {
    return {rows.as<double>().data(), rows.rows(), rows.row_size()};
}

// Mean and spread over rows of a number for each feature (Welford 1962).
class Means {
  public:
    explicit Means(int64_t features) : means_(features, 0), squares_(features, 0) {}

    void add(std::span<const double> row) {
        ++rows_;
        for (size_t f = 0; f < row.size(); ++f) {
            const double apart = row[f] - means_[f];
            means_[f] += apart / static_cast<double>(rows_);
            squares_[f] += apart * (row[f] - means_[f]);
        }
    }
    [[nodiscard]] Importance importance(std::string what, double reference) const {
        Importance out{.loss = std::move(what), .reference = reference, .values = means_};
        const auto n = static_cast<double>(rows_);
        for (size_t f = 0; f < means_.size(); ++f) {
            out.features.push_back(static_cast<int64_t>(f));
            out.standard_errors.push_back(rows_ > 1 ? std::sqrt(squares_[f] / (n - 1) / n)
                                                    : unknown);
            out.repeats.emplace_back();
        }
        return out;
    }

  private:
    std::vector<double> means_, squares_;
    int64_t rows_ = 0;
};

bool against_background(const ViewTask& view) {
    const auto how = view.options.get<std::string>("perturbation");
    if (how == "path-dependent") return false;
    if (how != "auto" && how != "interventional")
        throw Error(ErrorKind::usage, "no perturbation '" + printable(how) +
                                          "'; choose from auto, path-dependent, interventional");
    if (how == "interventional" && !view.subject.background())
        throw Error(ErrorKind::usage, "interventional values need --background rows");
    return view.subject.background() != nullptr;
}

template <class Engine>
Importance mean_values(const Engine& engine, const HeldTrees& trees, const ViewTask& view) {
    const Tensor& rows = view.task.rows;
    const ResolvedTarget& target = view.target;
    const int64_t features = trees.model().ensemble().features();
    const int64_t batch = std::max<int64_t>(64, values_together / (features * target.classes));
    Means means(rows.row_size());
    std::vector<double> row(static_cast<size_t>(rows.row_size()));
    for (int64_t first = 0; first < rows.rows(); first += batch) {
        const int64_t count = std::min(batch, rows.rows() - first);
        const Tensor columns = trees.encoded(rows.slice_rows(first, count), view.run);
        const trees::TreeShapValues found = engine.values(view_of(columns), view.run);
        for (int64_t i = 0; i < count; ++i) {
            for (size_t column = 0; column < row.size(); ++column) {
                const int64_t feature = trees.feature_of_column()[column];
                const double* const outputs =
                    found.values.data() +
                    (i * features + std::max<int64_t>(0, feature)) * found.outputs;
                row[column] = feature < 0 ? 0
                                          : std::abs(outputs[target.index] -
                                                     (target.minus ? outputs[*target.minus] : 0));
            }
            means.add(row);
        }
        view.run.report("tree-importance", first + count, rows.rows());
    }
    return means.importance("mean-abs-shap", unknown);
}

Importance of_values(const ViewTask& view, const HeldTrees& trees) {
    if (view.request.scale != Scale::automatic && view.request.scale != Scale::raw)
        throw Error(ErrorKind::unsupported,
                    fmt::format("mean values are of margins (scale raw), not of a {}",
                                name(view.request.scale)));
    ResolvedTarget asked = view.task.target;
    if (trees.encodes()) asked.classes = trees.classes();
    view.target = margin_of(asked, trees.model());
    const trees::Ensemble& ensemble = trees.model().ensemble();
    if (!against_background(view)) return mean_values(trees::TreeShap(ensemble), trees, view);
    const auto background = view.subject.background_matrix();
    view.notes.push_back(
        fmt::format("against {} background rows (interventional)", background->rows()));
    return mean_values(
        trees::InterventionalShap(ensemble, view_of(trees.encoded(*background, view.run))), trees,
        view);
}

// The number that squared errors are of, as the trees answer it.
ResolvedTarget answer_of(const ViewTask& view, const HeldTrees& trees) {
    ResolvedTarget target = view.task.target;
    if (!trees.encodes()) return target;
    if (!trees.changed_by().empty())
        throw Error(ErrorKind::unsupported,
                    "what the model answers is made of its trees' answers by " +
                        printable(trees.changed_by(), 200) + "; importance asks any model");
    target.output = trees.model().outputs()[0].name;
    if (trees.model().outputs()[0].shape.back() == 1) target.index = 0;
    target.classes = trees.model().outputs()[0].shape.back();
    return target;
}

trees::Worth worth_at(TreeLoss loss, const HeldTrees& trees, const ResolvedTarget& target,
                      double label, const ViewTask& view, int64_t i) {
    try {
        return worth_of(loss, trees, target, label, view.labels[i]);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("row {}: {}", view.sample[i], error.what()));
    }
}

Importance of_losses(const ViewTask& view, const HeldTrees& trees) {
    if (view.labels.empty())
        throw Error(ErrorKind::usage, "the measure loss needs labels: name their column");
    if (!view.subject.background())
        throw Error(ErrorKind::usage,
                    "the measure loss needs --background rows: they fill in absent features");
    const TreeLoss loss = parse_tree_loss(view.options.get<std::string>("loss"), trees);
    const std::vector<double> labels = numbers_of(view, loss == TreeLoss::log_loss);
    const ResolvedTarget target = answer_of(view, trees);
    const auto all = view.subject.background_matrix();
    const Background background =
        summarized({*all, {}, ""}, view.options.get<std::string>("summary"), view.run);
    const Budget budget{.coalitions = view.options.get<int64_t>("budget")};
    Run quiet = view.run;  // progress is of rows
    quiet.progress = nullptr;
    const Tensor others = trees.encoded(background.rows, view.run);
    const int64_t rows = view.task.rows.rows();
    Means means(view.task.rows.row_size());
    double nobody = 0, everyone = 0;
    int64_t sampled = 0;
    for (int64_t i = 0; i < rows; ++i) {
        view.run.check();
        const Tensor row = trees.encoded(view.task.rows.slice_rows(i, 1), view.run);
        const trees::EnsembleGame game(trees.model(),
                                       worth_at(loss, trees, target, labels[i], view, i),
                                       row.as<double>(), view_of(others), background.weights);
        const Estimate found = shapley_estimate(game, budget, quiet);
        std::vector<double> decrease(static_cast<size_t>(view.task.rows.row_size()), 0);
        for (int64_t p = 0; p < game.players(); ++p)
            decrease[trees.column_of_feature()[game.features()[p]]] = -found.values[p];
        means.add(decrease);
        nobody += found.nobody / static_cast<double>(rows);
        everyone += found.everyone / static_cast<double>(rows);
        sampled += found.exact ? 0 : 1;
        view.run.report("tree-importance", i + 1, rows);
    }
    view.notes.push_back(
        fmt::format("what features lower the loss by, from {:.4g} with all from the background to "
                    "{:.4g}: the values add up to the difference; a negative one raises it",
                    nobody, everyone));
    if (background.rows.rows() < all->rows())
        view.notes.push_back(fmt::format("the background's {} rows are summarized by {} ({})",
                                         all->rows(), background.rows.rows(),
                                         view.options.get<std::string>("summary")));
    if (sampled > 0)
        view.notes.push_back(fmt::format(
            "{} of {} rows differ from the background in more than {} features: their values are "
            "sampled",
            sampled, rows, trees::EnsembleGame::most_tabulated));
    return means.importance(name(loss), everyone);
}

// Of features one for each column of the table: those that are made of it together.
std::vector<double> by_column(const std::vector<double>& features, const HeldTrees& trees) {
    if (features.empty()) return {};
    std::vector<double> out(trees.feature_of_column().size(), 0);
    for (size_t f = 0; f < features.size(); ++f)
        if (const int64_t column = trees.column_of_feature()[f]; column >= 0)
            out[column] += features[f];
    return out;
}

// The splits alone: no row is asked.
Importance of_splits(const ViewTask& view, const HeldTrees& trees, const std::string& measure) {
    const trees::SplitImportance found = trees::split_importance(trees.model().ensemble());
    const std::string& format = trees.model().ensemble().parts().format;
    const bool total = measure.starts_with("total-");
    const std::string of = total ? measure.substr(6) : measure;
    const std::vector<double> splits = by_column({found.splits.begin(), found.splits.end()}, trees);
    const std::vector<double> sums =
        of == "splits" ? splits : by_column(of == "gain" ? found.gains : found.covers, trees);
    if (sums.empty())
        throw Error(ErrorKind::unsupported,
                    fmt::format("the {} file holds no {}s of its splits; the measures shap and "
                                "splits need none",
                                format, of));
    Importance out{.loss = measure, .reference = unknown};
    for (size_t column = 0; column < sums.size(); ++column) {
        const double count = splits[column];
        const bool mean = !total && of != "splits";
        out.features.push_back(static_cast<int64_t>(column));
        out.values.push_back(mean && count > 0 ? sums[column] / count : sums[column]);
        out.standard_errors.push_back(unknown);
        out.repeats.emplace_back();
    }
    view.notes.emplace_back(
        "read off the splits of all trees, whatever the rows and the class: how the trees were "
        "grown, not what the features do");
    return out;
}

Result tree_importance(const ViewTask& view) {
    if (!holds_trees(view.subject))
        throw Error(ErrorKind::usage,
                    "tree-importance reads the trees of an ensemble (XGBoost, LightGBM, CatBoost, "
                    "or a tree node in ONNX), and this model is none; importance asks any model");
    const auto trees = kept_trees(view.subject, view.task.schema, view.task.columns());
    for (const std::string& note : trees->notes()) view.notes.push_back(note);
    const auto measure = view.options.get<std::string>("measure");
    if (measure == "shap") return of_values(view, *trees);
    if (measure == "loss") return of_losses(view, *trees);
    for (const char* known : {"gain", "total-gain", "cover", "total-cover", "splits"})
        if (measure == known) return of_splits(view, *trees, measure);
    throw Error(ErrorKind::usage, "no measure '" + printable(measure) +
                                      "'; choose from shap, loss, gain, total-gain, cover, "
                                      "total-cover, splits");
}

}  // namespace

ViewRow tree_importance_row() {
    return {{"tree-importance",
             "features of a tree ensemble by their exact values, what they lower the loss by, or "
             "what the splits say",
             {{{"sample", int64_t{0}}, "rows used, drawn with the seed; 0: all"},
              {{"measure", std::string("shap")},
               "shap (mean |SHAP value| of the margin), loss (mean SHAP value of the loss; needs "
               "labels and a background), gain, total-gain, cover, total-cover or splits"},
              {{"perturbation", std::string("auto")},
               "shap: what absent features follow: path-dependent or interventional; auto: the "
               "background where there is one"},
              {{"loss", std::string("auto")},
               "of the measure loss: log-loss or squared-error; auto: log-loss for classes"},
              {{"summary", fmt::format("sample:{}", most_background_rows)},
               "of the measure loss: of a background all rows, sample:K or kmeans:K of them"},
              {{"budget", int64_t{0}},
               "of the measure loss, where a row's features are too many for all coalitions: "
               "coalitions asked; 0: 2 features + 2048"}},
             false},
            tree_importance};
}

}  // namespace whence::recipe

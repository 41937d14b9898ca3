// The importance of features in a tree ensemble: their values over a table, or what its splits say.

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "whence/core/error.h"
#include "whence/recipe/global_views.h"
#include "whence/recipe/tree_games.h"
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
Importance mean_values(const Engine& engine, const ViewTask& view) {
    const MatrixView<const double> rows = view_of(view.task.rows);
    const ResolvedTarget& target = view.target;
    const int64_t batch = std::max<int64_t>(64, values_together / (rows.columns * target.classes));
    Means means(rows.columns);
    std::vector<double> row(rows.columns);
    for (int64_t first = 0; first < rows.rows; first += batch) {
        const int64_t count = std::min(batch, rows.rows - first);
        const trees::TreeShapValues found = engine.values(
            MatrixView<const double>{rows.data + first * rows.columns, count, rows.columns},
            view.run);
        const double* outputs = found.values.data();
        for (int64_t i = 0; i < count; ++i) {
            for (double& value : row) {
                value =
                    std::abs(outputs[target.index] - (target.minus ? outputs[*target.minus] : 0));
                outputs += found.outputs;
            }
            means.add(row);
        }
        view.run.report("tree-importance", first + count, rows.rows);
    }
    return means.importance("mean-abs-shap", unknown);
}

Importance of_values(const ViewTask& view, const trees::EnsembleModel& model) {
    if (view.request.scale != Scale::automatic && view.request.scale != Scale::raw)
        throw Error(ErrorKind::unsupported,
                    fmt::format("mean values are of margins (scale raw), not of a {}",
                                name(view.request.scale)));
    view.target = margin_of(view.task.target, model);
    const trees::Ensemble& ensemble = model.ensemble();
    if (!against_background(view)) return mean_values(trees::TreeShap(ensemble), view);
    const auto background = view.subject.background_matrix();
    view.notes.push_back(
        fmt::format("against {} background rows (interventional)", background->rows()));
    return mean_values(trees::InterventionalShap(ensemble, view_of(*background)), view);
}

// What an answer costs, the truth known.
trees::Worth log_loss(const trees::EnsembleModel& model, int64_t label) {
    const TensorInfo& output = model.outputs()[0];
    return [&output, label](const Batch& answers) {
        const std::span<const double> p = answers.at(output.name).as<double>();
        const int64_t classes = output.shape[1];
        std::vector<double> losses(p.size() / classes);
        for (size_t i = 0; i < losses.size(); ++i)
            losses[i] = -std::log(std::max(p[i * classes + label], 1e-15));
        return losses;
    };
}
trees::Worth squared_error(const ResolvedTarget& target, double truth) {
    return [&target, truth](const Batch& answers) {
        std::vector<double> losses = target_values(target, answers);
        for (double& value : losses) value = (value - truth) * (value - truth);
        return losses;
    };
}

Importance of_losses(const ViewTask& view, const trees::EnsembleModel& model) {
    if (view.labels.empty())
        throw Error(ErrorKind::usage, "the measure loss needs labels: name their column");
    if (!view.subject.background())
        throw Error(ErrorKind::usage,
                    "the measure loss needs --background rows: they fill in absent features");
    const bool classes = model.outputs()[0].scale == Scale::probability;
    std::string loss = view.options.get<std::string>("loss");
    if (loss == "auto") loss = classes ? "log-loss" : "squared-error";
    if (loss != "log-loss" && loss != "squared-error")
        throw Error(ErrorKind::usage,
                    "no loss '" + printable(loss) + "'; choose from log-loss, squared-error");
    const bool logs = loss == "log-loss";
    if (logs && !classes)
        throw Error(ErrorKind::usage, "the model has no classes: its loss is squared-error");
    const std::vector<double> labels = numbers_of(view, logs);
    const auto all = view.subject.background_matrix();
    const Background background =
        summarized({*all, {}, ""}, view.options.get<std::string>("summary"), view.run);
    const Budget budget{.coalitions = view.options.get<int64_t>("budget")};
    Run quiet = view.run;  // progress is of rows
    quiet.progress = nullptr;
    const MatrixView<const double> rows = view_of(view.task.rows);
    Means means(rows.columns);
    double nobody = 0, everyone = 0;
    int64_t sampled = 0;
    for (int64_t i = 0; i < rows.rows; ++i) {
        view.run.check();
        const double label = labels[i];
        if (!std::isfinite(label) ||
            (logs && (label != std::floor(label) || label < 0 ||
                      label >= static_cast<double>(model.outputs()[0].shape[1]))))
            throw Error(ErrorKind::input,
                        fmt::format("row {}: the label {} is none of the {}", view.sample[i],
                                    printable(view.labels[i]), logs ? "classes" : "numbers"));
        const trees::EnsembleGame game(model,
                                       logs ? log_loss(model, static_cast<int64_t>(label))
                                            : squared_error(view.task.target, label),
                                       rows.row(i), view_of(background.rows), background.weights);
        const Estimate found = shapley_estimate(game, budget, quiet);
        std::vector<double> decrease(rows.columns, 0);
        for (int64_t p = 0; p < game.players(); ++p)
            decrease[game.features()[p]] = -found.values[p];
        means.add(decrease);
        nobody += found.nobody / static_cast<double>(rows.rows);
        everyone += found.everyone / static_cast<double>(rows.rows);
        sampled += found.exact ? 0 : 1;
        view.run.report("tree-importance", i + 1, rows.rows);
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
            sampled, rows.rows, trees::EnsembleGame::most_tabulated));
    return means.importance(loss, everyone);
}

// The splits alone: no row is asked.
Importance of_splits(const ViewTask& view, const trees::EnsembleModel& model,
                     const std::string& measure) {
    const trees::SplitImportance found = trees::split_importance(model.ensemble());
    const std::string& format = model.ensemble().parts().format;
    const bool total = measure.starts_with("total-");
    const std::string of = total ? measure.substr(6) : measure;
    const std::vector<double> splits(found.splits.begin(), found.splits.end());
    const std::vector<double>& sums = of == "splits" ? splits
                                      : of == "gain" ? found.gains
                                                     : found.covers;
    if (sums.empty())
        throw Error(ErrorKind::unsupported,
                    fmt::format("the {} file holds no {}s of its splits; the measures shap and "
                                "splits need none",
                                format, of));
    Importance out{.loss = measure, .reference = unknown};
    for (size_t f = 0; f < sums.size(); ++f) {
        const double count = splits[f];
        const bool mean = !total && of != "splits";
        out.features.push_back(static_cast<int64_t>(f));
        out.values.push_back(mean && count > 0 ? sums[f] / count : sums[f]);
        out.standard_errors.push_back(unknown);
        out.repeats.emplace_back();
    }
    view.notes.emplace_back(
        "read off the splits of all trees, whatever the rows and the class: how the trees were "
        "grown, not what the features do");
    return out;
}

Result tree_importance(const ViewTask& view) {
    const trees::EnsembleModel* model = view.subject.ensemble_or_null();
    if (!model)
        throw Error(ErrorKind::usage,
                    "tree-importance reads the trees of an ensemble (XGBoost, LightGBM, CatBoost), "
                    "and this model is none; importance asks any model");
    const auto measure = view.options.get<std::string>("measure");
    if (measure == "shap") return of_values(view, *model);
    if (measure == "loss") return of_losses(view, *model);
    for (const char* known : {"gain", "total-gain", "cover", "total-cover", "splits"})
        if (measure == known) return of_splits(view, *model, measure);
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

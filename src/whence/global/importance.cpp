#include "whence/global/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/global/questions.h"

namespace whence::global {
namespace {

constexpr std::string_view loss_names[] = {"prediction-change", "error-rate", "log-loss",
                                           "squared-error"};

// What the model said of one row, against its label. A single score is the probability of class 1.
class Scorer {
  public:
    Scorer(const Task& task, const ImportanceOptions& options) : task_(task), options_(options) {
        if (options.loss == Loss::prediction_change) return;
        const auto rows = static_cast<size_t>(task.rows.rows());
        if (options.labels.size() != rows)
            throw Error(ErrorKind::usage, std::string(name(options.loss)) +
                                              " needs a label for each of " + std::to_string(rows) +
                                              " rows, not " +
                                              std::to_string(options.labels.size()));
        for (size_t i = 0; i < rows; ++i) check_label(options.labels[i], i);
    }
    // `reference`: the targets of the rows as they stand.
    [[nodiscard]] std::vector<double> losses_of(const Batch& outputs, int64_t first,
                                                const std::vector<double>& reference) const {
        const bool classes = options_.loss == Loss::error_rate || options_.loss == Loss::log_loss;
        std::vector<double> out = classes ? outputs.at(task_.target.output).to_doubles()
                                          : target_values(task_.target, outputs);
        if (classes) return class_losses(out, first);
        for (size_t i = 0; i < out.size(); ++i) {
            const int64_t row = (first + static_cast<int64_t>(i)) % task_.rows.rows();
            if (options_.loss == Loss::squared_error)
                out[i] = std::pow(options_.labels[row] - out[i], 2);
            else
                out[i] = std::abs(out[i] - reference[row]);
        }
        return out;
    }

  private:
    void check_label(double label, size_t row) const {
        const auto refuse = [&](const std::string& why) {
            throw Error(ErrorKind::usage, "row " + std::to_string(row) + ": the label " + why);
        };
        if (!std::isfinite(label)) refuse("is missing");
        if (options_.loss == Loss::squared_error) return;
        const int64_t classes = std::max<int64_t>(2, task_.target.classes);
        if (label != std::floor(label) || label < 0 || label >= static_cast<double>(classes))
            refuse("is none of the classes 0 to " + std::to_string(classes - 1) +
                   "; of a regression the loss is squared-error");
    }
    [[nodiscard]] std::vector<double> class_losses(const std::vector<double>& scores,
                                                   int64_t first) const {
        const int64_t classes = task_.target.classes;
        std::vector<double> out(scores.size() / classes);
        for (size_t i = 0; i < out.size(); ++i) {
            const std::vector<double> p =
                convert_scores(std::span(scores).subspan(i * classes, classes),
                               task_.target.output_scale, Scale::probability);
            const auto label = static_cast<int64_t>(
                options_.labels[(first + static_cast<int64_t>(i)) % task_.rows.rows()]);
            out[i] = options_.loss == Loss::error_rate ? wrong(p, label) : surprise(p, label);
        }
        return out;
    }
    static double wrong(const std::vector<double>& p, int64_t label) {
        const int64_t said =
            p.size() == 1 ? (p[0] > 0.5 ? 1 : 0) : std::ranges::max_element(p) - p.begin();
        return said == label ? 0 : 1;
    }
    static double surprise(const std::vector<double>& p, int64_t label) {
        const double of_label = p.size() > 1 ? p[label] : label == 1 ? p[0] : 1 - p[0];
        return -std::log(std::max(of_label, 1e-15));
    }

    const Task& task_;
    const ImportanceOptions& options_;
};

// The model's rows as they stand: targets, and the loss of each.
struct Standing {
    std::vector<double> targets, losses;
};

Standing standing(const Task& task, const Scorer& scorer, const Run& run) {
    Standing out;
    out.losses = ask(
        task, task.rows.rows(),
        [&](int64_t i, std::span<double> row) { std::ranges::copy(task.row(i), row.begin()); },
        [&](const Batch& outputs, int64_t first) {
            const std::vector<double> targets = target_values(task.target, outputs);
            out.targets.insert(out.targets.end(), targets.begin(), targets.end());
            return scorer.losses_of(outputs, first, out.targets);
        },
        "importance", run);
    return out;
}

std::vector<std::vector<double>> increases(const Task& task, int64_t feature,
                                           const std::vector<std::vector<int32_t>>& orders,
                                           const Scorer& scorer, const Standing& now,
                                           const Run& run) {
    const int64_t rows = task.rows.rows();
    const std::vector<double> losses = ask(
        task, rows * std::ssize(orders),
        [&](int64_t i, std::span<double> row) {
            std::ranges::copy(task.row(i % rows), row.begin());
            row[feature] = task.row(orders[i / rows][i % rows])[feature];
        },
        [&](const Batch& outputs, int64_t first) {
            return scorer.losses_of(outputs, first, now.targets);
        },
        "importance", run);
    std::vector<std::vector<double>> out(orders.size(), std::vector<double>(rows));
    for (size_t r = 0; r < orders.size(); ++r)
        for (int64_t i = 0; i < rows; ++i) out[r][i] = losses[r * rows + i] - now.losses[i];
    return out;
}

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<std::vector<int32_t>> shuffles(int64_t rows, int64_t feature, int64_t repeats,
                                           const Run& run) {
    constexpr uint32_t stream = 0x5a302;
    std::vector<std::vector<int32_t>> out(repeats, std::vector<int32_t>(rows));
    for (int64_t r = 0; r < repeats; ++r) {
        std::iota(out[r].begin(), out[r].end(), 0);
        Rng(run.seed, stream, static_cast<uint64_t>(feature) << 32 | static_cast<uint64_t>(r))
            .shuffle(out[r]);
    }
    return out;
}

}  // namespace

std::string_view name(Loss loss) {
    return loss_names[static_cast<size_t>(loss)];
}

Loss parse_loss(std::string_view text) {
    for (size_t i = 0; i < std::size(loss_names); ++i)
        if (loss_names[i] == text) return static_cast<Loss>(i);
    throw Error(ErrorKind::usage, "no loss '" + printable(text) +
                                      "'; choose from prediction-change, error-rate, log-loss, "
                                      "squared-error");
}

std::vector<std::vector<double>> loss_increases(const Task& task, int64_t feature,
                                                const std::vector<std::vector<int32_t>>& orders,
                                                const ImportanceOptions& options, const Run& run) {
    check(task);
    const Scorer scorer(task, options);
    return increases(task, feature, orders, scorer, standing(task, scorer, run), run);
}

Importance importance(const Task& task, const std::vector<int64_t>& features,
                      const ImportanceOptions& options, const Run& run) {
    check(task);
    if (options.repeats < 1) throw Error(ErrorKind::usage, "repeats is less than 1");
    const Scorer scorer(task, options);
    const Standing now = standing(task, scorer, run);
    const int64_t rows = task.rows.rows();
    Importance out{.loss = std::string(name(options.loss)),
                   .reference = mean(now.losses),
                   .features = features};
    for (const int64_t feature : features) {
        const auto each = increases(task, feature, shuffles(rows, feature, options.repeats, run),
                                    scorer, now, run);
        std::vector<double> by_row(rows);
        out.repeats.emplace_back();
        for (const std::vector<double>& one : each) {
            out.repeats.back().push_back(mean(one));
            for (int64_t i = 0; i < rows; ++i)
                by_row[i] += one[i] / static_cast<double>(options.repeats);
        }
        const double middle = mean(out.repeats.back());
        double squares = 0;
        for (const double value : by_row) squares += (value - middle) * (value - middle);
        const auto n = static_cast<double>(rows);
        out.values.push_back(middle);
        out.standard_errors.push_back(rows > 1 ? std::sqrt(squares / (n - 1) / n) : std::nan(""));
    }
    return out;
}

}  // namespace whence::global

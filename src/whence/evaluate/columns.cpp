#include "whence/evaluate/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/gradients/rows.h"
#include "whence/metrics/attribution_error.h"

namespace whence::evaluate {
namespace {

constexpr uint32_t control_stream = 0x726e646d;

bool stops(const Error& error) {
    return error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::limit;
}

bool does_not_fit(const Error& error) {
    return error.kind() == ErrorKind::usage || error.kind() == ErrorKind::unsupported;
}

// Saliency of many rows is one pass over batches of them; empty: explain row by row.
std::optional<std::vector<std::vector<double>>> explained_together(const recipe::Subject& subject,
                                                                   const recipe::Recipe& recipe,
                                                                   const ResolvedTarget& target,
                                                                   const Ground& ground,
                                                                   const Batch& rows,
                                                                   const Run& run) {
    if (recipe.method != "saliency" || !recipe.layer.empty() || !subject.onnx_or_null() ||
        recipe.scale != target.scale || rows.size() != 1 || subject.text_encoder())
        return std::nullopt;
    const bool absolute = std::ranges::none_of(recipe.options, [](const Option& option) {
        return option.name == "absolute" && !std::get<bool>(option.value);
    });
    std::vector<std::vector<double>> all =
        gradients::gradients_of_rows(*subject.onnx_or_null(), target, "", rows, run);
    Shape one = rows[0].value.shape();
    one[0] = 1;
    for (std::vector<double>& values : all) {
        if (absolute)
            for (double& value : values) value = std::abs(value);
        values = ground.values_of(Tensor::of<double>(one, values));
    }
    return all;
}

}  // namespace

std::string target_text(const ResolvedTarget& target) {
    std::string out = fmt::format("{}:{}", target.output, target.index);
    if (target.minus) out += fmt::format("-{}", *target.minus);
    return out;
}

Column::Column(const recipe::Subject& subject, recipe::Recipe recipe, bool named)
    : subject_(&subject), recipe_(std::move(recipe)), named_(named) {
    facts_.name = recipe_->method;
}

Column::Column(std::string name, Tensor values) : given_(std::move(values)) {
    facts_.name = std::move(name);
    facts_.given = true;
    facts_.no_error_because = "the values came from elsewhere: see completeness";
}

Column::Column(uint64_t seed) : seed_(seed) {
    facts_.name = control_name;
    facts_.control = true;
    facts_.no_error_because = "random values are meant to add up to nothing";
}

std::optional<ResolvedTarget> Column::own_target(const recipe::Input& input,
                                                 const std::string& target, const Run& run) const {
    recipe::Recipe recipe = *recipe_;
    recipe.target = target;
    try {
        return recipe::explain(*subject_, input, recipe, run).target.resolved;
    } catch (const Error& error) {
        // What keeps it from explaining is said when it explains.
        if (stops(error)) throw;
        return std::nullopt;
    }
}

void Column::use_scale(Scale scale) {
    if (recipe_) recipe_->scale = scale;
}

// A method that does not know the scale of the others explains in its own.
Explanation Column::made(const Ground& ground, const Run& run) {
    recipe::Recipe recipe = *recipe_;
    recipe.target = target_text(ground.target());
    try {
        return recipe::explain(*subject_, ground.input(), recipe, run);
    } catch (const Error& error) {
        if (!does_not_fit(error) || recipe.scale == Scale::automatic) throw;
    }
    recipe.scale = Scale::automatic;
    Explanation out = recipe::explain(*subject_, ground.input(), recipe, run);
    recipe_->scale = Scale::automatic;
    return out;
}

void Column::take(const Explanation& e, const Ground& ground) {
    values_.push_back(ground.values_of(e));
    const Provenance& p = e.provenance;
    facts_.evaluations += p.evaluations;
    facts_.gradient_evaluations += p.gradient_evaluations;
    facts_.seconds += p.seconds;
    facts_.baseline = e.target.baseline;
    scale_ = e.target.resolved.scale;
    if (!e.diagnostics.attribution_error) facts_.no_error_because = e.diagnostics.no_error_because;
    errors_.push_back(e.diagnostics.attribution_error);
    sums_.emplace_back().diagnostics = {.attribution_error = e.diagnostics.attribution_error,
                                        .relative_error = e.diagnostics.relative_error,
                                        .no_error_because = {},
                                        .surrogate_r2 = {},
                                        .local_prediction = {},
                                        .converged = {},
                                        .notes = {}};
}

void Column::explain(const Ground& ground, const Run& run) {
    const auto sample = static_cast<int64_t>(values_.size());
    try {
        if (recipe_) {
            take(made(ground, run), ground);
        } else if (facts_.control) {
            std::vector<double> values(ground.players());
            Rng(seed_, control_stream, static_cast<uint64_t>(sample)).normals(values);
            values_.push_back(std::move(values));
            errors_.emplace_back();
        } else {
            values_.push_back(ground.values_of(given_.slice_rows(sample, 1)));
            errors_.emplace_back();
        }
        ++facts_.explained;
    } catch (const Error& error) {
        if (stops(error)) throw;
        if ((sample == 0 && does_not_fit(error)) || facts_.given)
            throw Error(error.kind(), std::string_view(error.what()).starts_with(name())
                                          ? std::string(error.what())
                                          : name() + ": " + error.what());
        values_.resize(sample + 1);
        errors_.resize(sample + 1);
        if (facts_.failed++ == 0) facts_.failure = error.what();
    }
}

Case Column::case_of(int64_t sample, const Ground& ground, std::span<const uint8_t> mask,
                     std::shared_ptr<recipe::Kept> kept_for_all) const {
    Case out{.ground = ground,
             .values = values_[sample],
             .mask = mask,
             .error = errors_[sample],
             .no_error_because = facts_.no_error_because,
             .subject = subject_,
             .background = nullptr,
             .explain = {},
             .explain_class = {},
             .explain_with = {},
             .kept = std::make_shared<recipe::Kept>(),
             .kept_for_all = std::move(kept_for_all)};
    if (!recipe_) return out;
    recipe::Recipe recipe = *recipe_;
    recipe.target = target_text(ground.target());
    // Copies share what they hold; the subject and the ground outlive the metrics.
    const auto explainer = [&ground](std::shared_ptr<const recipe::Subject> subject,
                                     const recipe::Recipe& by, const ResolvedTarget& target) {
        return [by, target, &ground, subject](const Batch& rows, const Run& run) {
            if (auto all = explained_together(*subject, by, target, ground, rows, run))
                return std::move(*all);
            recipe::Recipe again = by;
            again.seed = run.seed;
            std::vector<std::vector<double>> values;
            for (int64_t r = 0; r < rows.rows(); ++r) {
                const recipe::Input input = ground.asked().input_of(rows, r, ground.input());
                values.push_back(
                    ground.values_of(recipe::explain(*subject, input, again, run)));
            }
            return values;
        };
    };
    const auto own = std::shared_ptr<const recipe::Subject>(subject_, [](auto*) {});
    out.explain = explainer(own, recipe, ground.target());
    out.explain_class = [explainer, own, recipe, &ground](int64_t index) {
        ResolvedTarget other = ground.target();
        other.index = index;
        recipe::Recipe of_other = recipe;
        of_other.target = target_text(other);
        return explainer(own, of_other, other);
    };
    out.explain_with = [explainer, recipe, target = ground.target(),
                        subject = subject_](std::shared_ptr<const Model> model) {
        return explainer(
            std::make_shared<const recipe::Subject>(subject->with_model(std::move(model))), recipe,
            target);
    };
    return out;
}

std::string Column::other_units(Scale answers) const {
    if (!scale_ || *scale_ == answers) return "";
    return fmt::format("its values are of the {}, the answers of the {}: no sum of the one is "
                       "meant to be the other",
                       whence::name(*scale_), whence::name(answers));
}

ScoredMethod Column::facts() const {
    ScoredMethod out = facts_;
    if (scale_) out.scale = whence::name(*scale_);
    const metrics::ErrorSummary errors = metrics::attribution_errors(sums_);
    out.error_stated = errors.stated;
    out.relative_error_stated = errors.relative_stated;
    out.mean_error = errors.mean_absolute;
    out.median_error = errors.median_absolute;
    out.largest_error = errors.largest_absolute;
    out.median_relative_error = errors.median_relative;
    out.largest_relative_error = errors.largest_relative;
    return out;
}

}  // namespace whence::evaluate

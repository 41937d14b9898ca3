#include "whence/gradients/inquiry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "whence/core/error.h"

namespace whence::gradients {
namespace {

template <class T>
void write_as(std::span<T> to, std::span<const double> values) {
    std::ranges::transform(values, to.begin(), [](double v) { return static_cast<T>(v); });
}

void write_row(Tensor& rows, int64_t row, std::span<const double> values) {
    const size_t size = values.size(), first = row * size;
    if (rows.type() == ElementType::float64)
        write_as(rows.as<double>().subspan(first, size), values);
    else
        write_as(rows.as<float>().subspan(first, size), values);
}

void read_row(const Tensor& rows, int64_t row, std::vector<double>& values) {
    const size_t size = rows.row_size(), first = row * size;
    values.resize(size);
    if (rows.type() == ElementType::float64)
        std::ranges::copy(rows.as<double>().subspan(first, size), values.begin());
    else if (rows.type() == ElementType::float32)
        std::ranges::copy(rows.as<float>().subspan(first, size), values.begin());
    else
        values = rows.slice_rows(row, 1).to_doubles();
}

void require_finite(double value, const char* what, const char* where) {
    if (!std::isfinite(value)) check_model_number(value, (std::string(what) + where).c_str());
}

void require_finite(std::span<const double> values, const char* what, const char* where) {
    for (const double value : values) require_finite(value, what, where);
}

}  // namespace

Inquiry::Inquiry(const char* method, const DifferentiableModel& model, const Batch& input,
                 const Target& target, Subject subject, const Run& run)
    : method_(method),
      model_(model),
      input_(input),
      run_(run),
      explained_(choose_input(model, input, subject.input)),
      tensor_(subject.tensor.empty() ? explained_.name : std::move(subject.tensor)),
      target_(target, model, input, run),
      x_(explained_.value->to_doubles()) {
    if (tensor_ == explained_.name) shape_ = explained_.value->shape();
}

std::vector<double> Inquiry::baseline(const Baseline& baseline) const {
    const Tensor values = baseline_values(baseline, *explained_.value, run_);
    check_finite(values, "baseline '" + describe(baseline) + "'");
    return values.to_doubles();
}

int64_t Inquiry::preferred_batch() const {
    return std::max<int64_t>(1, model_.preferred_batch());
}

double Inquiry::epsilon() const {
    return explained_.precision == ElementType::float64
               ? std::numeric_limits<double>::epsilon()
               : static_cast<double>(std::numeric_limits<float>::epsilon());
}

void Inquiry::place(Batch& rows, const Place& place, int64_t first, int64_t count) {
    if (rows.rows() != count) rows = input_.repeat_row(count);
    std::vector<double> row = x_;
    for (int64_t k = 0; k < count; ++k) {
        if (place) place(first + k, row);
        write_row(rows[explained_.position].value, k, row);
    }
}

void Inquiry::check_rows(const Tensor& tensor, int64_t count) {
    Shape shape = tensor.shape();
    if (shape.empty() || shape[0] != count)
        throw Error(ErrorKind::unsupported, "layer '" + printable(tensor_) +
                                                "' does not keep the rows of a batch apart: its "
                                                "shape is " +
                                                to_string(shape) + " for " + std::to_string(count) +
                                                " rows");
    shape[0] = 1;
    shape_ = std::move(shape);
}

GradientResult Inquiry::ask_batch(const Question& question, int64_t first, int64_t count) {
    run_.check();
    place(rows_, question.place, first, count);
    GradientRequest request = target_.request();
    request.rules = question.rules;
    if (question.gradient) request.gradients = {tensor_};
    if (question.features) request.values = {tensor_};
    if (question.reference) {
        place(references_, question.reference, first, count);
        request.reference = &references_;
    }
    GradientResult result = model_.run(rows_, request, run_);
    if (!value_) {
        target_.settle(result);
        value_ = result.target.at(0);
    }
    for (const Tensor& gradient : result.gradients) check_rows(gradient, count);
    (question.gradient ? gradient_evaluations_ : evaluations_) += count;
    const int64_t done = evaluations_ + gradient_evaluations_;
    run_.report(method_, done, std::max(done, total_));
    return result;
}

void Inquiry::ask(const Question& question, const Listen& listen) {
    std::vector<double> gradient, features;
    const int64_t batch = preferred_batch();
    for (int64_t first = 0; first < question.points; first += batch) {
        const int64_t count = std::min(batch, question.points - first);
        const GradientResult result = ask_batch(question, first, count);
        for (int64_t row = 0; row < count; ++row) {
            Answer answer{.point = first + row, .value = result.target.at(row)};
            require_finite(answer.value, "output", question.where);
            if (question.reference) {
                answer.reference_value = result.reference_target.at(row);
                require_finite(answer.reference_value, "output", " at the baseline");
            }
            if (question.gradient) {
                read_row(result.gradients.at(0), row, gradient);
                require_finite(gradient, "gradient", question.where);
                answer.gradient = gradient;
            }
            if (question.features) {
                read_row(result.values.at(0), row, features);
                require_finite(features, "features", question.where);
                answer.features = features;
            }
            listen(answer);
        }
    }
}

std::vector<double> Inquiry::gradient_at_input(Rules rules) {
    std::vector<double> gradient;
    ask({.rules = rules}, [&](const Answer& answer) {
        gradient.assign(answer.gradient.begin(), answer.gradient.end());
    });
    return gradient;
}

double Inquiry::value() {
    if (!value_) ask({.gradient = false}, [](const Answer&) {});
    return *value_;
}

double Inquiry::value_at(std::span<const double> point, const char* where) {
    (void)value();
    double value = 0;
    const Place here = [&](int64_t, std::span<double> row) {
        std::ranges::copy(point, row.begin());
    };
    ask({.place = here, .gradient = false, .where = where},
        [&](const Answer& answer) { value = answer.value; });
    return value;
}

Explanation Inquiry::finish(std::span<const double> values, Claim claim,
                            std::vector<Option> options) const {
    Explanation explanation;
    explanation.attribution.values = attribution_tensor(
        values, Tensor(explained_.value->type(), claim.shape.empty() ? shape_ : claim.shape));
    if (tensor_ != explained_.name) explanation.attribution.layer = tensor_;
    explanation.target = {.resolved = target_.resolved(),
                          .value = value_.value(),
                          .baseline = std::move(claim.baseline),
                          .baseline_value = claim.baseline_value};
    fill_common(explanation, method_, explained_, run_);
    explanation.diagnostics.no_error_because = std::move(claim.no_error_because);
    if (explanation.diagnostics.no_error_because.empty()) state_attribution_error(explanation);
    Provenance& provenance = explanation.provenance;
    provenance.options = std::move(options);
    provenance.options.push_back({"input", explained_.name});
    provenance.evaluations = target_.evaluations() + evaluations_;
    provenance.gradient_evaluations = gradient_evaluations_;
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return explanation;
}

}  // namespace whence::gradients

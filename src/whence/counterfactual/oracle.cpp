#include "whence/counterfactual/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"

namespace whence::counterfactual {
namespace {

constexpr int64_t most_cells = int64_t{1} << 22;  // 32 MB of rows at a time

}  // namespace

State Variant::state() const {
    State out = *base;
    for (const Edit& edit : edits) out[edit.feature] = edit.value;
    return out;
}

const Tensor& table_row(const Batch& input, const Schema& schema) {
    const auto fail = [](const std::string& what) { throw Error(ErrorKind::input, what); };
    if (input.size() != 1 || input.rows() != 1)
        fail(fmt::format("one row in one tensor is explained at a time, not {} rows in {}",
                         input.rows(), input.size()));
    const Tensor& row = input[0].value;
    if (row.type() != ElementType::float64)
        fail(fmt::format("the row holds {}, not float64", name(row.type())));
    if (row.size() != static_cast<int64_t>(schema.size()))
        fail(fmt::format("the row has {} columns, the background {}", row.size(), schema.size()));
    const std::vector<double> cells = row.to_doubles();
    for (size_t c = 0; c < cells.size(); ++c)
        if (std::isinf(cells[c]) || (std::isnan(cells[c]) && !schema[c].allows_missing))
            fail(fmt::format(
                "column '{}' of the row holds {}", printable(schema[c].name),
                std::isnan(cells[c]) ? "NaN, and the column allows no missing value" : "infinity"));
    return row;
}

Oracle::Oracle(const Model& model, const Features& features, const Batch& input,
               const Target& target, const Wanted& wanted, int64_t budget, const Run& run)
    : model_(model),
      features_(features),
      run_(run),
      input_name_(input.empty() ? "" : input[0].name),
      input_row_(table_row(input, features.schema())),
      input_cells_(input_row_.to_doubles()),
      budget_(budget) {
    input_state_ = features_.encode(input_cells_);
    run_.check();
    const ResolvedTarget resolved = resolve(target, model, input, Scale::probability, run);
    const Batch outputs = model.predict(input, run);
    evaluations_ = target.index ? 1 : 2;
    judge_.emplace(resolved, wanted, outputs);
    input_value_ = target_values(resolved, outputs)[0];
}

void Oracle::write(const State& state, std::span<double> cells) const {
    std::ranges::copy(input_cells_, cells.begin());
    for (size_t f = 0; f < state.size(); ++f)
        if (!(state[f] == input_state_[f])) features_.decode(f, state[f], cells);
}

Tensor Oracle::row(const State& state) const {
    Tensor out(ElementType::float64, input_row_.shape());
    write(state, out.as<double>());
    return out;
}

Batch Oracle::predict(std::span<const Variant> variants) {
    run_.check();
    Shape shape = input_row_.shape();
    shape[0] = static_cast<int64_t>(variants.size());
    Tensor rows(ElementType::float64, std::move(shape));
    const size_t width = input_cells_.size();
    for (size_t i = 0; i < variants.size(); ++i) {
        const std::span<double> cells = rows.as<double>().subspan(i * width, width);
        // Variants of one state mostly follow each other.
        if (i > 0 && variants[i].base == variants[i - 1].base) {
            std::ranges::copy(rows.as<double>().subspan((i - 1) * width, width), cells.begin());
            for (const Edit& edit : variants[i - 1].edits)
                features_.decode(edit.feature, (*variants[i].base)[edit.feature], cells);
        } else {
            write(*variants[i].base, cells);
        }
        for (const Edit& edit : variants[i].edits)
            features_.decode(edit.feature, edit.value, cells);
    }
    Batch batch;
    batch.add(input_name_, std::move(rows));
    evaluations_ += static_cast<int64_t>(variants.size());
    return model_.predict(batch, run_);
}

std::vector<Verdict> Oracle::ask(const std::vector<Variant>& variants) {
    std::vector<Verdict> verdicts(variants.size());
    const size_t within = std::min<size_t>(variants.size(), static_cast<size_t>(left()));
    // Where batches end depends on the model and the table alone.
    const int64_t fits = most_cells / static_cast<int64_t>(input_cells_.size());
    const auto per_batch =
        static_cast<size_t>(std::max<int64_t>(1, std::min(model_.preferred_batch(), fits)));
    for (size_t first = 0; first < within; first += per_batch) {
        const size_t count = std::min(per_batch, within - first);
        std::ranges::copy(judge_->judge(predict(std::span(variants).subspan(first, count))),
                          verdicts.begin() + static_cast<int64_t>(first));
    }
    run_.report("counterfactuals", evaluations_, budget_);
    return verdicts;
}

std::vector<Verdict> Oracle::ask(const std::vector<State>& states) {
    std::vector<Variant> variants;
    for (const State& state : states) variants.push_back({&state, {}});
    return ask(variants);
}

std::vector<Oracle::Answer> Oracle::answers(const std::vector<State>& states) {
    std::vector<Answer> out;
    for (const State& state : states) {
        const Variant variant{&state, {}};
        const Batch outputs = predict(std::span(&variant, 1));
        out.push_back({judge_->judge(outputs).at(0), target_values(judge_->target(), outputs)[0]});
    }
    return out;
}

}  // namespace whence::counterfactual

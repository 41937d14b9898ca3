#include "whence/evaluate/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/evaluate/agreements.h"
#include "whence/evaluate/columns.h"
#include "whence/evaluate/estimates.h"
#include "whence/evaluate/groups.h"
#include "whence/evaluate/verdict.h"
#include "whence/recipe/names.h"
#include "whence/recipe/target_names.h"

namespace whence::evaluate {
namespace {

using metrics::Score;

// Metrics of a category that go through players one by one stop here, unless somebody names them.
constexpr int64_t most_players_one_by_one = 2000;
constexpr std::string_view with_protected_columns[] = {"protected-share", "proxy-share", "flip-rate"};

// A metric of the card, ready.
struct Judge {
    const MetricSpec* spec;
    bool named;
    recipe::OptionValues options;
    std::unique_ptr<const metrics::Metric> asks;
    std::vector<std::vector<Score>> scores;  // [column][sample], of each by itself
    std::vector<Statistic> of_all;           // [column], of all together
};

// A recipe, a pool and what is left of a request once names have met them.
class Evaluation {
  public:
    Evaluation(const recipe::Subject& subject, const Pool& pool, const Request& request,
               const Run& run)
        : subject_(subject), pool_(pool), request_(request), run_(run) {
        run_.seed = request.seed;
        quiet_ = run_;
        quiet_.progress = nullptr;
        quiet_.early = nullptr;
    }

    ScoreCard card();

  private:
    void choose_samples();
    void choose_columns(const recipe::Input& first);
    void add_method(const std::string& name, bool named, std::vector<Option> options = {});
    void settle_scale(const recipe::Input& first);
    [[nodiscard]] std::vector<ChosenMetric> chosen_metrics(const Ground& first) const;
    void choose_judges(const Ground& first);
    void note_groups(const recipe::Input& input);
    void check_owners() const;
    [[nodiscard]] std::vector<Option> options_of(
        std::string_view owner, const std::vector<recipe::OptionSpec>& specs) const;
    [[nodiscard]] std::string missing(const MetricSpec& spec, const Ground& ground,
                                      bool named) const;
    [[nodiscard]] Ground ground_of(const recipe::Input& input, int64_t sample);
    [[nodiscard]] std::optional<int64_t> predicted_class(const Batch& row);
    void explain(const Ground& ground, int64_t sample);
    void judge(std::span<const Ground> grounds, int64_t first);
    void ask_model(std::span<const Ground> grounds, int64_t first, Players players, bool mean);
    void score_one(Judge& judge, const Case& explained, size_t c, int64_t sample);
    void judge_all();
    void fill_table(ScoreCard& card) const;
    [[nodiscard]] std::span<const uint8_t> mask(int64_t sample) const {
        return masks_.empty() ? std::span<const uint8_t>() : std::span(masks_[sample]);
    }

    const recipe::Subject& subject_;
    const Pool& pool_;
    const Request& request_;
    Run run_, quiet_;
    std::vector<int64_t> rows_, labels_;
    std::vector<uint8_t> correct_;
    std::vector<std::vector<uint8_t>> masks_;
    std::vector<std::pair<Feature, std::vector<double>>> protected_;  // columns, and their values of each sample
    std::unique_ptr<const Asked> asked_;
    Target target_;
    std::vector<Column> columns_;
    std::vector<Judge> judges_;
    std::vector<LeftOut> left_out_;
    std::string modality_, players_, removed_, target_words_, scale_words_;
    bool text_ = false;
    Scale scale_ = Scale::raw;
    int64_t evaluations_ = 0;
    double seconds_ = 0;
    std::shared_ptr<recipe::Kept> kept_for_all_ = std::make_shared<recipe::Kept>();
};

void Evaluation::choose_samples() {
    const auto available = static_cast<int64_t>(pool_.inputs.size());
    if (available == 0) throw Error(ErrorKind::input, "there are no inputs to judge by");
    rows_ = choose_rows(available, request_.rows, request_.samples, request_.seed);
    if (pool_.labels.empty()) return;
    std::vector<std::string> chosen;
    for (const int64_t row : rows_) chosen.push_back(pool_.labels[row]);
    labels_ = classes_of(subject_, chosen);
}

// Text from the command line becomes what the option's owner reads.
std::vector<Option> Evaluation::options_of(std::string_view owner,
                                           const std::vector<recipe::OptionSpec>& specs) const {
    std::vector<Option> out;
    const bool of_columns = std::ranges::find(with_protected_columns, owner) != std::end(with_protected_columns);
    if (of_columns && !request_.protected_columns.empty()) out.push_back({"columns", request_.protected_columns});
    for (const OwnedOption& one : request_.options) {
        if (one.owner != owner) continue;
        const auto spec = std::ranges::find(
            specs, one.option.name, [](const recipe::OptionSpec& s) { return s.option.name; });
        const auto* text = std::get_if<std::string>(&one.option.value);
        out.push_back(spec != specs.end() && text ? recipe::parse_option(*spec, *text)
                                                  : one.option);
    }
    return out;
}

void Evaluation::check_owners() const {
    for (const OwnedOption& one : request_.options) {
        const bool owned =
            std::ranges::any_of(columns_,
                                [&](const Column& column) {
                                    return column.is_method() && column.name() == one.owner;
                                }) ||
            std::ranges::any_of(judges_,
                                [&](const Judge& judge) { return judge.spec->name == one.owner; });
        if (!owned)
            throw Error(ErrorKind::usage,
                        fmt::format("{}.{}: {} is neither a method nor a metric of "
                                    "this evaluation",
                                    printable(one.owner), printable(one.option.name),
                                    printable(one.owner)));
    }
}

void Evaluation::add_method(const std::string& name, bool named, std::vector<Option> options) {
    if (std::ranges::find(columns_, name, &Column::name) != columns_.end())
        throw Error(ErrorKind::usage, "'" + printable(name) + "' comes twice");
    if (name == control_name) {
        columns_.emplace_back(request_.seed);
        return;
    }
    const recipe::MethodSpec& method = recipe::find_method(name);
    for (Option& option : options_of(method.name, method.options))
        options.push_back(std::move(option));
    recipe::Recipe recipe{.method = method.name, .scale = request_.scale};
    recipe.options = recipe::OptionValues(method.options, options, method.name).all();
    recipe.seed = request_.seed;
    if (!request_.baseline.empty() && recipe::compares_with_baseline(method, text_))
        recipe.baseline = request_.baseline;
    columns_.emplace_back(subject_, std::move(recipe), named);
}

void Evaluation::choose_columns(const recipe::Input& first) {
    text_ = first.text.has_value();
    for (const std::string& name : request_.methods) add_method(name, true);
    if (request_.methods.empty() && request_.given.empty()) {
        const std::string own = recipe::default_method(subject_, first).method;
        const bool lime = own != "lime" && (first.text || first.image() ||
                                            (first.is_table() && subject_.background()));
        add_method(own, false);
        // Superpixels by colour leave small pictures in one piece.
        std::vector<Option> options;
        if (lime && !first.text && !first.is_table())
            options.push_back({"segmentation", request_.ground.regions});
        add_method(lime ? "lime" : "kernel-shap", false, std::move(options));
        add_method(std::string(control_name), false);
    }
    const auto available = static_cast<int64_t>(pool_.inputs.size());
    for (const Given& given : request_.given) {
        if (std::ranges::find(columns_, given.name, &Column::name) != columns_.end())
            throw Error(ErrorKind::usage, "'" + printable(given.name) + "' comes twice");
        const int64_t rows = given.values.rows();
        if (rows != available && rows != std::ssize(rows_))
            throw Error(ErrorKind::usage,
                        fmt::format("the attributions '{}' have {} rows for {} inputs",
                                    printable(given.name), rows, available));
        if (rows == std::ssize(rows_)) {
            columns_.emplace_back(given.name, given.values);
            continue;
        }
        Shape shape = given.values.shape();
        shape[0] = std::ssize(rows_);
        const std::vector<double> all = given.values.to_doubles();
        const int64_t size = given.values.row_size();
        std::vector<double> chosen;
        for (const int64_t row : rows_)
            chosen.insert(chosen.end(), all.begin() + row * size, all.begin() + (row + 1) * size);
        columns_.emplace_back(given.name, Tensor::of<double>(shape, chosen));
    }
}

// All methods explain what the first explains by itself, where nobody says what.
void Evaluation::settle_scale(const recipe::Input& first) {
    target_.scale = request_.scale;
    if (request_.target != "label")
        target_ = recipe::parse_target(subject_, request_.target);
    else if (labels_.empty())
        throw Error(ErrorKind::usage, "the target is each input's label, and no labels were given");
    scale_ = request_.scale;
    const auto method = std::ranges::find_if(columns_, &Column::is_method);
    if (scale_ == Scale::automatic && method != columns_.end())
        if (const auto own = method->own_target(
                first, request_.target == "label" ? "top" : request_.target, quiet_)) {
            scale_ = own->scale;
            target_.output = own->output;
        }
    if (scale_ == Scale::automatic) scale_ = Scale::raw;
    target_.scale = scale_;
    for (Column& column : columns_) column.use_scale(scale_);
}

// The class the model answers with; of one probability, whether it is above a half. None for a
// number that nobody says is a probability.
std::optional<int64_t> Evaluation::predicted_class(const Batch& row) {
    ResolvedTarget top = resolve({}, asked_->model(), row, Scale::raw, quiet_);
    ++evaluations_;
    if (top.classes > 1) return top.index;
    if (top.output_scale == Scale::raw) return std::nullopt;
    top.scale = Scale::probability;
    return target_values(top, asked_->model().predict(row, quiet_))[0] > 0.5;
}

Ground Evaluation::ground_of(const recipe::Input& input, int64_t sample) {
    Target target = target_;
    const Batch row = asked_->row_of(input);
    if (!labels_.empty()) {
        if (const auto predicted = predicted_class(row))
            correct_.push_back(*predicted == labels_[sample]);
        if (request_.target == "label") target.index = labels_[sample];
    }
    ResolvedTarget resolved = resolve(target, asked_->model(), row, scale_, quiet_);
    return {subject_, *asked_, input, std::move(resolved), request_.ground, quiet_};
}

// Why a metric cannot be had here; empty: it can.
std::string Evaluation::missing(const MetricSpec& spec, const Ground& ground, bool named) const {
    const metrics::Needs& needs = metrics::facts(spec.name).needs;
    if (const auto* elsewhere = std::get_if<Elsewhere>(&spec.score)) return std::string(*elsewhere);
    if (!spec.modalities.empty() &&
        std::ranges::find(spec.modalities, ground.modality()) == spec.modalities.end())
        return fmt::format("it is of {}s, and these are {}s", spec.modalities[0],
                           ground.modality());
    if (needs.labels && labels_.empty())
        return "it needs the class of each input: give labels (--label)";
    if (needs.mask && masks_.empty())
        return "it needs to know where the object is: give masks (--masks)";
    if (spec.asks_method && std::ranges::none_of(columns_, &Column::is_method))
        return "it explains other inputs as well, and values from elsewhere cannot";
    const int64_t players = ground.masker(spec.players).players();
    if (spec.each_player && !named && players > most_players_one_by_one)
        return fmt::format("it asks about each of {} {} by itself: name it to have it all the same",
                           players, ground.players_in_words());
    return "";
}

// Naming protected columns asks for the metrics of fairness.
std::vector<ChosenMetric> Evaluation::chosen_metrics(const Ground& first) const {
    std::vector<ChosenMetric> chosen = choose_metrics(request_.metrics, first.modality());
    if (request_.protected_columns.empty()) return chosen;
    for (const std::string_view name : with_protected_columns) {
        const MetricSpec* spec = &find_metric(name);
        const auto known = std::ranges::find(chosen, spec, &ChosenMetric::spec);
        if (known == chosen.end())
            chosen.push_back({spec, true});
        else
            known->named = true;
    }
    // What it asks for is in the card as quality by group.
    std::erase_if(chosen, [](const ChosenMetric& one) { return one.spec->name == "quality-gap"; });
    return chosen;
}

void Evaluation::note_groups(const recipe::Input& input) {
    const std::vector<std::string> names = recipe::parse_names(request_.protected_columns);
    if (names.empty()) return;
    if (!input.is_table())
        throw Error(ErrorKind::unsupported, "protected columns are those of a table with names, and these inputs have none");
    const std::vector<double> row = input.row->to_doubles();
    for (size_t i = 0; i < names.size(); ++i) {
        const auto column = std::ranges::find(input.schema, names[i], &Feature::name);
        if (column == input.schema.end())
            throw Error(ErrorKind::usage, fmt::format("the table has no column '{}'", printable(names[i])));
        if (protected_.size() <= i) protected_.emplace_back(*column, std::vector<double>());
        protected_[i].second.push_back(row.at(column - input.schema.begin()));
    }
}

void Evaluation::choose_judges(const Ground& first) {
    for (const auto& [spec, named] : chosen_metrics(first)) {
        const std::string reason = missing(*spec, first, named);
        if (!reason.empty() && named)
            throw Error(ErrorKind::unsupported, fmt::format("{}: {}", spec->name, reason));
        if (!reason.empty()) {
            left_out_.push_back({std::string(spec->name), reason});
            continue;
        }
        Judge judge{.spec = spec,
                    .named = named,
                    .options = recipe::OptionValues(
                        spec->options, options_of(spec->name, spec->options), spec->name),
                    .asks = nullptr,
                    .scores = {},
                    .of_all = {}};
        if (const auto* asks = std::get_if<AsksModel>(&spec->score))
            judge.asks = (*asks)(judge.options);
        judges_.push_back(std::move(judge));
    }
    if (judges_.empty())
        throw Error(ErrorKind::unsupported,
                    left_out_.empty() ? std::string("there is no metric to judge by")
                                      : fmt::format("no metric is left to judge by: {}: {}",
                                                    left_out_[0].name, left_out_[0].because));
}

// A method that cannot explain the first sample cannot explain these inputs.
void Evaluation::explain(const Ground& ground, int64_t sample) {
    for (size_t c = 0; c < columns_.size();) {
        run_.check();
        try {
            columns_[c++].explain(ground, quiet_);
        } catch (const Error& error) {
            const Column& column = columns_[--c];
            if (sample > 0 || column.named() || error.kind() == ErrorKind::interrupted ||
                error.kind() == ErrorKind::limit)
                throw;
            const std::string said = error.what(), name = column.name() + ": ";
            left_out_.push_back(
                {column.name(), said.starts_with(name) ? said.substr(name.size()) : said});
            columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(c));
        }
    }
    if (columns_.empty())
        throw Error(ErrorKind::unsupported,
                    "nothing explains these inputs: " + left_out_.back().because);
}

void Evaluation::ask_model(std::span<const Ground> grounds, int64_t first, Players players,
                           bool mean) {
    std::vector<Judge*> judges;
    std::vector<const metrics::Metric*> asking;
    for (Judge& judge : judges_)
        if (judge.asks && judge.spec->players == players && judge.spec->mean_of_region == mean) {
            judges.push_back(&judge);
            asking.push_back(judge.asks.get());
        }
    if (asking.empty()) return;
    std::vector<metrics::Explained> explained;
    std::vector<std::pair<size_t, int64_t>> whose;
    for (size_t g = 0; g < grounds.size(); ++g)
        for (size_t c = 0; c < columns_.size(); ++c) {
            const int64_t sample = first + static_cast<int64_t>(g);
            if (columns_[c].values(sample).empty()) continue;
            explained.push_back(
                {.input = &grounds[g].row(),
                 .target = grounds[g].target(),
                 .masker = &grounds[g].masker(players),
                 .values = grounds[g].values_of(players, mean, columns_[c].values(sample)),
                 .game = rows_[sample]});
            whose.emplace_back(c, sample);
        }
    const metrics::Scores scores =
        metrics::evaluate(asked_->model(), std::move(explained), asking, quiet_);
    evaluations_ += scores.evaluations;
    for (size_t m = 0; m < judges.size(); ++m)
        for (size_t e = 0; e < whose.size(); ++e) {
            const auto [column, sample] = whose[e];
            Score score = scores.of[m][e];
            const std::string other = columns_[column].other_units(scale_);
            if (judges[m]->spec->in_units && !other.empty())
                score = {.value = std::nan(""), .undefined_because = other};
            judges[m]->scores[column][sample] = std::move(score);
        }
}

void Evaluation::score_one(Judge& judge, const Case& explained, size_t c, int64_t sample) {
    const auto* of_one = std::get_if<OfOne>(&judge.spec->score);
    if (!of_one) return;
    Score& score = judge.scores[c][sample];
    if (judge.spec->asks_method && !columns_[c].is_method()) {
        score.undefined_because = "no method is there to explain again";
        return;
    }
    run_.check();
    try {
        score = (*of_one)(explained, judge.options, quiet_);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::unsupported) throw;
        if (error.kind() == ErrorKind::unsupported && judge.named && sample == 0)
            throw Error(error.kind(), fmt::format("{}, {}: {}", judge.spec->name,
                                                  columns_[c].name(), error.what()));
        score = {.value = std::nan(""), .undefined_because = error.what()};
    }
}

void Evaluation::judge(std::span<const Ground> grounds, int64_t first) {
    const auto start = std::chrono::steady_clock::now();
    Score unexplained{.value = std::nan(""), .undefined_because = "there is no explanation"};
    for (Judge& judge : judges_) {
        judge.scores.resize(columns_.size());
        for (std::vector<Score>& scores : judge.scores)
            scores.resize(first + std::ssize(grounds), unexplained);
    }
    for (const Players players : {Players::all, Players::regions, Players::imputed})
        for (const bool mean : {false, true}) ask_model(grounds, first, players, mean);
    for (size_t g = 0; g < grounds.size(); ++g)
        for (size_t c = 0; c < columns_.size(); ++c) {
            const int64_t sample = first + static_cast<int64_t>(g);
            if (columns_[c].values(sample).empty()) continue;
            Case explained =
                columns_[c].case_of(sample, grounds[g], mask(sample), kept_for_all_);
            if (subject_.background()) explained.background = &*subject_.background();
            for (Judge& judge : judges_) score_one(judge, explained, c, sample);
        }
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Metrics of all samples together, each of every method or of none.
void Evaluation::judge_all() {
    std::vector<Judge> kept;
    for (Judge& judge : judges_) {
        const auto* of_all = std::get_if<OfAll>(&judge.spec->score);
        try {
            for (size_t c = 0; of_all && c < columns_.size(); ++c) {
                DataSet data{.values = {},
                             .labels = labels_,
                             .correct = correct_,
                             .masks = {},
                             .modality = modality_};
                for (int64_t s = 0; s < std::ssize(rows_); ++s) {
                    data.values.emplace_back(columns_[c].values(s));
                    if (!masks_.empty()) data.masks.push_back(mask(s));
                }
                judge.of_all.push_back((*of_all)(data, judge.options, quiet_));
            }
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported) throw;
            if (judge.named)
                throw Error(error.kind(), fmt::format("{}: {}", judge.spec->name, error.what()));
            left_out_.push_back({std::string(judge.spec->name), error.what()});
            continue;
        }
        kept.push_back(std::move(judge));
    }
    judges_ = std::move(kept);
}

// What a metric says of one method, and what it says on each resample.
ScoreEstimate estimate_of(const Statistic& statistic, std::vector<double> scores,
                          const std::vector<Score>& parts, const Resamples& resamples,
                          std::vector<double>& again, const Run& run) {
    ScoreEstimate out;
    std::vector<int64_t> all(resamples.samples());
    std::iota(all.begin(), all.end(), 0);
    out.value = statistic(all);
    out.defined = std::isnan(out.value) ? 0 : resamples.samples();
    for (const Score& part : parts)
        if (std::isnan(part.value) && out.undefined++ == 0)
            out.undefined_because = part.undefined_because;
    if (!parts.empty()) out.defined = std::ssize(parts) - out.undefined;
    if (parts.empty() && out.defined == 0) {
        out.undefined = resamples.samples();
        out.undefined_because = "too few samples, or too few classes, are there for it";
    }
    again = resampled(statistic, resamples, run);
    out.scores = std::move(scores);
    const auto interval = out.defined >= 2 ? percentiles(again) : std::nullopt;
    if (interval) {
        out.low = interval->low;
        out.high = interval->high;
    }
    return out;
}

void Evaluation::fill_table(ScoreCard& card) const {
    const Resamples resamples(std::ssize(rows_), request_.resamples, request_.seed);
    // Metrics of pairs of samples cost the square of the samples.
    constexpr int64_t of_pairs = 200;
    const Resamples fewer(std::ssize(rows_), std::min(of_pairs, request_.resamples), request_.seed);
    for (const Judge& judge : judges_) {
        const metrics::Facts& facts = metrics::facts(judge.spec->name);
        const bool together = !judge.of_all.empty();
        const Resamples& own = together ? fewer : resamples;
        ScoreCardRow row{.metric = std::string(facts.name),
                         .category = std::string(metrics::name(facts.category)),
                         .higher_is_better = facts.better == metrics::Better::higher,
                         .low = facts.low,
                         .high = facts.high,
                         .source = std::string(facts.source),
                         .assumes = std::string(facts.assumes),
                         .cannot_tell = std::string(facts.cannot_tell),
                         .options = judge.options.all(),
                         .of_data_set = together,
                         .of = {}};
        std::vector<Competitor> competitors(columns_.size());
        for (size_t c = 0; c < columns_.size(); ++c) {
            static const std::vector<Score> none;
            const std::vector<Score>& parts = together ? none : judge.scores[c];
            for (const Score& part : parts) competitors[c].scores.push_back(part.value);
            const Statistic statistic = together ? judge.of_all[c] : mean_of(competitors[c].scores);
            row.of.push_back(estimate_of(statistic, competitors[c].scores, parts, own,
                                         competitors[c].again, run_));
            competitors[c].value = row.of.back().value;
        }
        const auto better = comparisons(competitors, row.higher_is_better, own, run_);
        const auto defined = std::ranges::count_if(
            row.of, [](const ScoreEstimate& e) { return !std::isnan(e.value); });
        for (size_t c = 0; c < columns_.size(); ++c) {
            row.of[c].better_than = better[c];
            row.of[c].best = defined > 1 && std::ssize(better[c]) == defined - 1;
        }
        card.table.push_back(std::move(row));
    }
}

ScoreCard Evaluation::card() {
    choose_samples();
    // Pictures of a chunk share batches; its random orders must fit in memory.
    int64_t chunk = 1;
    for (int64_t first = 0; first < std::ssize(rows_);) {
        const int64_t count = std::min(chunk, std::ssize(rows_) - first);
        std::vector<recipe::Input> inputs;
        std::vector<Ground> grounds;
        for (int64_t s = first; s < first + count; ++s) inputs.push_back(pool_.inputs[rows_[s]]());
        if (first == 0) {
            asked_ = std::make_unique<const Asked>(subject_, inputs[0]);
            choose_columns(inputs[0]);
            settle_scale(inputs[0]);
        }
        for (int64_t s = first; s < first + count; ++s) {
            run_.check();
            note_groups(inputs[s - first]);
            grounds.push_back(ground_of(inputs[s - first], s));
            const Ground& ground = grounds.back();
            if (!pool_.masks.empty()) masks_.push_back(ground.mask_of(pool_.masks[rows_[s]]()));
            explain(ground, s);
            run_.report("explaining and judging", s + 1, std::ssize(rows_));
        }
        if (first == 0) {
            const Ground& ground = grounds[0];
            modality_ = ground.modality();
            players_ = ground.players_in_words();
            removed_ = ground.removed();
            scale_words_ = name(ground.target().scale);
            target_words_ = request_.target == "top" ? "each input's own predicted class"
                            : request_.target == "label"
                                ? "each input's true class"
                                : recipe::target_label(subject_, ground.target());
            if (target_words_.empty()) target_words_ = request_.target;
            choose_judges(ground);
            check_owners();
        }
        judge(grounds, first);
        first += count;
        constexpr int64_t players_at_once = 1 << 20, most = 32;
        chunk = std::clamp<int64_t>(players_at_once / grounds[0].players(), 1, most);
    }
    judge_all();
    ScoreCard card{.modality = modality_,
                   .model = subject_.path().string(),
                   .data = pool_.data,
                   .samples = std::ssize(rows_),
                   .available = std::ssize(pool_.inputs),
                   .rows = rows_,
                   .target = target_words_,
                   .scale = scale_words_,
                   .players = players_,
                   .removed = removed_};
    if (!correct_.empty())
        card.accuracy = static_cast<double>(std::ranges::count(correct_, 1)) /
                        static_cast<double>(correct_.size());
    for (const Column& column : columns_) card.methods.push_back(column.facts());
    card.resamples = request_.resamples;
    card.seed = request_.seed;
    card.version = version();
    fill_table(card);
    card.agreements = agreements(card, run_);
    std::vector<Grouping> groupings;
    for (const auto& [column, values] : protected_) groupings.push_back(group_by(column, values));
    card.gaps = quality_gaps(card, groupings, quiet_);
    card.left_out = left_out_;
    card.evaluations = evaluations_;
    card.seconds = seconds_;
    card.verdict = verdict(card);
    return card;
}

}  // namespace

OwnedOption parse_owned_option(const std::string& text) {
    const size_t equals = text.find('='), dot = text.find('.');
    if (equals == std::string::npos || dot == std::string::npos || dot == 0 || dot > equals)
        throw Error(ErrorKind::usage,
                    "'" + printable(text) + "': give METHOD.OPTION=VALUE or METRIC.OPTION=VALUE");
    return {text.substr(0, dot), {text.substr(dot + 1, equals - dot - 1), text.substr(equals + 1)}};
}

ScoreCard evaluate(const recipe::Subject& subject, const Pool& pool, const Request& request,
                   Run run) {
    return Evaluation(subject, pool, request, run).card();
}

}  // namespace whence::evaluate

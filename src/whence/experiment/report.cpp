#include "whence/experiment/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/experiment/analysis.h"
#include "whence/experiment/markdown.h"

namespace whence::experiment {
namespace {

constexpr Scope scopes[] = {Scope::all_epochs, Scope::within_iterations, Scope::within_epochs,
                            Scope::final_epoch};

// One correlation of accuracy with a quantity in one group.
struct Cell {
    const Group* group = nullptr;
    Quantity quantity;
    Scope scope = Scope::all_epochs;
    Correlation pearson, spearman;
};

// What is asked of the rows: many cells, made side by side.
void fill(std::vector<Cell>& cells, const Quantity& with, bool ranks, const ReportOptions& options,
          int64_t permutations, const Run& run) {
    parallel_for(run, std::ssize(cells), 1, [&](int64_t begin, int64_t) {
        Cell& cell = cells[begin];
        Inference inference{.resamples = options.resamples, .permutations = permutations};
        const Series a = series_of(*cell.group, with), b = series_of(*cell.group, cell.quantity);
        cell.pearson = correlate(a, b, cell.scope, inference, run);
        inference.ranks = true;
        if (ranks) cell.spearman = correlate(a, b, cell.scope, inference, run);
    });
}

std::string name_of(const Group& group, const Study& study) {
    std::string out = group.data_set;
    if (study.spec.architectures.size() > 1) out += ", " + group.architecture;
    return out;
}

class Writer {
  public:
    Writer(const Study& study, const std::vector<Study>& others, const ReportOptions& options,
           const Run& run)
        : study_(study), others_(others), options_(options), run_(run), groups_(groups_of(study)) {
        if (groups_.empty())
            throw Error(ErrorKind::input,
                        "the ledger has no whole iteration yet: nothing can be said");
        for (const Group& group : groups_)
            for (const Scope scope : scopes)
                for (const Quantity& quantity : {mege(study.spec), reco(study.spec)})
                    claim_.push_back({&group, quantity, scope, {}, {}});
        fill(claim_, accuracy(), true, options_, options_.permutations, run_);
    }

    Document write() {
        opening();
        in_short();
        protocol();
        claim();
        matrices();
        points();
        means();
        dependence();
        interpretation();
        attribution();
        for (const Study& other : others_) extra(other);
        comparison();
        pictures();
        limits();
        again();
        return std::move(out_);
    }

  private:
    void say(const std::string& text) { out_.markdown += text + "\n\n"; }
    void say(const Table& table) { say(table.text()); }
    void add_figure(Figure figure, const std::string& words) {
        say(fmt::format("![{}]({}/{})", words, options_.folder, figure.file));
        out_.figures.push_back(std::move(figure));
    }

    void opening() {
        say("# " + study_.spec.title);
        say("Made from the ledger by `" + options_.command +
            "`; no number and no sentence about one is written by hand.");
    }

    // ---- the claim

    [[nodiscard]] std::vector<std::string> sets() const {
        std::vector<std::string> out;
        for (const Group& group : groups_)
            if (const std::string name = name_of(group, study_);
                std::ranges::find(out, name) == out.end())
                out.push_back(name);
        return out;
    }
    [[nodiscard]] std::vector<Tested> tested(const std::string& set, Scope scope) const {
        std::vector<Tested> out;
        for (const Cell& cell : claim_)
            if (name_of(*cell.group, study_) == set && cell.scope == scope)
                out.push_back({cell.quantity.name + " of " + cell.group->method, cell.pearson});
        return out;
    }

    // "above 0 for ...; below 0 for ...; not to be told from 0 for ...".
    [[nodiscard]] static std::string signs(const std::vector<Tested>& tested) {
        std::vector<std::string> above, below, open, none;
        for (const Tested& one : tested)
            (!std::isfinite(one.pearson.low) ? none
             : one.pearson.above_zero()      ? above
             : one.pearson.below_zero()      ? below
                                             : open)
                .push_back(one.what);
        std::vector<std::string> parts;
        const auto part = [&](const char* words, const std::vector<std::string>& which) {
            if (!which.empty()) parts.push_back(words + listed(which));
        };
        part("above 0: ", above);
        part("below 0: ", below);
        part("not told from 0: ", open);
        part("without an interval: ", none);
        std::string out;
        for (const std::string& one : parts) out += (out.empty() ? "" : "; ") + one;
        return out;
    }

    void in_short() {
        say("## In short");
        say(fmt::format(
            "The claim (\"theorem 1\" of the study that is redone here): on every data set, "
            "accuracy correlates positively with MeGe and with ReCo, for {}. It is called "
            "*held* where the 95 % intervals of all {} correlations lie above 0, *failed* where "
            "one "
            "lies below 0, else *undecided*.",
            listed(method_names(study_)), 2 * study_.spec.methods.size()));
        Table table(
            {"data set", "all epochs", "within iterations", "within epochs", "final models"});
        std::map<Scope, std::map<Verdict, std::vector<std::string>>> by;
        for (const std::string& set : sets()) {
            std::vector<std::string> cells{set};
            for (const Scope scope : scopes) {
                const auto all = tested(set, scope);
                const Verdict verdict = verdict_of(all);
                by[scope][verdict].push_back(set);
                cells.push_back(fmt::format("**{}** ({})", word(verdict), signs(all)));
            }
            table.add(cells);
        }
        say(table);
        for (const Scope scope : scopes) say(summary(scope, by[scope]));
        say(strongest());
        say("This is a correlation over networks of one kind, not a theorem: the table shows on "
            "what it "
            "depends.");
    }

    [[nodiscard]] static const char* word(Verdict verdict) {
        return verdict == Verdict::holds   ? "held"
               : verdict == Verdict::fails ? "failed"
                                           : "undecided";
    }

    [[nodiscard]] std::string summary(Scope scope,
                                      const std::map<Verdict, std::vector<std::string>>& by) const {
        std::vector<std::string> parts;
        for (const auto& [verdict, which] : by)
            parts.push_back(fmt::format("{} on {}", word(verdict), listed(which)));
        const char* what =
            scope == Scope::all_epochs
                ? "With all epochs mixed, so that accuracy differs mostly because some networks "
                  "were trained longer"
            : scope == Scope::within_iterations
                ? "With the mean of each iteration taken out, so that its objects and coalitions "
                  "do not blur what "
                  "training time does"
            : scope == Scope::within_epochs
                ? "With the mean of each epoch taken out, so that networks of equal training time "
                  "are compared"
                : "Among final models, which differ in their data and random numbers alone";
        return fmt::format("- {}: {}.", what, listed(parts));
    }

    // The largest correlation with accuracy of each data set, all epochs.
    [[nodiscard]] std::string strongest() const {
        std::vector<std::string> parts;
        for (const std::string& set : sets()) {
            const std::vector<Tested> all = tested(set, Scope::all_epochs);
            const auto most = std::ranges::max_element(all, {}, [](const Tested& one) {
                return std::isfinite(one.pearson.value) ? std::abs(one.pearson.value) : -1;
            });
            parts.push_back(
                fmt::format("{} on {} ({})", most->what, set, signed_text(most->pearson.value)));
        }
        return "- The strongest link with accuracy over all epochs (the study found ReCo of "
               "LIME): " +
               listed(parts) + ".";
    }

    void claim() {
        say("## The claim");
        say("Correlation of test accuracy with MeGe and ReCo, a row for each network and epoch, "
            "with "
            "95 % intervals of a bootstrap over iterations and two-sided p-values of permutations. "
            "*All epochs* and *within iterations*: p is of epochs changing places within each "
            "iteration. *Within epochs* and "
            "*final models*: p is of whole trainings changing places. p-values are not corrected "
            "for "
            "their number.");
        for (const Quantity& quantity : {mege(study_.spec), reco(study_.spec)}) {
            Table table(
                {"data set", "method", "rows", quantity.name + ": Pearson", "p", "Spearman", "p"});
            for (const Cell& cell : claim_) {
                if (cell.quantity.name != quantity.name) continue;
                table.add({name_of(*cell.group, study_), cell.group->method, name(cell.scope),
                           with_interval(cell.pearson), p_text(cell.pearson.p),
                           with_interval(cell.spearman), p_text(cell.spearman.p)});
            }
            say(table);
        }
    }

    // ---- what was done

    void protocol() {
        const Spec& spec = study_.spec;
        say("## What was done");
        for (const DataRow& data : study_.data) {
            std::string line = fmt::format(
                "- **{}**: {} training and {} test pictures of {} x {} x {}, {} classes; "
                "superpixels `{}`.",
                data.data_set, grouped(data.train), grouped(data.test), data.height, data.width,
                data.channels, data.classes.size(),
                std::ranges::find(spec.data_sets, data.data_set, &DataSetSpec::name)->segmentation);
            if (!data.note.empty())
                line += " Of the published set the files hold " + data.note + ".";
            out_.markdown += line + "\n";
        }
        out_.markdown += "\n";
        for (const ArchitectureSpec& one : spec.architectures)
            say(one.kind == training::Architecture::dense
                    ? fmt::format(
                          "Network *{}*: dense, one hidden layer of {} ReLU neurons, softmax.",
                          one.name, one.hidden)
                    : fmt::format("Network *{}*: two 3x3 convolutions of stride 2 (16 and 32 "
                                  "channels) with ReLU, "
                                  "then classes, softmax.",
                                  one.name));
        say(
            fmt::format("{} iterations x {} folds: a network is trained on the training pictures "
                        "without one fold, {} "
                        "epochs of Adam (rate {}, batches of {}). An iteration has its own folds, "
                        "its own {} test objects "
                        "(as many of each class), and its own coalitions; its {} folds share them. "
                        "After each epoch the "
                        "accuracy on all test pictures is taken, and each method explains the "
                        "objects: {} explanations in "
                        "all. What is explained is the probability of the {} class; two objects "
                        "are of one class where "
                        "their {} agree.",
                        spec.iterations, spec.folds, spec.epochs, spec.learning_rate, spec.batch,
                        spec.objects, spec.folds, grouped(spec.explanations()),
                        spec.explain_true_class ? "true" : "predicted",
                        spec.pair_by_predicted_class ? "predicted classes" : "labels"));
        if (std::ssize(study_.results) < spec.units() * spec.epochs * std::ssize(spec.methods))
            say(fmt::format(
                "**The ledger is not finished**: {} of {} rows; iterations that are not whole "
                "are left out.",
                study_.results.size(), spec.units() * spec.epochs * std::ssize(spec.methods)));
        for (const MethodSpec& method : spec.methods)
            out_.markdown += "- " + in_words(method) + "\n";
        out_.markdown += "\n";
        say("Coalitions (which superpixels are there) are drawn once for an iteration and method "
            "and used "
            "for all its objects and networks, which the reference packages draw anew each time: "
            "LIME's and "
            "KernelSHAP's weights depend on coalitions alone, so their values are one fixed matrix "
            "times the "
            "network's answers. Errors of sampling are then common to an iteration's objects; they "
            "differ "
            "between iterations, over which intervals are taken.");
        say(fmt::format(
            "MeGe = 1 - (mean over classes of the mean difference of two explanations of the "
            "class) / "
            "({}); ReCo = the best (TPR + TNR) / 2 of \"the difference is below a threshold, so "
            "the "
            "two are of one class\". The study does not name its difference; conclusions here are "
            "by "
            "*{}*, which was fixed before, and the other choices stand below.",
            spec.mege_scale == metrics::MegeScale::largest_class  ? "the largest of the classes"
            : spec.mege_scale == metrics::MegeScale::largest_pair ? "the largest of any two objects"
                                                                  : "absolute: 1 / (1 + mean)",
            spec.differences[0].name()));
        surveys();
    }

    void surveys() {
        say("Superpixels of the first test pictures. A picture in one piece cannot be explained by "
            "its pieces:");
        Table table({"data set", "segmentation", "pictures", "in one piece", "pieces: mean",
                     "fewest", "most"});
        for (const DataRow& data : study_.data)
            for (const DataRow::Survey& one : data.surveys)
                table.add({data.data_set, "`" + one.segmentation + "`",
                           fmt::format("{}", one.pictures), fmt::format("{}", one.single),
                           fmt::format("{:.1f}", one.mean), fmt::format("{}", one.fewest),
                           fmt::format("{}", one.most)});
        say(table);
    }

    [[nodiscard]] static std::string in_words(const MethodSpec& method) {
        const char* hide = method.hide == Hide::superpixel_mean ? "its own mean colour"
                           : method.hide == Hide::training_mean ? "the mean training picture"
                                                                : "black";
        const std::string pieces = method.segmentation.empty()
                                       ? "the data set's superpixels"
                                       : "superpixels `" + method.segmentation + "`";
        switch (method.kind) {
            case Kind::lime:
                return fmt::format(
                    "*{}*: LIME as its package does it (scheme `compatible`), {} samples, kernel "
                    "width "
                    "{}, {}; what is off is {}.",
                    method.name, method.samples, method.kernel_width, pieces, hide);
            case Kind::kernel_shap:
                return fmt::format(
                    "*{}*: KernelSHAP as shap does it without feature selection, {} samples, "
                    "{}; what is off is {}.",
                    method.name,
                    method.samples == 0 ? std::string("2 M + 2048")
                                        : fmt::format("{}", method.samples),
                    pieces, hide);
            case Kind::deep_shap:
                return fmt::format("*{}*: DeepSHAP on pixels, {} training pictures as background.",
                                   method.name, method.background);
            case Kind::gradient_shap:
                return fmt::format(
                    "*{}*: expected gradients (GradientSHAP) on pixels, {} samples, {} training "
                    "pictures "
                    "as background.",
                    method.name, method.samples, method.background);
        }
        throw Error(ErrorKind::internal, "a method that is none");
    }

    // ---- figures

    void matrices() {
        say("## Correlation matrices");
        say("Like the study's figures 9 and 10: accuracy, MeGe and ReCo against each other, one "
            "figure for "
            "each method.");
        for (const MethodSpec& method : study_.spec.methods)
            if (std::ranges::find(groups_, method.name, &Group::method) != groups_.end())
                add_figure(matrix_figure(study_, groups_, method.name),
                           "correlations of accuracy, MeGe and ReCo for " + method.name);
        std::vector<Cell> links;
        for (const Group& group : groups_)
            for (const Scope scope : scopes)
                links.push_back({&group, reco(study_.spec), scope, {}, {}});
        fill(links, mege(study_.spec), false, options_, 0, run_);
        Table table(
            {"MeGe with ReCo", "all epochs", "within iterations", "within epochs", "final models"});
        for (size_t i = 0; i < links.size(); i += std::size(scopes))
            table.add({name_of(*links[i].group, study_) + ", " + links[i].group->method,
                       with_interval(links[i].pearson), with_interval(links[i + 1].pearson),
                       with_interval(links[i + 2].pearson), with_interval(links[i + 3].pearson)});
        say("The study found MeGe and ReCo weakly linked:");
        say(table);
    }

    void points() {
        add_figure(point_figure(study_, groups_),
                   "accuracy against ReCo, a point for each network and epoch");
    }

    // ---- sizes

    static void add_means(Table& table, const Study& study, const std::vector<Group>& groups,
                          const ReportOptions& options, const Run& run) {
        for (const Group& group : groups) {
            const auto mean = [&](const Quantity& quantity) {
                return mean_of(series_of(group, quantity), Scope::final_epoch, options.resamples,
                               run);
            };
            const Mean all = mean_of(series_of(group, accuracy()), Scope::all_epochs, 1, run);
            const Mean last = mean(accuracy());
            double lowest = 1;
            for (const ResultRow* row : group.rows)
                if (row->epoch == group.epochs) lowest = std::min(lowest, row->accuracy);
            table.add({name_of(group, study), group.method,
                       fmt::format("{}", group.iterations * group.folds), with_interval(last),
                       fmt::format("{:.3f}", lowest), fmt::format("{:.4f}", all.deviation),
                       fmt::format("{:.4f}", last.deviation), with_interval(mean(mege(study.spec))),
                       with_interval(mean(reco(study.spec))), with_interval(mean(overlap(true)))});
        }
    }
    [[nodiscard]] static Table means_table() {
        return Table({"data set", "method", "networks", "accuracy", "lowest", "its sd, all epochs",
                      "sd, final", "MeGe", "ReCo", "overlap with object"});
    }

    void means() {
        say("## How large the numbers are");
        say("Means of final models with 95 % intervals. Standard deviations say how much accuracy "
            "there is to correlate with: with all epochs, and among final models. *Lowest* is the "
            "least accurate final model: one that learned next to nothing can make a Pearson "
            "correlation alone.");
        Table table = means_table();
        add_means(table, study_, groups_, options_, run_);
        say(table);
        say(spread());
    }

    [[nodiscard]] std::string spread() const {
        double least = INFINITY, most = 0;
        for (const Group& group : groups_) {
            const double ratio =
                mean_of(series_of(group, accuracy()), Scope::all_epochs, 1, run_).deviation /
                mean_of(series_of(group, accuracy()), Scope::final_epoch, 1, run_).deviation;
            least = std::min(least, ratio);
            most = std::max(most, ratio);
        }
        return fmt::format(
            "Mixing epochs widens the spread of accuracy {:.1f} to {:.1f} times over that of final "
            "models: what is correlated there is mostly training time.",
            least, most);
    }

    // ---- what it depends on

    void dependence() {
        say("## What it depends on: how explanations are compared");
        say("Pearson's correlation of accuracy with each form of MeGe and ReCo. **Bold**: the 95 % "
            "interval "
            "does not hold 0; by chance alone one in twenty would not.");
        for (const Scope scope : {Scope::all_epochs, Scope::final_epoch}) {
            std::vector<Cell> cells;
            std::vector<Quantity> forms;
            for (size_t d = 0; d < study_.spec.differences.size(); ++d)
                for (const auto scale :
                     {metrics::MegeScale::largest_class, metrics::MegeScale::largest_pair,
                      metrics::MegeScale::absolute})
                    forms.push_back(mege(study_.spec, d, scale));
            for (size_t d = 0; d < study_.spec.differences.size(); ++d)
                forms.push_back(reco(study_.spec, d));
            for (const Quantity& form : forms)
                for (const Group& group : groups_) cells.push_back({&group, form, scope, {}, {}});
            fill(cells, accuracy(), false, options_, 0, run_);
            std::vector<std::string> titles{name(scope)};
            for (const Group& group : groups_)
                titles.push_back(name_of(group, study_) + ", " + group.method);
            Table table(titles);
            for (size_t f = 0; f < forms.size(); ++f) {
                std::vector<std::string> row{forms[f].name};
                for (size_t g = 0; g < groups_.size(); ++g)
                    row.push_back(bold_if_sure(cells[f * groups_.size() + g].pearson));
                table.add(row);
            }
            say(table);
            say(counts(cells, scope));
        }
    }

    [[nodiscard]] static std::string counts(const std::vector<Cell>& cells, Scope scope) {
        std::string out;
        for (const std::string which : {"MeGe", "ReCo"}) {
            int64_t above = 0, below = 0, all = 0;
            for (const Cell& cell : cells) {
                if (!cell.quantity.name.starts_with(which)) continue;
                ++all;
                above += cell.pearson.above_zero();
                below += cell.pearson.below_zero();
            }
            out += fmt::format(
                "{}{}: of {} correlations with {}, {} have an interval above 0, {} below 0, {} "
                "neither.",
                out.empty() ? "" : " ", name(scope), all, which, above, below, all - above - below);
        }
        return out;
    }

    // ---- InterpretationAccuracy, attribution error

    void interpretation() {
        const Spec& spec = study_.spec;
        say("## InterpretationAccuracy");
        say(
            fmt::format("{} x N_p / N + {} x Jaccard(explanation's mask, object's mask). The mask "
                        "of an explanation is its "
                        "superpixels (or pixels) of largest positive value, {}. Objects: the "
                        "pixels brighter than a threshold, "
                        "or, where the spec says mosaic, one of four halved pictures, explained "
                        "for that object's class. An "
                        "interpretation counts as right where the overlap is above {:.3g}. Counted "
                        "by predictions the measure "
                        "*contains* accuracy, so that a correlation with it is no finding; the "
                        "overlap alone does not.",
                        spec.alpha, 1 - spec.alpha,
                        spec.mask_pieces == 0 ? std::string("as many pixels as the object has")
                                              : fmt::format("at most {} pieces", spec.mask_pieces),
                        spec.overlap_threshold));
        std::vector<Quantity> forms;
        for (const bool predictions : {true, false})
            for (const bool micro : {true, false})
                forms.push_back(interpretation_accuracy(spec, predictions, micro));
        forms.push_back(overlap(true));
        forms.push_back(overlap(false));
        for (const Scope scope : {Scope::all_epochs, Scope::final_epoch}) {
            std::vector<Cell> cells;
            for (const Group& group : groups_)
                for (const Quantity& form : forms) cells.push_back({&group, form, scope, {}, {}});
            fill(cells, accuracy(), false, options_, 0, run_);
            Table table({std::string(name(scope)), "predictions, micro", "predictions, macro",
                         "interpretations, micro", "interpretations, macro", "overlap, micro",
                         "overlap, macro"});
            for (size_t g = 0; g < groups_.size(); ++g) {
                std::vector<std::string> row{name_of(groups_[g], study_) + ", " +
                                             groups_[g].method};
                for (size_t f = 0; f < forms.size(); ++f)
                    row.push_back(with_interval(cells[g * forms.size() + f].pearson));
                table.add(row);
            }
            say(table);
        }
    }

    void attribution() {
        say("## Attribution error");
        say("What the values add up to less what they should, f(x) - f(all superpixels off), in "
            "probability: mean "
            "of absolute values over objects, final models, and the largest of all. KernelSHAP has "
            "none by "
            "construction, whatever its values are worth; LIME does not claim to add up.");
        Table table({"data set", "method", "mean absolute", "largest",
                     "correlation with accuracy, all epochs"});
        const Quantity error{"attribution error",
                             [](const ResultRow& row) { return row.measures.mean_absolute_error; }};
        std::vector<Cell> cells;
        for (const Group& group : groups_)
            cells.push_back({&group, error, Scope::all_epochs, {}, {}});
        fill(cells, accuracy(), false, options_, 0, run_);
        for (const Cell& cell : cells) {
            double largest = 0;
            for (const ResultRow* row : cell.group->rows)
                largest = std::max(largest, row->measures.largest_absolute_error);
            const Mean mean = mean_of(series_of(*cell.group, error), Scope::final_epoch, 1, run_);
            // Rounding errors have no correlation worth a number.
            table.add({name_of(*cell.group, study_), cell.group->method,
                       fmt::format("{:.2g}", mean.value), fmt::format("{:.2g}", largest),
                       largest < 1e-6 ? "rounding" : with_interval(cell.pearson)});
        }
        say(table);
    }

    // ---- other ledgers

    void extra(const Study& other) {
        const std::vector<Group> groups = groups_of(other);
        if (groups.empty())
            throw Error(ErrorKind::input,
                        "the ledger of '" + other.spec.title + "' has no whole iteration");
        say("## " + other.spec.title);
        const Spec& spec = other.spec;
        int64_t least = spec.iterations;
        for (const Group& group : groups) least = std::min(least, group.iterations);
        say(fmt::format(
            "A smaller run: {} iterations x {} folds (a network is trained on {} of the pictures) "
            "x {} "
            "epochs, {} objects; {} trainings, {} explanations. Else as above.{}",
            spec.iterations, spec.folds, share_of(groups[0]), spec.epochs, spec.objects,
            grouped(spec.units()), grouped(spec.explanations()),
            least < 10 ? " Intervals over so few iterations are too short to lean on." : ""));
        for (const MethodSpec& method : spec.methods)
            out_.markdown += "- " + in_words(method) + "\n";
        out_.markdown += "\n";
        std::vector<Cell> cells;
        for (const Group& group : groups)
            for (const Quantity& quantity : {mege(spec), reco(spec)})
                for (const Scope scope : {Scope::all_epochs, Scope::final_epoch})
                    cells.push_back({&group, quantity, scope, {}, {}});
        fill(cells, accuracy(), false, options_, 0, run_);
        Table table({"data set", "network", "method", "pieces", "in one piece", "MeGe, all epochs",
                     "MeGe, final", "ReCo, all epochs", "ReCo, final"});
        for (size_t i = 0; i < cells.size(); i += 4) {
            const Group& group = *cells[i].group;
            double pieces = 0, single = 0;
            for (const ResultRow* row : group.rows) {
                pieces += row->measures.mean_pieces / static_cast<double>(group.rows.size());
                single += static_cast<double>(row->measures.single) /
                          static_cast<double>(spec.objects) /
                          static_cast<double>(group.rows.size());
            }
            table.add({group.data_set, group.architecture, group.method,
                       fmt::format("{:.1f}", pieces), fmt::format("{:.0f} %", 100 * single),
                       with_interval(cells[i].pearson), with_interval(cells[i + 1].pearson),
                       with_interval(cells[i + 2].pearson), with_interval(cells[i + 3].pearson)});
        }
        say(table);
        Table means = means_table();
        add_means(means, other, groups, options_, run_);
        say(means);
    }

    // Networks of several kinds on the same data, by the same method.
    void comparison() {
        struct Pair {
            std::string data_set, method, networks, share;
            double accuracy, reco;
        };
        struct Known {
            const Study* study;
            Group group;
        };
        std::vector<Known> all;
        for (const Group& group : groups_) all.push_back({&study_, group});
        for (const Study& other : others_)
            for (Group& group : groups_of(other)) all.push_back({&other, std::move(group)});
        std::vector<Pair> pairs;
        const auto last = [&](const Known& k, const Quantity& q) {
            return mean_of(series_of(k.group, q), Scope::final_epoch, 1, run_).value;
        };
        for (size_t i = 0; i < all.size(); ++i)
            for (size_t j = i + 1; j < all.size(); ++j) {
                const Group &a = all[i].group, &b = all[j].group;
                if (a.data_set != b.data_set || a.architecture == b.architecture ||
                    !same_method(all[i].study->spec, a, all[j].study->spec, b))
                    continue;
                // ReCo is above 1/2 by chance, the more so the fewer the objects.
                if (all[i].study->spec.objects != all[j].study->spec.objects) continue;
                pairs.push_back({a.data_set, a.method, b.architecture + " less " + a.architecture,
                                 share_of(b) + " / " + share_of(a),
                                 last(all[j], accuracy()) - last(all[i], accuracy()),
                                 last(all[j], reco(all[j].study->spec)) -
                                     last(all[i], reco(all[i].study->spec))});
            }
        say("## Between kinds of networks");
        say("Others hold that the more accurate family of models is the harder one to explain. "
            "That is about "
            "families; the correlations above are about networks of one family and cannot speak to "
            "it.");
        if (pairs.empty()) {
            say("These ledgers hold no data set on which two kinds of networks were explained by "
                "the same "
                "method.");
            return;
        }
        Table table({"data set", "method", "networks", "trained on", "difference in accuracy",
                     "difference in ReCo"});
        int64_t together = 0;
        for (const Pair& pair : pairs) {
            together += (pair.accuracy > 0) == (pair.reco > 0);
            table.add({pair.data_set, pair.method, pair.networks, pair.share,
                       fmt::format("{:+.4f}", pair.accuracy), fmt::format("{:+.4f}", pair.reco)});
        }
        say(table);
        say(fmt::format(
            "In {} of {} comparisons accuracy and ReCo go the same way. Two kinds of small "
            "networks are "
            "no sample of families: this neither supports nor refutes the general statement.",
            together, pairs.size()));
    }

    // Of the training pictures, all folds but one.
    [[nodiscard]] static std::string share_of(const Group& group) {
        return fmt::format("{:.0f} %", 100 - 100 / static_cast<double>(group.folds));
    }

    [[nodiscard]] static bool same_method(const Spec& a, const Group& in_a, const Spec& b,
                                          const Group& in_b) {
        const auto find = [](const Spec& spec, const Group& group) {
            return *std::ranges::find(spec.methods, group.method, &MethodSpec::name);
        };
        const MethodSpec x = find(a, in_a), y = find(b, in_b);
        return x.kind == y.kind && x.segmentation == y.segmentation && x.hide == y.hide &&
               x.samples == y.samples && a.differences[0] == b.differences[0];
    }

    // ---- the end

    void pictures() {
        say("## Pictures and their explanations");
        say("Like the study's figures 1 to 6: one object of each class, final model of the first "
            "training. Orange "
            "speaks for the class that the network predicts (below each map, with its "
            "probability), blue against "
            "it.");
        for (const DataSetSpec& set : study_.spec.data_sets)
            if (auto figure = example_figure(study_, set.name))
                add_figure(std::move(*figure), "explanations of " + set.name);
    }

    void limits() {
        say("## What this can say, and what not");
        say("- A correlation over networks is no theorem, and says nothing of a single network: no "
            "bound, no "
            "mechanism, no cause.");
        say("- Epochs mixed, accuracy and quality both move with training time, and anything that "
            "grows with "
            "training correlates with anything else that does; *within iterations* shows that "
            "alone. *Within epochs* "
            "and *final models* take it out; there accuracy varies little, and so little can be "
            "found.");
        say("- MeGe in the study's scale measures how unequal classes are, not how consistent "
            "explanations are: it "
            "is 0 where all classes are equally inconsistent. ReCo asks whether explanations of "
            "one class look "
            "alike *at the same place of the picture*; where objects move about, good explanations "
            "differ. Neither "
            "says that an explanation is true to the network.");
        say("- LIME's package hides a superpixel behind its own mean colour. A square of a few "
            "pixels then loses its "
            "texture alone, and nothing where it is flat: LIME says least where squares are small "
            "and pictures "
            "smooth. What hides a superpixel is part of the question asked.");
        say("- ReCo picks its threshold in sight of the pairs, so it is above 1/2 by chance, more "
            "so with few "
            "objects. All rows have as many, so the excess is common to them.");
        say("- Intervals and p-values count iterations, not rows. Iterations share the data sets: "
            "what is said is "
            "about networks trained on these pictures, not about other data.");
    }

    void again() {
        say("## Make it again");
        say(
            fmt::format("Whence {}, spec {} (fingerprint). The ledger is the same for the same "
                        "seed, whatever the "
                        "threads; `whence experiment quality SPEC --data DIR` makes it, and `{}` "
                        "this document.",
                        study_.version, study_.fingerprint.substr(0, 16), options_.command));
    }

    [[nodiscard]] static std::vector<std::string> method_names(const Study& study) {
        std::vector<std::string> out;
        for (const MethodSpec& method : study.spec.methods) out.push_back(method.name);
        return out;
    }

    const Study& study_;
    const std::vector<Study>& others_;
    const ReportOptions& options_;
    const Run& run_;
    std::vector<Group> groups_;
    std::vector<Cell> claim_;
    Document out_;
};

}  // namespace

Document report(const Study& main, const std::vector<Study>& others, const ReportOptions& options,
                const Run& run) {
    return Writer(main, others, options, run).write();
}

}  // namespace whence::experiment

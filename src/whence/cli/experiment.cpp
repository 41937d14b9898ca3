// whence experiment: studies over many trainings, and the documents made of them.

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include "command.h"
#include "outputs.h"
#include "progress.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/experiment/ledger.h"
#include "whence/experiment/report.h"
#include "whence/experiment/study.h"
#include "whence/render/number.h"

namespace whence::cli {
namespace {

using Path = std::filesystem::path;
using Clock = std::chrono::steady_clock;

struct QualityOptions {
    std::string spec, ledger, data = ".";
};
struct ReportOptions {
    std::vector<std::string> ledgers;
    std::string output;
};

// A study runs for minutes: where there is no terminal for a bar, a line now and then.
void tell_now_and_then(Run& run, const Context& context) {
    constexpr auto pause = std::chrono::seconds(30);
    const auto start = std::make_shared<Clock::time_point>(),
               last = std::make_shared<Clock::time_point>();
    const auto first = std::make_shared<int64_t>(-1);
    run.progress = [=, &context](std::string_view what, int64_t done, int64_t total) {
        const Clock::time_point now = Clock::now();
        if (*first < 0) {
            *first = done;
            *start = *last = now;
        }
        if (now - *last < pause || done == *first) return;
        *last = now;
        const double seconds = std::chrono::duration<double>(now - *start).count();
        context.note(fmt::format("{} of {} {}, about {} left", done, total, what,
                                 render::duration(seconds / static_cast<double>(done - *first) *
                                                  static_cast<double>(total - done))));
    };
}

int quality(const QualityOptions& options, Context& context) {
    const experiment::Spec spec = experiment::read_spec(read_text(options.spec, uint64_t{1} << 20),
                                                        printable(options.spec, 400));
    const Path ledger = options.ledger.empty() ? Path(options.spec).stem().concat(".ledger.jsonl")
                                               : Path(options.ledger);
    if (!context.run.progress && !context.quiet) tell_now_and_then(context.run, context);
    experiment::Outcome outcome;
    try {
        outcome = experiment::run_study(spec, options.data, ledger, context.run);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::interrupted && error.kind() != ErrorKind::limit) throw;
        throw Error(error.kind(),
                    fmt::format("{}; finished trainings are in {}: the same command continues",
                                error.what(), printable(ledger.string(), 400)));
    }
    clear_progress();
    print(fmt::format(
        "{}: {} trainings, {} of them found there; {} explanations\n"
        "this run: {} (threads together: training {}, explaining {}, measuring {})\n",
        ledger.string(), outcome.units, outcome.found, render::count(spec.explanations()),
        render::duration(outcome.seconds), render::duration(outcome.training),
        render::duration(outcome.explaining), render::duration(outcome.measuring)));
    return 0;
}

experiment::Study study_of(const std::string& path) {
    const experiment::Book book = experiment::read_book(path);
    return experiment::read_study(book.header, book.rows);
}

int report(const ReportOptions& options, const Context& context) {
    const Path output(options.output);
    if (output.extension() != ".md")
        throw Error(ErrorKind::usage,
                    "-o: the document is Markdown; give a name that ends with .md");
    check_places({options.output}, options.ledgers);
    const experiment::Study main = study_of(options.ledgers[0]);
    std::vector<experiment::Study> others;
    std::string command = "whence experiment report";
    for (const std::string& path : options.ledgers)
        command += " " + printable(Path(path).filename().string(), 100);
    for (size_t i = 1; i < options.ledgers.size(); ++i)
        others.push_back(study_of(options.ledgers[i]));
    const Path folder = output.stem();
    const experiment::Document document = experiment::report(
        main, others,
        {.folder = folder.string(), .command = command + " -o " + output.filename().string()},
        context.run);
    const Path figures = output.parent_path() / folder;
    std::filesystem::create_directories(figures);
    for (const experiment::Figure& figure : document.figures)
        write_file(figures / figure.file, figure.bytes);
    write_file(output, document.markdown);
    clear_progress();
    print(fmt::format("{} and {} figures in {}\n", output.string(), document.figures.size(),
                      figures.string()));
    return 0;
}

void add_quality(CLI::App& experiments, Context& context) {
    CLI::App* command = experiments.add_subcommand(
        "quality",
        "trains networks, explains their predictions, measures the explanations: a ledger");
    const auto options = std::make_shared<QualityOptions>();
    command->add_option("SPEC", options->spec, "what is done, as JSON")->type_name("")->required();
    command
        ->add_option("--ledger", options->ledger,
                     "file of the rows, continued where it exists (default: SPEC's name with "
                     ".ledger.jsonl, here)")
        ->type_name("FILE");
    command
        ->add_option("--data", options->data,
                     "folder that holds the data sets' folders (default: here)")
        ->type_name("DIR");
    command->footer(
        "\n  whence experiment quality examples/experiments/quality.json --data data --ledger "
        "quality.jsonl");
    command->callback([options, &context] {
        context.command = [options, &context] { return quality(*options, context); };
    });
}

void add_document(CLI::App& experiments, Context& context) {
    CLI::App* command =
        experiments.add_subcommand("report", "a document with figures from ledgers");
    const auto options = std::make_shared<ReportOptions>();
    command
        ->add_option("LEDGER", options->ledgers,
                     "the one that conclusions are drawn from, then others beside it")
        ->type_name("")
        ->required();
    command
        ->add_option("-o,--output", options->output,
                     "document.md; figures go to a folder of its name")
        ->type_name("FILE")
        ->required();
    command->footer("\n  whence experiment report quality.jsonl -o docs/studies/quality.md");
    command->callback([options, &context] {
        context.command = [options, &context] { return report(*options, context); };
    });
}

}  // namespace

void add_experiment(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("experiment", "studies over many trainings: run, continued, written up");
    command->require_subcommand(1);
    // A study ends when it is done; --time-limit, read after this, still counts.
    command->preparse_callback([&context](size_t) { context.time_limit = 0; });
    add_quality(*command, context);
    add_document(*command, context);
}

}  // namespace whence::cli

// whence clip classify, whence clip filter: labels in words, and how well they fit pictures.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "clip.h"
#include "outputs.h"
#include "progress.h"
#include "whence/clip/classify.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/render/facts.h"
#include "whence/render/number.h"

namespace whence::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    ClipModel model;
    std::vector<std::string> images, prompts;
    std::string labels, measure, nothing{clip::default_nothing};
    double threshold = 0.5;
    int64_t top = 5;
    std::vector<std::string> outputs;
    bool json = false;
};

void declare_labels(CLI::App& command, Options& options) {
    command.add_option("IMAGE", options.images, "pictures, or folders of them")->required()->type_name("");
    command.add_option("--labels", options.labels, "what may be seen, separated by commas")
        ->required()
        ->type_name("A,B,...");
    command
        .add_option("--prompt", options.prompts,
                    "what is said of a label, in place of {} (default \"a photo of a {}\"); may be repeated: "
                    "their mean")
        ->type_name("TEXT")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options.model.declare(command);
    command.add_flag("--json", options.json, "for programs");
}

clip::Judge judge_of(const clip::Pair& pair, const Options& options, clip::Measure measure,
                     const Context& context) {
    std::vector<std::string> prompts = options.prompts;
    if (prompts.empty()) prompts.emplace_back(clip::default_prompt);
    clip::Labels labels =
        clip::embed_labels(pair, split_names(options.labels), std::move(prompts), context.run);
    for (const std::string& text : labels.cut)
        context.note(fmt::format("'{}' has more than the {} tokens that the model reads: the rest was cut off",
                                 printable(text, 60), pair.context()));
    return {pair, std::move(labels), {.measure = measure, .nothing = options.nothing}, context.run};
}

/// Pictures, each with a number for every label.
struct Judged {
    std::vector<std::filesystem::path> files;
    std::vector<double> measures;  // [files, labels]
    std::vector<clip::Unreadable> unreadable;

    [[nodiscard]] const std::string* reason(size_t file) const {
        const auto found = std::ranges::find(unreadable, file, &clip::Unreadable::index);
        return found == unreadable.end() ? nullptr : &found->reason;
    }
};

Judged judged(const clip::Pair& pair, const clip::Judge& judge, const Options& options, const Context& context) {
    Judged out{.files = picture_files(options.images)};
    pair.embed_images(
        out.files.size(), [&](size_t i) { return data::read_image(out.files[i]); },
        [&](size_t, const clip::ImageEmbeddings& some) {
            const std::vector<double> measures = judge.measure(some.values);
            out.measures.insert(out.measures.end(), measures.begin(), measures.end());
            out.unreadable.insert(out.unreadable.end(), some.unreadable.begin(), some.unreadable.end());
        },
        context.run);
    clear_progress();
    if (out.unreadable.size() == out.files.size()) throw Error(ErrorKind::input, out.unreadable[0].reason);
    for (const clip::Unreadable& broken : out.unreadable) context.note("skipped: " + printable(broken.reason, 400));
    return out;
}

std::vector<size_t> strongest(std::span<const double> row) {
    std::vector<size_t> order(row.size());
    for (size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return row[a] > row[b]; });
    return order;
}

Json json_row(const clip::Judge& judge, std::span<const double> row) {
    Json out = Json::object();
    for (const size_t k : strongest(row)) out[judge.labels().names[k]] = row[k];
    return out;
}

Json json_head(const clip::Pair& pair, const clip::Judge& judge) {
    Json out = {{"model", pair.folder().string()},
                {"fingerprint", pair.fingerprint()},
                {"labels", judge.labels().names},
                {"prompts", judge.labels().prompts},
                {"measure", clip::name(judge.options().measure)}};
    if (judge.options().measure == clip::Measure::presence) out["nothing"] = judge.options().nothing;
    return out;
}

Json unreadable_json(const Judged& all) {
    Json out = Json::array();
    for (const clip::Unreadable& broken : all.unreadable)
        out.push_back({{"path", all.files[broken.index].string()}, {"reason", broken.reason}});
    return out;
}

std::string dumped(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::span<const double> row_of(const Judged& all, size_t file, size_t labels) {
    return std::span(all.measures).subspan(file * labels, labels);
}

// ---- classify -------------------------------------------------------------------------------

int classify(const Options& options, const Context& context) {
    const clip::Pair pair = options.model.open(context);
    const clip::Judge judge = judge_of(pair, options, clip::Measure::confidence, context);
    const Judged all = judged(pair, judge, options, context);
    const size_t labels = judge.labels().names.size();
    if (options.json) {
        Json out = json_head(pair, judge);
        out["images"] = Json::array();
        for (size_t i = 0; i < all.files.size(); ++i)
            if (!all.reason(i))
                out["images"].push_back({{"path", all.files[i].string()}, {"confidence", json_row(judge, row_of(all, i, labels))}});
        out["unreadable"] = unreadable_json(all);
        print(dumped(out));
        return 0;
    }
    for (size_t i = 0; i < all.files.size(); ++i) {
        if (all.reason(i)) continue;
        std::string text;
        if (all.files.size() > 1) text = render::clean(all.files[i].string(), 400) + "\n";
        const std::span<const double> row = row_of(all, i, labels);
        const std::vector<size_t> best = strongest(row);
        for (size_t k = 0; k < std::min(best.size(), static_cast<size_t>(options.top)); ++k)
            text += fmt::format("{}{:>8.4f}  {}\n", all.files.size() > 1 ? "  " : "", row[best[k]],
                                render::clean(judge.labels().names[best[k]], 100));
        print(text);
    }
    if (!all.unreadable.empty())
        context.note(fmt::format("{} of {} pictures could not be read", all.unreadable.size(), all.files.size()));
    return 0;
}

// ---- filter ---------------------------------------------------------------------------------

std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

/// The pictures over the threshold, a line each: path, labels found, and the measure of every label.
std::string manifest_csv(const clip::Judge& judge, const Judged& all, const std::vector<clip::Found>& found) {
    const std::vector<std::string>& names = judge.labels().names;
    std::string out = "path,found";
    for (const std::string& name : names) out += "," + csv_cell(name);
    out += "\n";
    for (size_t i = 0; i < found.size(); ++i) {
        if (found[i].labels.empty()) continue;
        std::string labels;
        for (const size_t k : found[i].labels) labels += (labels.empty() ? "" : ";") + names[k];
        out += csv_cell(all.files[i].string()) + "," + csv_cell(labels);
        for (const double value : row_of(all, i, names.size())) out += fmt::format(",{:.6g}", value);
        out += "\n";
    }
    return out;
}

std::string manifest_json(const clip::Pair& pair, const clip::Judge& judge, const Judged& all,
                          const std::vector<clip::Found>& found, double threshold) {
    const std::vector<std::string>& names = judge.labels().names;
    Json out = json_head(pair, judge);
    out["threshold"] = threshold;
    out["pictures"] = all.files.size();
    out["set_aside"] = Json::array();
    for (size_t i = 0; i < found.size(); ++i) {
        if (found[i].labels.empty()) continue;
        Json labels = Json::array();
        for (const size_t k : found[i].labels) labels.push_back(names[k]);
        out["set_aside"].push_back({{"path", all.files[i].string()},
                                    {"found", labels},
                                    {std::string(clip::name(judge.options().measure)), json_row(judge, row_of(all, i, names.size()))}});
    }
    out["unreadable"] = unreadable_json(all);
    return dumped(out);
}

int filter(const Options& options, const Context& context) {
    const clip::Measure measure = clip::parse_measure(options.measure.empty() ? "presence" : options.measure);
    if (!(std::abs(options.threshold) <= 1))
        throw Error(ErrorKind::usage, fmt::format("--threshold {}: from 0 to 1, of cosines from -1", options.threshold));
    for (const std::string& path : options.outputs)
        if (!path.ends_with(".json") && !path.ends_with(".csv"))
            throw Error(ErrorKind::usage, "cannot write " + printable(path, 400) + ": a manifest is .json or .csv");
    check_places(options.outputs, options.images);
    const clip::Pair pair = options.model.open(context);
    const clip::Judge judge = judge_of(pair, options, measure, context);
    const Judged all = judged(pair, judge, options, context);
    const std::vector<std::string>& names = judge.labels().names;
    const std::vector<clip::Found> found = clip::above(all.measures, names.size(), options.threshold);
    if (context.run.stop.stop_requested()) context.run.check();
    for (const std::string& path : options.outputs)
        write_file(path, path.ends_with(".csv") ? manifest_csv(judge, all, found)
                                                : manifest_json(pair, judge, all, found, options.threshold));
    if (options.json) {
        print(manifest_json(pair, judge, all, found, options.threshold));
        return 0;
    }
    size_t aside = 0;
    std::string text;
    for (size_t i = 0; i < found.size(); ++i) {
        if (found[i].labels.empty()) continue;
        ++aside;
        text += render::clean(all.files[i].string(), 400) + " ";
        for (const size_t k : found[i].labels)
            text += fmt::format(" {} {:.3f}{}", render::clean(names[k], 60), row_of(all, i, names.size())[k],
                                k == found[i].labels.back() ? "" : ",");
        text += "\n";
    }
    text += fmt::format("{} of {} pictures at or over {} {}{}\n", aside, all.files.size(), clip::name(measure),
                        render::number(options.threshold, 4),
                        all.unreadable.empty() ? "" : fmt::format("; {} could not be read", all.unreadable.size()));
    print(text);
    return 0;
}

}  // namespace

void add_clip_classify(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand("classify", "which of some labels fits a picture best, with confidences");
    const auto options = std::make_shared<Options>();
    declare_labels(*command, *options);
    command->add_option("--top", options->top, "labels to show (default 5)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
    command->footer("\n  whence clip classify examples/data/cat.png --labels cat,dog,ship");
    command->callback([options, &context] {
        context.command = [options, &context] { return classify(*options, context); };
    });
}

void add_clip_filter(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand(
        "filter", "which labels are in each of many pictures; those over a threshold are listed in a manifest");
    const auto options = std::make_shared<Options>();
    declare_labels(*command, *options);
    command->add_option("--threshold", options->threshold, "from which a label counts as found (default 0.5)")
        ->type_name("T");
    command
        ->add_option("--measure", options->measure,
                     "presence (default: each label against a text that names nothing), confidence (the labels "
                     "compete, as in classify) or cosine")
        ->type_name("M");
    command->add_option("--nothing", options->nothing, "of presence: the text that names nothing (default \"a photo of a\")")
        ->type_name("TEXT");
    command
        ->add_option("-o,--output", options->outputs,
                     "manifest to write, .json or .csv; may be repeated. Pictures stay where they are")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->footer("\n  whence clip filter photos/ --labels cat,dog --threshold 0.9 -o found.csv");
    command->callback([options, &context] {
        context.command = [options, &context] { return filter(*options, context); };
    });
}

}  // namespace whence::cli

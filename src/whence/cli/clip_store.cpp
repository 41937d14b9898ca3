// whence clip index, search, remove, compact: stores of embeddings.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "clip.h"
#include "progress.h"
#include "whence/clip/index.h"
#include "whence/clip/search.h"
#include "whence/core/error.h"
#include "whence/data/csv.h"
#include "whence/render/facts.h"

namespace whence::cli {
namespace {

using Path = std::filesystem::path;
using Json = nlohmann::ordered_json;
using store::Found;
using store::Kind;

constexpr size_t broken_told = 20;

std::vector<Path> paths_of(const std::vector<std::string>& names) {
    return {names.begin(), names.end()};
}

// ---- index ----------------------------------------------------------------------------------

struct IndexCommand {
    ClipModel model;
    std::vector<std::string> places;
    std::string store, captions;
    bool prune = false;
};

std::string counted(int64_t count, const char* what) {
    return count == 0 ? "" : fmt::format(", {} {}", count, what);
}

std::string summary(const clip::Indexed& done) {
    const int64_t pictures = done.added + done.replaced + done.unchanged;
    const int64_t captions = done.captions_added + done.captions_unchanged;
    std::string out = fmt::format(
        "{} pictures: {} new{}{}{}{}\n", pictures, done.added, counted(done.replaced, "changed"),
        counted(done.unchanged, "as they were"), counted(done.removed, "removed"),
        counted(std::ssize(done.broken), "more could not be read"));
    if (captions + done.captions_removed > 0)
        out += fmt::format("{} captions: {} new{}{}{}\n", captions, done.captions_added,
                           counted(done.captions_unchanged, "as they were"),
                           counted(done.captions_removed, "removed"),
                           counted(done.captions_cut, "longer than the model reads and cut"));
    return out;
}

int index(const IndexCommand& options, const Context& context) {
    if (options.places.empty() && options.captions.empty())
        throw Error(ErrorKind::usage, "give DIR, folders or files of pictures, or --captions FILE");
    std::vector<clip::Caption> captions;
    if (!options.captions.empty()) captions = clip::read_captions(options.captions);
    const clip::Pair pair = options.model.open(context);
    const clip::Indexed done = clip::index(pair, paths_of(options.places), captions, options.store,
                                           {.prune = options.prune}, context.run);
    clear_progress();
    for (size_t i = 0; i < done.broken.size() && i < broken_told; ++i)
        context.note("left out: " + printable(done.broken[i], 400));
    if (done.broken.size() > broken_told)
        context.note(fmt::format("left out: {} more", done.broken.size() - broken_told));
    print(summary(done));
    return 0;
}

// ---- search ---------------------------------------------------------------------------------

struct SearchCommand {
    ClipModel model;
    std::string store, text, image, kind = "image";
    int64_t k = 10;
    bool exact = false, json = false, csv = false;
};

std::string as_table(const std::vector<Found>& found) {
    std::string out;
    for (size_t i = 0; i < found.size(); ++i) {
        const store::Item& item = found[i].item;
        const bool text = item.kind == Kind::text;
        std::string line =
            fmt::format("{:>4}  {:7.4f}  ", i + 1, found[i].score) +
            (text ? "\"" + render::clean(item.caption, 200) + "\"" : render::clean(item.path, 400));
        if (text && !item.path.empty()) line += "  " + render::clean(item.path, 400);
        if (!text && !item.caption.empty())
            line += "  \"" + render::clean(item.caption, 200) + "\"";
        out += line + "\n";
    }
    return out;
}

std::string as_json(const std::vector<Found>& found) {
    Json list = Json::array();
    for (const Found& one : found) {
        Json entry = {{"score", one.score},
                      {"kind", store::name(one.item.kind)},
                      {"path", one.item.path},
                      {"caption", one.item.caption},
                      {"id", one.item.id}};
        if (one.item.kind == Kind::image) {
            entry["width"] = one.item.width;
            entry["height"] = one.item.height;
            entry["bytes"] = one.item.bytes;
        }
        list.push_back(std::move(entry));
    }
    return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_csv(const std::vector<Found>& found) {
    std::string out = data::csv_line(std::vector<std::string>{"score", "kind", "path", "caption"});
    for (const Found& one : found)
        out += data::csv_line(std::vector<std::string>{fmt::format("{:.6f}", one.score),
                                                       std::string(store::name(one.item.kind)),
                                                       one.item.path, one.item.caption});
    return out;
}

int search(const SearchCommand& options, const Context& context) {
    if (options.text.empty() == options.image.empty())
        throw Error(ErrorKind::usage, "give what to look for: a text, or --image FILE");
    if (options.json && options.csv) throw Error(ErrorKind::usage, "--json or --csv, not both");
    store::Store there(options.store);
    ClipModel model = options.model;
    if (model.folder.empty()) model.folder = there.identity().model;
    clip::Search search(model.open(context), std::move(there));
    const store::SearchOptions wanted{.kind = options.kind == "text" ? Kind::text : Kind::image,
                                      .k = options.k,
                                      .exact = options.exact};
    const std::vector<Found> found =
        options.image.empty() ? search.text(options.text, wanted, context.run)
                              : search.image(data::read_image(options.image), wanted, context.run);
    clear_progress();
    for (const std::string& note : search.store().notes()) context.note(printable(note, 600));
    if (found.empty())
        context.note(fmt::format("this store holds no {}s", store::name(wanted.kind)));
    print(options.json ? as_json(found) : options.csv ? as_csv(found) : as_table(found));
    return 0;
}

// ---- remove, compact ------------------------------------------------------------------------

struct RemoveCommand {
    std::string store;
    std::vector<std::string> paths, texts;
};

int remove(const RemoveCommand& options, const Context& context) {
    if (options.paths.empty() && options.texts.empty())
        throw Error(ErrorKind::usage, "give PATH, pictures or folders, or --text CAPTION");
    store::Writer writer(options.store);
    std::vector<Path> missing;
    int64_t removed = clip::remove_pictures(writer, paths_of(options.paths), missing);
    std::vector<int64_t> ids;
    writer.each(Kind::text, [&](const store::Item& item) {
        if (std::ranges::find(options.texts, item.caption) != options.texts.end())
            ids.push_back(item.id);
    });
    removed += writer.remove(ids);
    for (const Path& path : missing)
        context.note(printable(path.string(), 400) + ": not in this store");
    print(fmt::format("{} removed\n", removed));
    return 0;
}

int compact(const std::string& folder, const Context& context) {
    store::Writer writer(folder);
    int64_t gone = 0;
    for (const Kind kind : {Kind::image, Kind::text}) gone += writer.counts(kind).removed;
    writer.compact(context.run);
    clear_progress();
    print(fmt::format("room of {} removed vectors given back\n", gone));
    return 0;
}

}  // namespace

void add_clip_index(CLI::App& clip, Context& context) {
    CLI::App* command =
        clip.add_subcommand("index", "embeddings of pictures and captions into a store");
    const auto o = std::make_shared<IndexCommand>();
    command->add_option("DIR", o->places, "folders (with all below them) and files of pictures")
        ->type_name("");
    command->add_option("-o,--output", o->store, "folder of the store; begun where there is none")
        ->required()
        ->type_name("STORE");
    command
        ->add_option("--captions", o->captions,
                     "texts to search for: a CSV with a column caption, and path where they belong "
                     "to pictures; or a caption in each line")
        ->type_name("FILE");
    command->add_flag("--prune", o->prune,
                      "remove from the store what the folders, or the captions, no longer have");
    o->model.declare(*command);
    command->footer(
        "\nUnchanged pictures are not embedded again. Ctrl-C keeps what is done.\n\n"
        "  whence clip index photos -o photos.store\n"
        "  whence clip index photos -o photos.store --captions captions.csv --prune");
    command->callback(
        [o, &context] { context.command = [o, &context] { return index(*o, context); }; });
}

void add_clip_search(CLI::App& clip, Context& context) {
    CLI::App* command =
        clip.add_subcommand("search", "the pictures or captions of a store that fit best");
    const auto o = std::make_shared<SearchCommand>();
    command->add_option("STORE", o->store, "folder of the store")->required()->type_name("");
    command->add_option("TEXT", o->text, "what to look for")->type_name("");
    command->add_option("--image", o->image, "a picture to look for")->type_name("FILE");
    command->add_option("--kind", o->kind, "find image (default) or text")
        ->type_name("KIND")
        ->check(CLI::IsMember({"image", "text"}));
    command->add_option("-k", o->k, "how many (default 10)")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
    command->add_flag("--exact", o->exact, "a full scan, also where there is a graph");
    command->add_flag("--json", o->json, "for programs");
    command->add_flag("--csv", o->csv, "for tables");
    o->model.declare(*command);
    command->footer(
        "\nThe model is the one the store was made with, unless --model says where it is now.\n\n"
        "  whence clip search photos.store \"a dog on a beach\"\n"
        "  whence clip search photos.store --image dog.jpg -k 5\n"
        "  whence clip search photos.store --image dog.jpg --kind text");
    command->callback(
        [o, &context] { context.command = [o, &context] { return search(*o, context); }; });
}

void add_clip_remove(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand("remove", "take pictures or captions out of a store");
    const auto o = std::make_shared<RemoveCommand>();
    command->add_option("STORE", o->store, "folder of the store")->required()->type_name("");
    command->add_option("PATH", o->paths, "pictures, or folders of them; the files are left alone")
        ->type_name("");
    command->add_option("--text", o->texts, "a caption; may be repeated")
        ->type_name("CAPTION")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->footer("\n  whence clip remove photos.store photos/2019");
    command->callback(
        [o, &context] { context.command = [o, &context] { return remove(*o, context); }; });
}

void add_clip_compact(CLI::App& clip, Context& context) {
    CLI::App* command = clip.add_subcommand(
        "compact", "write a store anew without what was removed; mends its codes and graphs");
    const auto folder = std::make_shared<std::string>();
    command->add_option("STORE", *folder, "folder of the store")->required()->type_name("");
    command->footer("\n  whence clip compact photos.store");
    command->callback([folder, &context] {
        context.command = [folder, &context] { return compact(*folder, context); };
    });
}

}  // namespace whence::cli

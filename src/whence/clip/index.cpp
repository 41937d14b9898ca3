#include "whence/clip/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"
#include "whence/data/csv_reader.h"
#include "whence/data/image.h"

namespace whence::clip {
namespace {

using Path = std::filesystem::path;
using Clock = std::chrono::steady_clock;
using store::Entry;
using store::Item;
using store::Kind;

constexpr size_t captions_at_once = 256;
// Making what was embedded last takes the disk some 15 ms, whatever it is.
constexpr auto commit_after = std::chrono::seconds(1);

Path full_path(const Path& path) {
    return std::filesystem::absolute(path).lexically_normal();
}

bool is_picture(const Path& path) {
    std::string ending = path.extension().string();
    for (char& c : ending)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

std::vector<Path> pictures_of(std::span<const Path> places) {
    std::vector<Path> out;
    for (const Path& place : places) {
        std::error_code error;
        if (std::filesystem::is_regular_file(place, error)) {
            out.push_back(full_path(place));
            continue;
        }
        const auto options = std::filesystem::directory_options::skip_permission_denied;
        std::filesystem::recursive_directory_iterator at(place, options, error), end;
        for (; !error && at != end; at.increment(error)) {
            std::error_code gone;  // taken away while we look
            if (is_picture(at->path()) && at->is_regular_file(gone))
                out.push_back(full_path(at->path()));
        }
        if (error)
            throw Error(ErrorKind::io,
                        fmt::format("{}: cannot be read: {}", printable(place.string(), 400),
                                    error.message()));
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

bool below(const std::string& path, const Path& folder) {
    std::string root = folder.string();
    if (!root.ends_with('/')) root += '/';
    return path.starts_with(root);
}

// Size and time of the file as it is now; hash and pixels are found when it is read.
Entry state_of(const Path& path) {
    std::error_code error;
    Entry entry{.path = path.string()};
    entry.bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
    entry.modified = std::filesystem::last_write_time(path, error).time_since_epoch().count();
    return entry;
}

class Indexing {
  public:
    Indexing(const Pair& pair, const Path& folder, const IndexOptions& options, const Run& run)
        : pair_(pair),
          options_(options),
          run_(run),
          writer_(folder,
                  {.fingerprint = pair.fingerprint(),
                   .model = full_path(pair.folder()).string(),
                   .width = pair.width()},
                  options.writer) {}

    void pictures(std::span<const Path> places);
    void captions(std::span<const Caption> captions);
    Indexed finish() {
        writer_.finish(run_);
        return std::move(report_);
    }

  private:
    [[nodiscard]] std::vector<Entry> fresh(std::span<const Path> files);
    void keep(std::vector<Entry>& entries, size_t first, const ImageEmbeddings& embeddings);
    void commit();
    void prune(std::span<const Path> places, std::span<const Path> files);

    const Pair& pair_;
    const IndexOptions& options_;
    const Run& run_;
    store::Writer writer_;
    Indexed report_;
    std::vector<Entry> waiting_;
    std::vector<float> waiting_vectors_;
    Clock::time_point committed_ = Clock::now();
};

// The pictures that the store does not have as they are now.
std::vector<Entry> Indexing::fresh(std::span<const Path> files) {
    std::vector<Entry> out;
    std::vector<Item> touched;
    for (const Path& file : files) {
        run_.check();
        Entry now = state_of(file);
        std::optional<Item> there = writer_.find(Kind::image, now.path);
        if (!there || there->bytes != now.bytes) {
            out.push_back(std::move(now));
            continue;
        }
        if (there->modified != now.modified) {
            std::string hash;
            try {
                hash = sha256_of_file(file);
            } catch (const Error&) {
                // Unreadable now: it is told with the broken ones.
            }
            if (hash != there->hash) {
                out.push_back(std::move(now));
                continue;
            }
            there->modified = now.modified;
            touched.push_back(std::move(*there));
        }
        ++report_.unchanged;
    }
    if (!touched.empty()) writer_.restate(touched);
    return out;
}

void Indexing::pictures(std::span<const Path> places) {
    const std::vector<Path> files = pictures_of(places);
    std::vector<Entry> entries = fresh(files);
    const auto read = [&](size_t index) {
        Entry& entry = entries[index];
        const std::vector<std::byte> bytes = read_file(entry.path);
        data::Image image = data::decode_image(bytes, printable(entry.path, 400));
        entry.hash = sha256(bytes);
        entry.bytes = static_cast<int64_t>(bytes.size());
        entry.width = image.width;
        entry.height = image.height;
        return image;
    };
    try {
        pair_.embed_images(
            entries.size(), read,
            [&](size_t first, const ImageEmbeddings& embeddings) {
                keep(entries, first, embeddings);
            },
            run_);
    } catch (...) {
        commit();  // what was embedded until now stays
        throw;
    }
    commit();
    if (options_.prune) prune(places, files);
}

void Indexing::keep(std::vector<Entry>& entries, size_t first, const ImageEmbeddings& embeddings) {
    for (const Unreadable& one : embeddings.unreadable) report_.broken.push_back(one.reason);
    const auto width = static_cast<size_t>(pair_.width());
    const std::span<const float> values = embeddings.values.as<float>();
    auto unreadable = embeddings.unreadable.begin();
    for (size_t i = 0; i * width < values.size(); ++i) {
        if (unreadable != embeddings.unreadable.end() && unreadable->index == first + i) {
            ++unreadable;
            continue;
        }
        waiting_.push_back(std::move(entries[first + i]));
        const std::span<const float> vector = values.subspan(i * width, width);
        waiting_vectors_.insert(waiting_vectors_.end(), vector.begin(), vector.end());
    }
    if (Clock::now() - committed_ >= commit_after) commit();
}

void Indexing::commit() {
    if (waiting_.empty()) return;
    const int64_t replaced =
        writer_.put(Kind::image, waiting_, waiting_vectors_, {.threads = run_.threads});
    report_.replaced += replaced;
    report_.added += std::ssize(waiting_) - replaced;
    waiting_.clear();
    waiting_vectors_.clear();
    committed_ = Clock::now();
}

void Indexing::prune(std::span<const Path> places, std::span<const Path> files) {
    std::vector<int64_t> pictures, texts;
    std::set<std::string> gone;
    writer_.each(Kind::image, [&](const Item& item) {
        const bool ours = std::ranges::any_of(
            places, [&](const Path& place) { return below(item.path, full_path(place)); });
        if (!ours || std::ranges::binary_search(files, Path(item.path))) return;
        pictures.push_back(item.id);
        gone.insert(item.path);
    });
    writer_.each(Kind::text, [&](const Item& item) {
        if (gone.contains(item.path)) texts.push_back(item.id);
    });
    report_.removed += writer_.remove(pictures);
    report_.captions_removed += writer_.remove(texts);
}

void Indexing::captions(std::span<const Caption> captions) {
    std::vector<Entry> entries;
    std::set<std::pair<std::string, std::string>> wanted;
    for (const Caption& caption : captions) {
        const std::string picture =
            caption.picture.empty() ? "" : full_path(caption.picture).string();
        if (!wanted.emplace(picture, caption.text).second) continue;
        if (writer_.find(Kind::text, picture, caption.text))
            ++report_.captions_unchanged;
        else
            entries.push_back({.path = picture, .caption = caption.text});
    }
    for (size_t first = 0; first < entries.size(); first += captions_at_once) {
        run_.check();
        const auto some =
            std::span(entries).subspan(first, std::min(captions_at_once, entries.size() - first));
        std::vector<std::string> texts;
        for (const Entry& entry : some) texts.push_back(entry.caption);
        const TextEmbeddings embeddings = pair_.embed_texts(texts, run_);
        report_.captions_cut += std::ssize(embeddings.cut);
        writer_.put(Kind::text, some, embeddings.values.as<float>(), {.threads = run_.threads});
        report_.captions_added += std::ssize(some);
        run_.report("captions", static_cast<int64_t>(first + some.size()), std::ssize(entries));
    }
    if (!options_.prune) return;
    std::vector<int64_t> gone;
    writer_.each(Kind::text, [&](const Item& item) {
        if (!wanted.contains({item.path, item.caption})) gone.push_back(item.id);
    });
    report_.captions_removed += writer_.remove(gone);
}

bool among(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

std::vector<Caption> read_table(const Path& file) {
    FileReader bytes(file);
    data::CsvReader reader(bytes);
    std::optional<size_t> path, text;
    for (size_t i = 0; i < reader.header().size(); ++i) {
        const std::string& name = reader.header()[i];
        if (!text && among(name, {"caption", "text"})) text = i;
        if (!path && among(name, {"path", "file", "filename", "image"})) path = i;
    }
    if (!text) reader.fail("the header has no column \"caption\" (or \"text\")");
    std::vector<Caption> out;
    std::vector<std::string_view> cells;
    while (reader.next(cells)) {
        if (cells[*text].empty()) continue;
        Caption caption{.text = std::string(cells[*text])};
        if (path && !cells[*path].empty()) caption.picture = file.parent_path() / cells[*path];
        out.push_back(std::move(caption));
    }
    return out;
}

}  // namespace

std::vector<Caption> read_captions(const Path& file) {
    if (file.extension() == ".csv" || file.extension() == ".tsv") return read_table(file);
    const std::string text = read_text(file);
    std::vector<Caption> out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty()) out.push_back({.text = std::move(line)});
        at = end + 1;
    }
    return out;
}

Indexed index(const Pair& pair, std::span<const Path> places, std::span<const Caption> captions,
              const Path& folder, const IndexOptions& options, const Run& run) {
    Indexing indexing(pair, folder, options, run);
    if (!places.empty()) indexing.pictures(places);
    if (!captions.empty()) indexing.captions(captions);
    return indexing.finish();
}

int64_t remove_pictures(store::Writer& writer, std::span<const Path> paths,
                        std::vector<Path>& missing) {
    std::vector<int64_t> ids;
    for (const Path& path : paths) {
        const Path full = full_path(path);
        const size_t before_it = ids.size();
        const auto take = [&](const Item& item) {
            if (item.path == full.string() || below(item.path, full)) ids.push_back(item.id);
        };
        writer.each(Kind::image, take);
        writer.each(Kind::text, take);
        if (ids.size() == before_it) missing.push_back(path);
    }
    return writer.remove(ids);
}

}  // namespace whence::clip

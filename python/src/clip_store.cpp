#include "clip_store.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <map>
#include <memory>

#include "arrays.h"
#include "interrupt.h"
#include "whence/clip/index.h"
#include "whence/clip/search.h"
#include "whence/core/error.h"

namespace whence::python {
namespace {

using Path = std::filesystem::path;
using store::Entry;
using store::Found;
using store::Item;
using store::Kind;

Kind kind_of(const std::string& name) {
    for (const Kind kind : {Kind::image, Kind::text})
        if (name == store::name(kind)) return kind;
    throw Error(ErrorKind::usage, "kind must be 'image' or 'text', not '" + printable(name) + "'");
}

// Rows of float32: an array [width] or [rows, width].
struct Rows {
    Tensor values;
    int64_t count = 1;
};

Rows rows_of(nb::handle object, const char* what) {
    Rows out{.values = to_tensor(object, what).cast(ElementType::float32)};
    if (out.values.rank() != 1 && out.values.rank() != 2)
        throw Error(ErrorKind::input, std::string(what) + " must be an array [width] or [rows, width]");
    if (out.values.rank() == 2) out.count = out.values.shape()[0];
    return out;
}

nb::object array_of(std::span<const float> values, std::vector<int64_t> shape) {
    Tensor out(ElementType::float32, std::move(shape));
    std::ranges::copy(values, out.as<float>().begin());
    return to_numpy(std::move(out));
}

// A store, and its model once something is looked for that has to be embedded.
class PythonStore {
  public:
    explicit PythonStore(const Path& folder, std::optional<Path> model)
        : model_folder_(std::move(model)), store_(folder) {}

    store::Store& store() { return search_ ? search_->store() : store_; }

    std::vector<Found> search(const std::optional<std::string>& text, const std::optional<Path>& image,
                              const std::optional<nb::object>& embedding,
                              const store::SearchOptions& options, int threads) {
        if (text.has_value() + image.has_value() + embedding.has_value() != 1)
            throw Error(ErrorKind::usage, "give what to look for: text, image or embedding, one of them");
        std::optional<Rows> rows;
        if (embedding) rows = rows_of(*embedding, "embedding");
        if (rows && rows->values.rank() != 1)
            throw Error(ErrorKind::input, "embedding must be an array [width]; nearest() takes many");
        std::vector<Found> found;
        run_without_gil({.threads = threads}, pace_, 1, [&](const Run& run) {
            if (rows) {
                found = store().search(rows->values.as<float>(), options, run);
                return;
            }
            load(run);
            found = text ? search_->text(*text, options, run)
                         : search_->image(data::read_image(*image), options, run);
        });
        return found;
    }

    store::Nearest nearest(const Rows& rows, const store::SearchOptions& options, int threads) {
        store::Nearest out;
        run_without_gil({.threads = threads}, pace_, rows.count, [&](const Run& run) {
            out = store().nearest(rows.values.as<float>(), rows.count, options, run);
        });
        return out;
    }

  private:
    void load(const Run& run) {
        if (search_) return;
        clip::Pair pair =
            clip::Pair::load(model_folder_.value_or(store_.identity().model), run.threads, run);
        store_.require(pair.fingerprint());
        search_ = std::make_unique<clip::Search>(std::move(pair), std::move(store_));
    }

    std::optional<Path> model_folder_;
    store::Store store_;
    std::unique_ptr<clip::Search> search_;
    Pace pace_;
};

nb::dict counts_of(PythonStore& self, const std::string& kind) {
    const store::Counts counts = self.store().counts(kind_of(kind));
    nb::dict out;
    out["items"] = counts.items;
    out["removed"] = counts.removed;
    out["in_graph"] = counts.in_graph;
    return out;
}

nb::dict index(const std::vector<Path>& places, const Path& folder, const Path& model,
               const std::vector<std::pair<Path, std::string>>& captions, bool prune, int threads,
               nb::object progress) {
    std::vector<clip::Caption> list;
    for (const auto& [picture, text] : captions) list.push_back({picture, text});
    clip::Indexed done;
    Pace pace;
    pace.stay_beside();
    run_without_gil({.threads = threads, .progress = std::move(progress)}, pace, 1,
                    [&](const Run& run) {
                        const clip::Pair pair = clip::Pair::load(model, threads, run);
                        done = clip::index(pair, places, list, folder, {.prune = prune}, run);
                    });
    nb::dict out;
    out["added"] = done.added;
    out["replaced"] = done.replaced;
    out["unchanged"] = done.unchanged;
    out["removed"] = done.removed;
    out["captions_added"] = done.captions_added;
    out["captions_unchanged"] = done.captions_unchanged;
    out["captions_removed"] = done.captions_removed;
    out["captions_cut"] = done.captions_cut;
    out["broken"] = done.broken;
    return out;
}

// One who writes embeddings that were made elsewhere.
class PythonWriter {
  public:
    PythonWriter(const Path& folder, const std::string& fingerprint, int64_t width,
                 const std::string& model, int64_t graph_from)
        : writer_(std::make_unique<store::Writer>(
              folder,
              store::Identity{.fingerprint = fingerprint, .model = model, .width = width},
              store::WriterOptions{.graph_from = graph_from})) {}

    store::Writer& open() {
        if (!writer_) throw Error(ErrorKind::usage, "this writer is closed");
        return *writer_;
    }
    void close() { writer_.reset(); }

    int64_t put(const std::string& kind, const std::vector<std::string>& paths, nb::handle embeddings,
                const std::vector<std::string>& captions, int threads) {
        const Rows rows = rows_of(embeddings, "embeddings");
        if (!captions.empty() && captions.size() != paths.size())
            throw Error(ErrorKind::input, "there must be as many captions as paths, or none");
        std::vector<Entry> entries;
        for (size_t i = 0; i < paths.size(); ++i)
            entries.push_back({.path = paths[i], .caption = captions.empty() ? "" : captions[i]});
        int64_t replaced = 0;
        run_without_gil({.threads = threads}, pace_, std::ssize(paths), [&](const Run& run) {
            replaced = open().put(kind_of(kind), entries, rows.values.as<float>(), run);
        });
        return replaced;
    }
    void finish(int threads) {
        run_without_gil({.threads = threads}, pace_, 1, [&](const Run& run) { open().finish(run); });
    }
    void compact(int threads) {
        run_without_gil({.threads = threads}, pace_, 1, [&](const Run& run) { open().compact(run); });
    }

  private:
    std::unique_ptr<store::Writer> writer_;
    Pace pace_;
};

}  // namespace

void bind_clip_store(nb::module_& module) {
    nb::class_<Found>(module, "Found")
        .def_prop_ro("id", [](const Found& self) { return self.item.id; })
        .def_prop_ro("kind", [](const Found& self) { return std::string(store::name(self.item.kind)); })
        .def_prop_ro("path", [](const Found& self) { return self.item.path; })
        .def_prop_ro("caption", [](const Found& self) { return self.item.caption; })
        .def_prop_ro("score", [](const Found& self) { return self.score; })
        .def_prop_ro("width", [](const Found& self) { return self.item.width; })
        .def_prop_ro("height", [](const Found& self) { return self.item.height; })
        .def_prop_ro("bytes", [](const Found& self) { return self.item.bytes; })
        .def_prop_ro("embedding",
                     [](const Found& self) -> nb::object {
                         if (self.embedding.empty()) return nb::none();
                         return array_of(self.embedding, {std::ssize(self.embedding)});
                     })
        .def("__repr__", [](const Found& self) {
            const std::string& what = self.item.kind == Kind::text ? self.item.caption : self.item.path;
            return "<whence.clip.Found " + std::to_string(self.score) + " " + printable(what, 200) + ">";
        });
    nb::class_<PythonStore>(module, "Store")
        .def(nb::init<const Path&, std::optional<Path>>(), nb::arg("folder"), nb::arg("model") = nb::none())
        .def_prop_ro("fingerprint", [](PythonStore& self) { return self.store().identity().fingerprint; })
        .def_prop_ro("model", [](PythonStore& self) { return self.store().identity().model; })
        .def_prop_ro("width", [](PythonStore& self) { return self.store().identity().width; })
        .def_prop_ro("notes", [](PythonStore& self) { return self.store().notes(); })
        .def("counts", &counts_of, nb::arg("kind") = "image")
        .def(
            "search",
            [](PythonStore& self, std::optional<std::string> text, std::optional<Path> image,
               std::optional<nb::object> embedding, const std::string& kind, int64_t k, bool exact,
               int64_t effort, bool embeddings, int threads) {
                return self.search(text, image, embedding,
                                   {.kind = kind_of(kind), .k = k, .exact = exact, .effort = effort,
                                    .embeddings = embeddings},
                                   threads);
            },
            nb::arg("text") = nb::none(), nb::kw_only(), nb::arg("image") = nb::none(),
            nb::arg("embedding") = nb::none(), nb::arg("kind") = "image", nb::arg("k") = 10,
            nb::arg("exact") = false, nb::arg("effort") = 0, nb::arg("embeddings") = false,
            nb::arg("threads") = 0)
        .def(
            "nearest",
            [](PythonStore& self, nb::handle embeddings, const std::string& kind, int64_t k, bool exact,
               int64_t effort, int threads) {
                const Rows rows = rows_of(embeddings, "embeddings");
                store::Nearest found = self.nearest(
                    rows, {.kind = kind_of(kind), .k = k, .exact = exact, .effort = effort}, threads);
                Tensor ids(ElementType::int64, {rows.count, k});
                std::ranges::copy(found.ids, ids.as<int64_t>().begin());
                return nb::make_tuple(to_numpy(std::move(ids)), array_of(found.scores, {rows.count, k}));
            },
            nb::arg("embeddings"), nb::kw_only(), nb::arg("kind") = "image", nb::arg("k") = 10,
            nb::arg("exact") = false, nb::arg("effort") = 0, nb::arg("threads") = 0);
    nb::class_<PythonWriter>(module, "Writer")
        .def(nb::init<const Path&, const std::string&, int64_t, const std::string&, int64_t>(),
             nb::arg("folder"), nb::kw_only(), nb::arg("fingerprint"), nb::arg("width"),
             nb::arg("model") = "", nb::arg("graph_from") = store::WriterOptions{}.graph_from)
        .def("put", &PythonWriter::put, nb::arg("kind"), nb::arg("paths"), nb::arg("embeddings"),
             nb::kw_only(), nb::arg("captions") = std::vector<std::string>{}, nb::arg("threads") = 0)
        .def("remove", [](PythonWriter& self, const std::vector<int64_t>& ids) { return self.open().remove(ids); },
             nb::arg("ids"))
        .def("finish", &PythonWriter::finish, nb::kw_only(), nb::arg("threads") = 0)
        .def("compact", &PythonWriter::compact, nb::kw_only(), nb::arg("threads") = 0)
        .def("close", &PythonWriter::close)
        .def("__enter__", [](nb::handle self) { return nb::borrow(self); })
        .def("__exit__", [](PythonWriter& self, nb::args) { self.close(); });
    module.def("clip_index", &index, nb::arg("places"), nb::arg("store"), nb::arg("model"),
               nb::arg("captions"), nb::arg("prune"), nb::arg("threads"), nb::arg("progress").none());
}

}  // namespace whence::python

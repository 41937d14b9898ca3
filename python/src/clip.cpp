#include "clip.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "input.h"
#include "whence/clip/classify.h"
#include "whence/clip/pair.h"
#include "whence/core/error.h"

namespace whence::python {
namespace {

/// The pair, and how long its calls take.
struct ClipPair {
    explicit ClipPair(clip::Pair loaded) : pair(std::move(loaded)) {}
    clip::Pair pair;
    Pace embedding;
};

std::shared_ptr<ClipPair> load(const std::string& path, int threads) {
    std::shared_ptr<ClipPair> out;
    Pace pace;
    run_without_gil({}, pace, 1, [&](const Run& run) {
        out = std::make_shared<ClipPair>(clip::Pair::load(path, threads, run));
    });
    return out;
}

// 8-bit pixels [H, W], [H, W, 1] or [H, W, 3].
data::Image to_picture(nb::handle object) {
    const Tensor array = to_tensor(object, "the picture");
    const Shape& shape = array.shape();
    const bool flat = shape.size() == 2, colours = shape.size() == 3 && (shape[2] == 1 || shape[2] == 3);
    if (array.type() != ElementType::uint8 || (!flat && !colours) || array.size() == 0)
        throw Error(ErrorKind::input, "a picture is a file or an array of uint8 [height, width, 3], not " +
                                          std::string(name(array.type())) + " " + to_string(shape));
    const std::span<const uint8_t> pixels = array.as<uint8_t>();
    return {.height = shape[0], .width = shape[1], .channels = flat ? 1 : shape[2], .pixels = {pixels.begin(), pixels.end()}};
}

/// Files and arrays, in the order in which they were given.
struct Pictures {
    explicit Pictures(const nb::list& given) {
        for (const nb::handle one : given) {
            if (const auto file = path_of(nb::borrow(one))) {
                files.emplace_back(*file);
                arrays.emplace_back();
            } else {
                files.emplace_back();
                arrays.push_back(to_picture(one));
            }
        }
    }
    [[nodiscard]] data::Image read(size_t i) const { return files[i].empty() ? arrays[i] : data::read_image(files[i]); }
    std::vector<std::filesystem::path> files;
    std::vector<data::Image> arrays;
};

nb::object embed_images(ClipPair& self, const nb::list& images, std::optional<double> time_limit) {
    const Pictures pictures(images);
    const auto count = static_cast<int64_t>(pictures.files.size());
    Tensor values(ElementType::float32, {count, self.pair.width()});
    nb::list unreadable;
    std::vector<clip::Unreadable> broken;
    run_without_gil({.time_limit = time_limit}, self.embedding, std::max<int64_t>(1, count), [&](const Run& run) {
        self.pair.embed_images(
            pictures.files.size(), [&](size_t i) { return pictures.read(i); },
            [&](size_t first, const clip::ImageEmbeddings& some) {
                std::ranges::copy(some.values.as<float>(),
                                  values.as<float>().begin() + static_cast<int64_t>(first) * self.pair.width());
                broken.insert(broken.end(), some.unreadable.begin(), some.unreadable.end());
            },
            run);
    });
    for (const clip::Unreadable& one : broken) unreadable.append(nb::make_tuple(one.index, one.reason));
    return nb::make_tuple(to_numpy(std::move(values)), unreadable);
}

nb::object embed_texts(ClipPair& self, const std::vector<std::string>& texts, std::optional<double> time_limit) {
    clip::TextEmbeddings out;
    run_without_gil({.time_limit = time_limit}, self.embedding, std::max<int64_t>(1, std::ssize(texts)),
                    [&](const Run& run) { out = self.pair.embed_texts(texts, run); });
    return nb::make_tuple(to_numpy(std::move(out.values)), out.cut);
}

// (measures [n, labels], texts that were cut) of embedded pictures [n, width].
nb::object judge(ClipPair& self, nb::handle embeddings, const std::vector<std::string>& labels,
                 const std::vector<std::string>& prompts, const std::string& measure, const std::string& nothing) {
    const Tensor pictures = to_tensor(embeddings, "the embeddings").cast(ElementType::float32);
    std::vector<double> values;
    std::vector<std::string> cut;
    run_without_gil({}, self.embedding, 1, [&](const Run& run) {
        const clip::Judge judge(self.pair, clip::embed_labels(self.pair, labels, prompts, run),
                                {.measure = clip::parse_measure(measure), .nothing = nothing}, run);
        values = judge.measure(pictures);
        cut = judge.labels().cut;
    });
    return nb::make_tuple(to_numpy(Tensor::of<double>({pictures.rows(), std::ssize(labels)}, values)), cut);
}

LoadedPtr model(ClipPair& self, data::Preprocessing preprocessing) {
    LoadedPtr out;
    run_without_gil({}, self.embedding, 1, [&](const Run& run) {
        out = std::make_shared<Loaded>(recipe::Subject::of(self.pair, std::move(preprocessing), run));
    });
    return out;
}

LoadedPtr image_model(ClipPair& self, std::vector<std::string> texts, std::vector<std::string> classes) {
    return model(self, {.kind = data::InputKind::image, .texts = std::move(texts), .classes = std::move(classes)});
}

LoadedPtr text_model(ClipPair& self, const std::vector<std::string>& images) {
    data::Preprocessing how{.kind = data::InputKind::text};
    for (const std::string& image : images) how.images.push_back({.path = image, .sha256 = ""});
    return model(self, std::move(how));
}

nb::str word(std::string_view text) { return nb::str(text.data(), text.size()); }

}  // namespace

void bind_clip(nb::module_& module) {
    module.def("load_clip", &load, nb::arg("path"), nb::arg("threads"));
    nb::class_<ClipPair>(module, "ClipPair", "What whence.clip.Pair asks.")
        .def("embed_images", &embed_images, nb::arg("images"), nb::arg("time_limit").none())
        .def("embed_texts", &embed_texts, nb::arg("texts"), nb::arg("time_limit").none())
        .def("judge", &judge, nb::arg("embeddings"), nb::arg("labels"), nb::arg("prompts"), nb::arg("measure"),
             nb::arg("nothing"))
        .def("image_model", &image_model, nb::arg("texts"), nb::arg("classes"))
        .def("text_model", &text_model, nb::arg("images"))
        .def_prop_ro("folder", [](const ClipPair& p) { return p.pair.folder().string(); })
        .def_prop_ro("width", [](const ClipPair& p) { return p.pair.width(); })
        .def_prop_ro("context", [](const ClipPair& p) { return p.pair.context(); })
        .def_prop_ro("logit_scale", [](const ClipPair& p) { return p.pair.logit_scale(); })
        .def_prop_ro("logit_bias", [](const ClipPair& p) { return p.pair.logit_bias(); })
        .def_prop_ro("activation", [](const ClipPair& p) { return word(clip::name(p.pair.activation())); })
        .def_prop_ro("fingerprint", [](const ClipPair& p) { return p.pair.fingerprint(); })
        .def_prop_ro("notes", [](const ClipPair& p) { return p.pair.notes(); });
}

}  // namespace whence::python

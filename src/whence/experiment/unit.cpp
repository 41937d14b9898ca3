#include "whence/experiment/unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>

#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/core/rng.h"
#include "whence/direct/direct.h"
#include "whence/mask/segmentation.h"

namespace whence::experiment {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t fold_stream = 0x57D10001, object_stream = 0x57D10002, mask_stream = 0x57D10003,
                   training_stream = 0x57D10004, background_stream = 0x57D10005;
constexpr int64_t surveyed_pictures = 100;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Architectures share folds, objects and coalitions: they are compared on the same ones.
uint64_t seed_for(const Spec& spec, uint32_t stream, const Unit& unit, int64_t more = 0) {
    const auto place =
        static_cast<uint64_t>((unit.data_set * spec.iterations + unit.iteration) * 256 + more);
    return Rng(spec.seed, stream, place).next64();
}

uint64_t training_seed(const Spec& spec, const Unit& unit) {
    Unit other = unit;
    other.data_set = unit.data_set * std::ssize(spec.architectures) + unit.architecture;
    return seed_for(spec, training_stream, other, unit.fold);
}

std::vector<int64_t> training_rows(const Spec& spec, const Unit& unit, int64_t count) {
    std::vector<int32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    Rng(seed_for(spec, fold_stream, unit), fold_stream, 0).shuffle(order);
    const int64_t begin = unit.fold * count / spec.folds,
                  end = (unit.fold + 1) * count / spec.folds;
    std::vector<int64_t> out;
    for (int64_t i = 0; i < count; ++i)
        if (i < begin || i >= end) out.push_back(order[i]);
    return out;
}

void keep_first(data::LabelledImages& images, int64_t count, const std::string& set,
                const char* half) {
    if (count == 0) return;
    if (count > images.count())
        throw Error(ErrorKind::input, fmt::format("{}: {} {} pictures are wanted and there are {}",
                                                  set, count, half, images.count()));
    images.labels.resize(count);
    images.pixels.resize(count * images.image_size());
}

Tensor mean_picture(const data::LabelledImages& images) {
    std::vector<double> sums(images.image_size());
    for (int64_t i = 0; i < images.count(); ++i)
        for (int64_t p = 0; p < images.image_size(); ++p)
            sums[p] += images.pixels[i * images.image_size() + p];
    Tensor out(ElementType::float32, {1, images.height, images.width, images.channels});
    for (size_t p = 0; p < sums.size(); ++p)
        out.as<float>()[p] =
            static_cast<float>(sums[p] / 255 / static_cast<double>(images.count()));
    return out;
}

Tensor background_of(const Spec& spec, const data::LabelledImages& images) {
    int64_t rows = 1;
    for (const MethodSpec& method : spec.methods)
        if (!over_superpixels(method.kind)) rows = std::max(rows, method.background);
    std::vector<int32_t> order(images.count());
    std::iota(order.begin(), order.end(), 0);
    Rng(spec.seed, background_stream, 0).shuffle(order);
    order.resize(std::min<int64_t>(rows, images.count()));
    return images.rows(std::vector<int64_t>(order.begin(), order.end()));
}

std::string fingerprint_of(const data::ImageSet& set) {
    Sha256 hash;
    for (const auto* half : {&set.train, &set.test}) {
        hash.update(std::as_bytes(std::span(half->pixels)));
        hash.update(std::as_bytes(std::span(half->labels)));
    }
    return hash.hex();
}

// One training: what its epochs share.
class UnitRun {
  public:
    UnitRun(const Spec& spec, const Unit& unit, const LoadedSet& set, const Run& run)
        : spec_(spec),
          unit_(unit),
          set_(set),
          run_(run),
          methods_(spec.methods_for(spec.data_sets[unit.data_set])),
          objects_(draw_objects(set.images.test, spec, spec.data_sets[unit.data_set],
                                seed_for(spec, object_stream, unit))),
          test_(set.images.test.count()) {
        std::iota(test_.begin(), test_.end(), int64_t{0});
        for (const MethodSpec& method : methods_)
            backgrounds_.push_back(
                set.background.slice_rows(0, std::min(method.background, set.background.rows())));
        for (size_t m = 0; m < methods_.size(); ++m)
            mappers_.emplace_back(methods_[m], set.training_mean, backgrounds_[m],
                                  seed_for(spec, mask_stream, unit));
        for (const Object& object : objects_) {
            images_.push_back(&object.image);
            scenes_.push_back(&object.located());
            labels_.push_back(object.label);
        }
    }

    UnitResult go() {
        const ArchitectureSpec& architecture = spec_.architectures[unit_.architecture];
        Run own = run_;
        own.seed = training_seed(spec_, unit_);
        const Clock::time_point start = Clock::now();
        training::train(set_.images.train, training_rows(spec_, unit_, set_.images.train.count()),
                        {.architecture = architecture.kind,
                         .hidden = architecture.hidden,
                         .epochs = spec_.epochs,
                         .batch = spec_.batch,
                         .learning_rate = spec_.learning_rate},
                        own, [&](const training::Epoch& epoch) { at(epoch); });
        out_.training = seconds_since(start) - out_.explaining - out_.measuring;
        out_.rows.insert(out_.rows.end(), examples_.begin(), examples_.end());
        return std::move(out_);
    }

  private:
    void at(const training::Epoch& epoch) {
        const OnnxModel model = epoch.state.model({.threads = 1});
        const Subject subject{model, direct::read(model.graph())};
        const double accuracy = training::accuracy(model, set_.images.test, test_, run_);
        const std::vector<std::vector<double>> scores = scores_of(model);
        std::vector<int64_t> predicted;
        for (const std::vector<double>& row : scores)
            predicted.push_back(std::ranges::max_element(row) - row.begin());
        for (size_t m = 0; m < mappers_.size(); ++m) {
            ResultRow row{.data_set = spec_.data_sets[unit_.data_set].name,
                          .architecture = spec_.architectures[unit_.architecture].name,
                          .method = methods_[m].name,
                          .iteration = unit_.iteration,
                          .fold = unit_.fold,
                          .epoch = epoch.number,
                          .accuracy = accuracy,
                          .loss = epoch.loss};
            const Clock::time_point start = Clock::now();
            const auto& classes = spec_.explain_true_class ? labels_ : predicted;
            const std::vector<Map> maps = mappers_[m].explain(subject, images_, classes, run_);
            // A mosaic is asked about its tile's object, whatever the network sees in it.
            std::vector<Map> located;
            if (scenes_ != images_) located = mappers_[m].explain(subject, scenes_, labels_, run_);
            const Clock::time_point explained = Clock::now();
            row.measures = measure(spec_, methods_[m], objects_, maps,
                                   located.empty() ? maps : located, predicted, run_);
            out_.explaining += std::chrono::duration<double>(explained - start).count();
            out_.measuring += seconds_since(explained);
            out_.rows.push_back(to_json(row, spec_));
            if (unit_.iteration == 0 && unit_.fold == 0 && epoch.number == spec_.epochs)
                add_examples(row, maps, classes, predicted, scores);
        }
    }

    [[nodiscard]] std::vector<std::vector<double>> scores_of(const Model& model) const {
        std::vector<int64_t> numbers;
        for (const Object& object : objects_) numbers.push_back(object.number);
        const Batch answers = model.predict(Batch(set_.images.test.rows(numbers)), run_);
        const std::vector<double> all = answers.at(model.outputs()[0].name).to_doubles();
        const auto classes = std::ssize(all) / std::ssize(objects_);
        std::vector<std::vector<double>> out;
        for (size_t i = 0; i < objects_.size(); ++i)
            out.emplace_back(all.begin() + static_cast<int64_t>(i) * classes,
                             all.begin() + static_cast<int64_t>(i + 1) * classes);
        return out;
    }

    // The first object of each class.
    void add_examples(const ResultRow& row, const std::vector<Map>& maps,
                      const std::vector<int64_t>& explained, const std::vector<int64_t>& predicted,
                      const std::vector<std::vector<double>>& scores) {
        std::set<int64_t> seen;
        for (size_t i = 0; i < objects_.size(); ++i) {
            if (!seen.insert(objects_[i].label).second) continue;
            examples_.push_back(
                to_json(ExampleRow{.data_set = row.data_set,
                                   .architecture = row.architecture,
                                   .method = row.method,
                                   .number = objects_[i].number,
                                   .label = objects_[i].label,
                                   .predicted = predicted[i],
                                   .probability = scores[i][explained[i]],
                                   .pixels = set_.images.test.image(objects_[i].number).pixels,
                                   .map = maps[i]}));
        }
    }

    const Spec& spec_;
    const Unit& unit_;
    const LoadedSet& set_;
    const Run& run_;
    std::vector<MethodSpec> methods_;
    std::vector<Object> objects_;
    std::vector<int64_t> test_, labels_;
    std::vector<const Tensor*> images_, scenes_;
    std::vector<Tensor> backgrounds_;
    std::vector<Mapper> mappers_;
    std::vector<std::string> examples_;
    UnitResult out_;
};

}  // namespace

LoadedSet load(const Spec& spec, const DataSetSpec& set, const std::filesystem::path& folder) {
    LoadedSet out{.images = data::read_image_set(folder / set.folder)};
    keep_first(out.images.train, set.train, set.name, "training");
    keep_first(out.images.test, set.test, set.name, "test");
    if (out.images.train.count() < spec.folds)
        throw Error(ErrorKind::input, fmt::format("{}: {} training pictures for {} folds", set.name,
                                                  out.images.train.count(), spec.folds));
    if (out.images.train.image_size() != out.images.test.image_size())
        throw Error(ErrorKind::input, set.name + ": training and test pictures differ in size");
    out.training_mean = mean_picture(out.images.train);
    out.background = background_of(spec, out.images.train);
    out.fingerprint = fingerprint_of(out.images);
    // What the spec asks of objects is known before anything is trained.
    static_cast<void>(draw_objects(out.images.test, spec, set, 0));
    return out;
}

DataRow describe(const Spec& spec, const DataSetSpec& set, const LoadedSet& loaded,
                 const Run& run) {
    const data::LabelledImages& test = loaded.images.test;
    DataRow row{.data_set = set.name,
                .train = loaded.images.train.count(),
                .test = test.count(),
                .height = test.height,
                .width = test.width,
                .channels = test.channels,
                .classes = test.classes,
                .note = loaded.images.note};
    std::vector<std::string> ways{describe(Segmentation(Quickshift{})),
                                  describe(Segmentation(Quickshift{.kernel_size = 1}))};
    for (const MethodSpec& method : spec.methods_for(set))
        if (over_superpixels(method.kind) &&
            std::ranges::find(ways, method.segmentation) == ways.end())
            ways.push_back(method.segmentation);
    const int64_t pictures = std::min(surveyed_pictures, test.count());
    for (const std::string& way : ways) {
        DataRow::Survey survey{.segmentation = way, .pictures = pictures};
        std::vector<int64_t> counts(pictures);
        Run own = run;
        own.seed = spec.seed;
        for (int64_t i = 0; i < pictures; ++i) {
            run.check();
            counts[i] =
                segment_count(segment(test.rows(std::span(&i, 1)), parse_segmentation(way), own));
        }
        survey.single = std::ranges::count(counts, 1);
        survey.fewest = std::ranges::min(counts);
        survey.most = std::ranges::max(counts);
        survey.mean = static_cast<double>(std::reduce(counts.begin(), counts.end())) /
                      static_cast<double>(pictures);
        row.surveys.push_back(std::move(survey));
    }
    return row;
}

UnitResult run_unit(const Spec& spec, const Unit& unit, const LoadedSet& set, const Run& run) {
    return UnitRun(spec, unit, set, run).go();
}

int64_t row_count(const Spec& spec, const Unit& unit, const LoadedSet& set) {
    const auto methods = std::ssize(spec.methods);
    const bool examples = unit.iteration == 0 && unit.fold == 0;
    return spec.epochs * methods + (examples ? methods * std::ssize(set.images.test.classes) : 0);
}

}  // namespace whence::experiment

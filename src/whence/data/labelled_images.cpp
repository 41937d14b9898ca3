#include "whence/data/labelled_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <map>
#include <sstream>

#include "bytes.h"
#include "stb.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/vector_clones.h"
#include "whence/data/csv.h"
#include "whence/data/gzip.h"

namespace whence::data {
namespace {

using Bytes = std::span<const std::byte>;
using Path = std::filesystem::path;

constexpr uint64_t most_bytes = INT_MAX;
constexpr int64_t cifar_side = 32, cifar_plane = cifar_side * cifar_side,
                  cifar_record = 1 + 3 * cifar_plane;
constexpr int64_t cifar_classes = 10, cifar_training_images = 50'000, cifar_test_images = 10'000;

[[noreturn]] void fail(std::string_view name, const std::string& why) {
    throw Error(ErrorKind::input, std::string(name) + ": " + why);
}

std::string shown(const Path& path) {
    return printable(path.string(), 400);
}

WHENCE_VECTOR_CLONES void to_fractions(const uint8_t* __restrict bytes, float* __restrict out,
                                       int64_t count) {
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(bytes[i]) / 255.0F;
}

}  // namespace

Tensor decode_idx(Bytes bytes, std::string_view name) {
    if (is_gzip(bytes)) return decode_idx(decode_gzip(bytes, name), name);
    constexpr uint64_t unsigned_bytes = 0x08;
    if (bytes.size() < 4 || big_endian(bytes, 0, 2) != 0) fail(name, "this is no idx file");
    const uint64_t type = big_endian(bytes, 2, 1), dimensions = big_endian(bytes, 3, 1);
    if (type != unsigned_bytes)
        fail(name, fmt::format("idx elements of type 0x{:02X}; only unsigned bytes (0x08) are read",
                               type));
    if (dimensions < 1 || dimensions > 4)
        fail(name, fmt::format("an idx file of {} dimensions; 1 to 4 are read", dimensions));
    const size_t header = 4 + 4 * dimensions;
    if (bytes.size() < header) fail(name, "this idx file is truncated");
    Shape shape;
    uint64_t count = 1;
    for (uint64_t i = 0; i < dimensions; ++i) {
        const uint64_t length = big_endian(bytes, 4 + 4 * i, 4);
        shape.push_back(static_cast<int64_t>(length));
        if (length != 0 && count > most_bytes / length)
            throw Error(ErrorKind::limit,
                        std::string(name) + ": this idx file claims more than 2 GiB");
        count *= length;
    }
    if (bytes.size() - header != count)
        fail(name,
             fmt::format("an idx file of {} should hold {} bytes after its header and holds {}",
                         to_string(shape), count, bytes.size() - header));
    Tensor out(ElementType::uint8, std::move(shape));
    if (count > 0) std::memcpy(out.data(), bytes.data() + header, count);
    return out;
}

LabelledImages decode_cifar10(Bytes bytes, std::string_view name) {
    if (bytes.empty() || bytes.size() % cifar_record != 0)
        fail(
            name,
            fmt::format(
                "{} bytes are no whole records of {} (a label and 32x32 red, green and blue bytes)",
                bytes.size(), cifar_record));
    const auto count = static_cast<int64_t>(bytes.size()) / cifar_record;
    LabelledImages out{.height = cifar_side, .width = cifar_side, .channels = 3};
    out.labels.resize(count);
    out.pixels.resize(count * 3 * cifar_plane);
    for (int64_t i = 0; i < count; ++i) {
        const auto* record = reinterpret_cast<const uint8_t*>(bytes.data()) + i * cifar_record;
        if (record[0] >= cifar_classes)
            fail(name,
                 fmt::format("record {} has label {}, and there are 10 classes", i, record[0]));
        out.labels[i] = record[0];
        uint8_t* pixel = out.pixels.data() + i * 3 * cifar_plane;
        for (int64_t p = 0; p < cifar_plane; ++p)
            for (int64_t c = 0; c < 3; ++c) *pixel++ = record[1 + c * cifar_plane + p];
    }
    return out;
}

void LabelledImages::copy_rows(std::span<const int64_t> numbers, std::span<float> out) const {
    const int64_t size = image_size();
    float* to = out.data();
    for (const int64_t number : numbers) {
        if (number < 0 || number >= count())
            throw Error(ErrorKind::usage,
                        fmt::format("no picture {} in a set of {}", number, count()));
        to_fractions(pixels.data() + number * size, to, size);
        to += size;
    }
}

Tensor LabelledImages::rows(std::span<const int64_t> numbers) const {
    Tensor out(ElementType::float32,
               {static_cast<int64_t>(numbers.size()), height, width, channels});
    copy_rows(numbers, out.as<float>());
    return out;
}

Image LabelledImages::image(int64_t number) const {
    if (number < 0 || number >= count())
        throw Error(ErrorKind::usage, fmt::format("no picture {} in a set of {}", number, count()));
    const auto begin = pixels.begin() + number * image_size();
    return {.height = height,
            .width = width,
            .channels = channels,
            .pixels = {begin, begin + image_size()}};
}

std::vector<int64_t> LabelledImages::class_counts() const {
    std::vector<int64_t> counts(classes.size(), 0);
    for (const int32_t label : labels) ++counts.at(label);
    return counts;
}

namespace {

// One name a line; empty lines are left out.
std::vector<std::string> read_names(const Path& path) {
    std::istringstream lines(read_text(path, uint64_t{1} << 20));
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (!line.empty()) names.push_back(std::move(line));
    }
    return names;
}

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// Gives both halves their names of classes and refuses labels without one.
void name_classes(ImageSet& set, const Path& folder) {
    int32_t most = 0;
    for (const auto* half : {&set.train, &set.test})
        for (const int32_t label : half->labels) most = std::max(most, label);
    std::vector<std::string> classes;
    for (const char* file : {"classes.txt", "batches.meta.txt"})
        if (classes.empty() && std::filesystem::exists(folder / file)) {
            classes = read_names(folder / file);
            if (most >= static_cast<int64_t>(classes.size()))
                fail(shown(folder / file),
                     fmt::format("{} classes, and a picture has label {}", classes.size(), most));
        }
    if (classes.empty() && most < 10 && lower(set.name).find("fashion") != std::string::npos)
        classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                   "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    for (int32_t label = static_cast<int32_t>(classes.size()); label <= most; ++label)
        classes.push_back(std::to_string(label));
    set.train.classes = set.test.classes = std::move(classes);
}

// The file as it is or gzipped, whichever is there.
Path idx_path(const Path& folder, const std::string& name) {
    for (const std::string& file : {name, name + ".gz"})
        if (std::filesystem::exists(folder / file)) return folder / file;
    fail(shown(folder), "there is no " + name + ", as it is or with .gz");
}

Tensor read_idx(const Path& path) {
    return decode_idx(read_file(path, most_bytes), shown(path));
}

LabelledImages read_idx_half(const Path& folder, const std::string& stem) {
    const Path image_path = idx_path(folder, stem + "-images-idx3-ubyte"),
               label_path = idx_path(folder, stem + "-labels-idx1-ubyte");
    const Tensor images = read_idx(image_path), labels = read_idx(label_path);
    if (images.rank() != 3 || images.size() == 0)
        fail(shown(image_path), to_string(images.shape()) + " are no grey pictures");
    if (labels.rank() != 1 || labels.rows() != images.rows())
        fail(shown(label_path), fmt::format("labels of shape {} for {} pictures",
                                            to_string(labels.shape()), images.rows()));
    const auto pixels = images.as<uint8_t>(), numbers = labels.as<uint8_t>();
    return {.height = images.shape()[1],
            .width = images.shape()[2],
            .channels = 1,
            .pixels = {pixels.begin(), pixels.end()},
            .labels = {numbers.begin(), numbers.end()}};
}

void append(LabelledImages& to, const LabelledImages& more) {
    to.height = more.height, to.width = more.width, to.channels = more.channels;
    to.pixels.insert(to.pixels.end(), more.pixels.begin(), more.pixels.end());
    to.labels.insert(to.labels.end(), more.labels.begin(), more.labels.end());
}

LabelledImages read_cifar10(const Path& path) {
    return decode_cifar10(read_file(path, most_bytes), shown(path));
}

Path batch_path(const Path& folder, int number) {
    return folder / fmt::format("data_batch_{}.bin", number);
}

bool has_batches(const Path& folder, const char* ending) {
    for (int number = 1; number <= 5; ++number)
        if (std::filesystem::exists(folder / fmt::format("data_batch_{}{}", number, ending)))
            return true;
    return false;
}

ImageSet read_batches(const Path& folder) {
    ImageSet set;
    for (int number = 1; number <= 5; ++number)
        if (std::filesystem::exists(batch_path(folder, number)))
            append(set.train, read_cifar10(batch_path(folder, number)));
    set.test = read_cifar10(folder / "test_batch.bin");
    return set;
}

// The tiles of sheets, in the order of a table that says which is what.
class Sheets {
  public:
    explicit Sheets(Path folder) : folder_(std::move(folder)) {}

    LabelledImages read(const std::string& file) {
        const Path path = folder_ / file;
        const std::string name = shown(path);
        const Table table = read_csv(path);
        const size_t sheet = column(table, "sheet", true, name),
                     index = column(table, "index", false, name),
                     label = column(table, "label", false, name);
        LabelledImages out{.height = cifar_side, .width = cifar_side, .channels = 3};
        out.pixels.reserve(table.rows() * 3 * cifar_plane);
        for (int64_t row = 0; row < table.rows(); ++row) {
            const Image& picture = sheet_of(table.text(row, sheet), name);
            const int64_t tiles = (picture.height / cifar_side) * (picture.width / cifar_side);
            add_tile(out.pixels, picture,
                     whole(table.columns[index][row], tiles, "index", row, name));
            out.labels.push_back(static_cast<int32_t>(
                whole(table.columns[label][row], cifar_classes, "label", row, name)));
        }
        return out;
    }

  private:
    static size_t column(const Table& table, const char* title, bool text,
                         const std::string& name) {
        const auto found = table.find(title);
        if (!found) fail(name, fmt::format("there is no column '{}'", title));
        if (table.schema[*found].categorical() != text)
            fail(name, fmt::format("column '{}' should hold {}", title,
                                   text ? "names of files" : "numbers"));
        return *found;
    }

    static int64_t whole(double value, int64_t below, const char* what, int64_t row,
                         const std::string& name) {
        if (!(value >= 0 && value < static_cast<double>(below)) ||
            value != static_cast<double>(static_cast<int64_t>(value)))
            fail(name,
                 fmt::format("row {}: {} {} is none of 0 to {}", row + 1, what, value, below - 1));
        return static_cast<int64_t>(value);
    }

    const Image& sheet_of(const std::string& file, const std::string& name) {
        const auto known = sheets_.find(file);
        if (known != sheets_.end()) return known->second;
        // A table from outside names only files beside itself.
        if (file.empty() || Path(file).filename() != Path(file) || file == "..")
            fail(name, "'" + printable(file) + "' is no name of a file in this folder");
        Image picture = read_image(folder_ / file);
        if (picture.channels != 3 || picture.height % cifar_side != 0 ||
            picture.width % cifar_side != 0)
            fail(shown(folder_ / file),
                 fmt::format(
                     "a picture of {}x{} pixels and {} channels is no sheet of 32x32 colour tiles",
                     picture.height, picture.width, picture.channels));
        return sheets_[file] = std::move(picture);
    }

    static void add_tile(std::vector<uint8_t>& pixels, const Image& sheet, int64_t tile) {
        const int64_t across = sheet.width / cifar_side;
        for (int64_t y = 0; y < cifar_side; ++y) {
            const auto line =
                sheet.pixels.begin() +
                ((tile / across * cifar_side + y) * sheet.width + tile % across * cifar_side) * 3;
            pixels.insert(pixels.end(), line, line + 3 * cifar_side);
        }
    }

    Path folder_;
    std::map<std::string, Image> sheets_;
};

ImageSet read_sheets(const Path& folder) {
    ImageSet set;
    set.train = Sheets(folder).read("train_labels.csv");
    set.test = Sheets(folder).read("test_labels.csv");
    return set;
}

std::string missing_of_cifar10(const ImageSet& set) {
    std::vector<std::string> parts;
    if (set.train.count() < cifar_training_images)
        parts.push_back(
            fmt::format("{} of the {} training images", set.train.count(), cifar_training_images));
    if (set.test.count() < cifar_test_images)
        parts.push_back(
            fmt::format("{} of the {} test images", set.test.count(), cifar_test_images));
    return parts.empty() ? "" : fmt::format("{} of CIFAR-10", fmt::join(parts, " and "));
}

ImageSet read_known_form(const Path& folder) {
    const auto has = [&](const char* file) { return std::filesystem::exists(folder / file); };
    if (has("train-images-idx3-ubyte") || has("train-images-idx3-ubyte.gz")) {
        ImageSet set;
        set.train = read_idx_half(folder, "train");
        set.test = read_idx_half(folder, "t10k");
        return set;
    }
    const bool batches = has_batches(folder, ".bin");
    if (batches || has("train_labels.csv")) {
        ImageSet set = batches ? read_batches(folder) : read_sheets(folder);
        set.note = missing_of_cifar10(set);
        return set;
    }
    if (has_batches(folder, ""))
        fail(shown(folder),
             "data_batch files without .bin are Python pickles, which run code when read and are "
             "never "
             "read here; take the binary version of CIFAR-10");
    fail(shown(folder),
         "no image set: neither MNIST's idx files, nor CIFAR-10's data_batch_1.bin, nor "
         "train_labels.csv "
         "with its sheets");
}

}  // namespace

ImageSet read_image_set(const Path& folder) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        throw Error(ErrorKind::io, shown(folder) + ": there is no such folder");
    ImageSet set = read_known_form(folder);
    const Path whole = std::filesystem::absolute(folder).lexically_normal();
    set.name = printable((whole.has_filename() ? whole : whole.parent_path()).filename().string());
    if (set.train.image_size() != set.test.image_size() || set.train.height != set.test.height)
        fail(shown(folder),
             fmt::format("training pictures of {}x{} pixels, test pictures of {}x{}",
                         set.train.height, set.train.width, set.test.height, set.test.width));
    name_classes(set, folder);
    return set;
}

}  // namespace whence::data

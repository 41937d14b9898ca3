#include "whence/evaluate/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/rng.h"
#include "whence/data/image.h"
#include "whence/data/npy.h"
#include "whence/recipe/array.h"
#include "whence/recipe/global.h"

namespace whence::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t row_stream = 0x726f7773;
constexpr int64_t default_samples = 50;

// Files below a folder that are inputs, in the order of their names.
std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const recipe::FileKind kind = recipe::kind_of(entry.path());
        if (entry.is_regular_file() &&
            (kind == recipe::FileKind::picture || kind == recipe::FileKind::text))
            out.push_back(entry.path());
    }
    if (out.empty())
        throw Error(ErrorKind::usage, "no pictures (.png, .jpg) or texts (.txt) in the folder " +
                                          printable(folder.string(), 400));
    std::ranges::sort(out);
    return out;
}

void add_file(Pool& pool, const recipe::Subject& subject, const fs::path& path,
              std::vector<fs::path>& files) {
    files.push_back(path);
    pool.inputs.emplace_back([&subject, path] { return recipe::read_input(subject, path); });
}

void add_table(Pool& pool, const recipe::Subject& subject, const fs::path& path,
               const std::string& label) {
    const auto table =
        std::make_shared<const recipe::TableInput>(recipe::read_table_input(subject, path, label));
    for (int64_t row = 0; row < table->rows.rows(); ++row)
        pool.inputs.emplace_back([&subject, table, row] {
            recipe::Input input =
                recipe::from_row(subject, table->schema, table->rows.slice_rows(row, 1));
            input.path = table->path;
            input.row_number = row;
            return input;
        });
    pool.labels.insert(pool.labels.end(), table->labels.begin(), table->labels.end());
}

void add_inputs(Pool& pool, std::vector<recipe::Input> inputs) {
    for (recipe::Input& input : inputs)
        pool.inputs.emplace_back([input = std::move(input)] { return input; });
}

std::vector<std::string> labels_in(const fs::path& path) {
    std::vector<std::string> out;
    if (recipe::kind_of(path) == recipe::FileKind::array) {
        for (const double value : data::read_arrays(path).at(0).value.to_doubles())
            out.push_back(fmt::format("{}", value));
        return out;
    }
    const std::string text = read_text(path, 64 << 20);
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        std::string line = text.substr(begin, end - begin);
        if (line.ends_with('\r')) line.pop_back();
        out.push_back(std::move(line));
        begin = end + 1;
    }
    return out;
}

// The picture of a mask goes the way of the picture it belongs to.
Tensor mask_picture(const recipe::Subject& subject, const fs::path& path) {
    const Shape& shape = subject.model().inputs()[0].shape;
    const Tensor pixels =
        data::prepare_image(data::read_image(path), subject.preprocessing(), shape[1], shape[2]);
    const Shape& s = pixels.shape();  // [1, H, W, C]
    std::vector<uint8_t> out(s[1] * s[2], 0);
    const auto values = pixels.as<float>();
    for (size_t p = 0; p < out.size(); ++p)
        for (int64_t c = 0; c < s[3]; ++c)
            if (values[static_cast<int64_t>(p) * s[3] + c] > 0.5f) out[p] = 1;
    return Tensor::of<uint8_t>({s[1], s[2]}, out);
}

fs::path mask_beside(const fs::path& folder, const fs::path& picture) {
    for (const char* ending : {".png", ".jpg", ".jpeg"})
        if (fs::path path = folder / (picture.stem().string() + ending); fs::exists(path))
            return path;
    throw Error(ErrorKind::usage, "no mask for " + printable(picture.filename().string()) + " in " +
                                      printable(folder.string(), 400));
}

std::string in_words(const std::vector<fs::path>& paths) {
    if (paths.size() == 1) return paths[0].string();
    return fmt::format("{} and {} more", paths[0].string(), paths.size() - 1);
}

}  // namespace

Pool read_pool(const recipe::Subject& subject, const PoolRequest& request) {
    if (request.paths.empty())
        throw Error(ErrorKind::usage, "give DATA: files, or folders of pictures or texts");
    Pool pool{.data = in_words(request.paths)};
    std::vector<fs::path> files;  // of inputs that are one file each
    const bool of_file = request.label == "folder" || fs::exists(request.label);
    const std::string column = of_file ? "" : request.label;
    for (const fs::path& path : request.paths) {
        const recipe::FileKind kind = recipe::kind_of(path);
        if (fs::is_directory(path))
            for (const fs::path& file : files_in(path)) add_file(pool, subject, file, files);
        else if (kind == recipe::FileKind::table)
            add_table(pool, subject, path, column);
        else if (kind == recipe::FileKind::array)
            add_inputs(pool, recipe::read_inputs(subject, path));
        else
            add_file(pool, subject, path, files);
    }
    const bool all_files = files.size() == pool.inputs.size();
    if (!column.empty() && pool.labels.size() != pool.inputs.size())
        throw Error(ErrorKind::usage,
                    "--label " + printable(column) +
                        ": a column labels rows of tables (.csv); "
                        "other inputs need a file with a label for each, or folder");
    if (request.label == "folder") {
        if (!all_files)
            throw Error(ErrorKind::usage, "--label folder is for files in folders of their class");
        for (const fs::path& file : files)
            pool.labels.push_back(file.parent_path().filename().string());
    } else if (of_file) {
        use_labels(pool, labels_in(request.label));
    }
    if (request.masks.empty()) return pool;
    if (!fs::is_directory(request.masks)) {
        use_masks(pool, data::read_arrays(request.masks).at(0).value);
        return pool;
    }
    if (!all_files || subject.kind() != data::InputKind::image)
        throw Error(ErrorKind::usage, "a folder of masks is for pictures; give a .npy file");
    for (const fs::path& file : files)
        pool.masks.emplace_back([&subject, path = mask_beside(request.masks, file)] {
            return mask_picture(subject, path);
        });
    return pool;
}

Pool pool_of(const recipe::Subject& subject, Tensor rows) {
    Pool pool{.data = "array " + to_string(rows.shape())};
    const auto held = std::make_shared<const Tensor>(std::move(rows));
    for (int64_t row = 0; row < held->rows(); ++row)
        pool.inputs.emplace_back([&subject, held, row] {
            recipe::Input input = recipe::from_array(subject, held->slice_rows(row, 1));
            input.row_number = row;
            return input;
        });
    return pool;
}

Pool pool_of(const recipe::Subject& subject, std::vector<std::string> texts) {
    Pool pool{.data = fmt::format("{} texts", texts.size())};
    for (std::string& text : texts)
        pool.inputs.emplace_back(
            [&subject, text = std::move(text)] { return recipe::from_text(subject, text); });
    return pool;
}

void use_labels(Pool& pool, std::vector<std::string> labels) {
    if (labels.size() != pool.inputs.size())
        throw Error(ErrorKind::usage, fmt::format("{} labels for {} inputs: give one for each",
                                                  labels.size(), pool.inputs.size()));
    pool.labels = std::move(labels);
}

void use_masks(Pool& pool, const Tensor& masks) {
    if (masks.rank() < 2 || masks.rows() != std::ssize(pool.inputs))
        throw Error(ErrorKind::usage,
                    fmt::format("masks of shape {} for {} inputs: give a row for each",
                                to_string(masks.shape()), pool.inputs.size()));
    for (int64_t row = 0; row < masks.rows(); ++row)
        pool.masks.emplace_back([mask = masks.slice_rows(row, 1)] { return mask; });
}

std::vector<int64_t> choose_rows(int64_t available, const std::string& rows, int64_t count,
                                 uint64_t seed) {
    int64_t from = 0, to = available;
    if (!rows.empty() && rows != "all") {
        const auto number = [&](std::string_view part, int64_t otherwise) {
            int64_t value = otherwise;
            const auto [end, error] =
                std::from_chars(part.data(), part.data() + part.size(), value);
            if (!part.empty() &&
                (error != std::errc{} || end != part.data() + part.size() || value < 0))
                throw Error(ErrorKind::usage, "rows " + printable(rows) + ": give all, or A:B");
            return std::min(value, available);
        };
        const size_t colon = rows.find(':');
        if (colon == std::string::npos)
            throw Error(ErrorKind::usage, "rows " + printable(rows) + ": give all, or A:B");
        from = number(std::string_view(rows).substr(0, colon), 0);
        to = number(std::string_view(rows).substr(colon + 1), available);
    }
    if (from >= to)
        throw Error(ErrorKind::usage,
                    fmt::format("rows {}: there are {}, and none of these",
                                rows.empty() ? "all" : printable(rows), available));
    if (count < 0) throw Error(ErrorKind::usage, "the number of samples must not be negative");
    if (count == 0) count = rows.empty() ? default_samples : to - from;
    std::vector<int32_t> order(to - from);
    std::iota(order.begin(), order.end(), static_cast<int32_t>(from));
    if (count < to - from) {
        Rng(seed, row_stream, 0).shuffle(order);
        order.resize(count);
        std::ranges::sort(order);
    }
    return {order.begin(), order.end()};
}

std::vector<int64_t> classes_of(const recipe::Subject& subject,
                                const std::vector<std::string>& labels) {
    const std::vector<std::string>& names = subject.classes();
    std::vector<int64_t> out;
    for (const std::string& label : labels) {
        if (const auto found = std::ranges::find(names, label); found != names.end()) {
            out.push_back(found - names.begin());
            continue;
        }
        double value = 0;
        const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), value);
        if (error != std::errc() || end != label.data() + label.size() ||
            value != std::floor(value) || value < 0 || value > 1e9)
            throw Error(ErrorKind::usage, "label '" + printable(label, 60) +
                                              "' is neither a class of the model nor its number");
        out.push_back(static_cast<int64_t>(value));
    }
    return out;
}

}  // namespace whence::evaluate

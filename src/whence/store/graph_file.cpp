// A graph as a file: a head, then the layers, the lowest first. It is made from the vectors and can
// be made again, so whatever is not as it should be is an error, and nothing is repaired.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/store/checksum.h"
#include "whence/store/graph.h"

namespace whence::store {
namespace {

constexpr uint32_t none = 0xffffffff;
constexpr char magic[8] = {'w', 'h', 'e', 'n', 'c', 'e', 'g', '1'};

struct Head {
    char magic[8];
    GraphOwner owner;
    int64_t rows, layers, links;
    uint64_t checksum;  ///< of all that follows
};

struct LayerHead {
    int64_t degree, members;
};

class Reader {
  public:
    explicit Reader(const std::filesystem::path& path) : file_(path) {}
    template <class T>
    T value() {
        T out;
        fill({reinterpret_cast<std::byte*>(&out), sizeof out});
        return out;
    }
    std::vector<uint32_t> numbers(int64_t count) {
        const uint64_t left = file_.size() - std::min(file_.place(), file_.size());
        if (static_cast<uint64_t>(count) > left / 4) damaged("it is shorter than it says");
        std::vector<uint32_t> out(static_cast<size_t>(count));
        fill(std::as_writable_bytes(std::span(out)));
        return out;
    }
    [[nodiscard]] uint64_t checksum() const { return sum_.value(); }
    [[nodiscard]] bool over() const { return file_.place() == file_.size(); }
    [[noreturn]] void damaged(std::string_view what) const {
        throw Error(ErrorKind::input,
                    fmt::format("{}: this graph is damaged: {}; it can be made again from the "
                                "vectors",
                                printable(file_.path().string(), 400), what));
    }
    void restart_sum() { sum_ = {}; }

  private:
    void fill(std::span<std::byte> room) {
        if (file_.read(room) != room.size()) damaged("it ends too early");
        sum_.add(room);
    }
    FileReader file_;
    Checksum sum_;
};

bool all_below(std::span<const uint32_t> numbers, int64_t limit) {
    uint32_t most = 0;
    for (const uint32_t number : numbers) most = std::max(most, number + 1);  // none counts as 0
    return most <= limit;
}

}  // namespace

void Graph::save(const std::filesystem::path& path, const GraphOwner& owner) const {
    Checksum sum;
    const auto each = [&](auto&& write) {
        write(copy_of_);
        for (const Layer& layer : layers_) {
            write(std::vector<LayerHead>{{layer.degree, layer.count}});
            write(layer.rows);
            write(layer.below);
            write(layer.links);
        }
    };
    each([&](const auto& values) { sum.add(std::as_bytes(std::span(values))); });
    Head head{.owner = owner,
              .rows = size_,
              .layers = std::ssize(layers_),
              .links = options_.links,
              .checksum = sum.value()};
    std::memcpy(head.magic, magic, sizeof magic);
    FileWriter file(path);
    file.append(std::as_bytes(std::span(&head, 1)));
    each([&](const auto& values) { file.append(std::as_bytes(std::span(values))); });
    file.commit();
}

Graph Graph::load(const std::filesystem::path& path, const GraphOwner& owner, int64_t rows) {
    Reader file(path);
    const auto head = file.value<Head>();
    if (std::memcmp(head.magic, magic, sizeof magic) != 0) file.damaged("its head is none of ours");
    if (head.owner != owner) file.damaged("it belongs to other vectors");
    if (head.rows < 0 || head.rows > rows || head.layers < 0 || head.layers > 64 ||
        head.links < 2 || head.links > 1024 || (head.layers == 0) != (head.rows == 0))
        file.damaged("its sizes make no sense");
    file.restart_sum();
    Graph out({.links = head.links});
    out.size_ = head.rows;
    out.copy_of_ = file.numbers(head.rows);
    for (uint32_t row = 0; row < out.copy_of_.size(); ++row) {
        const uint32_t first = out.copy_of_[row];
        if (first == none) continue;
        if (first >= row || out.copy_of_[first] != none) file.damaged("its copies make no sense");
        out.copies_[first].push_back(row);
    }
    for (int64_t l = 0; l < head.layers; ++l) {
        const auto [degree, members] = file.value<LayerHead>();
        const int64_t under = l == 0 ? rows : out.layers_.back().count;
        if (degree != (l == 0 ? 2 : 1) * head.links || members < 1 || members > under ||
            (l == 0 && members != head.rows))
            file.damaged("its layers make no sense");
        Layer layer{.degree = degree, .count = members};
        if (l > 0) {
            layer.rows = file.numbers(members);
            layer.below = file.numbers(members);
            for (size_t i = 0; i < layer.rows.size(); ++i)
                if (layer.below[i] >= static_cast<uint64_t>(under) ||
                    out.layers_.back().row(layer.below[i]) != layer.rows[i])
                    file.damaged("its layers do not fit");
        }
        layer.links = file.numbers(members * degree);
        if (!all_below(layer.links, members)) file.damaged("it leads nowhere");
        out.layers_.push_back(std::move(layer));
    }
    if (!file.over()) file.damaged("something follows its end");
    if (file.checksum() != head.checksum) file.damaged("its checksum does not hold");
    return out;
}

}  // namespace whence::store

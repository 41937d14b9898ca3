// What dense networks say of masked rows.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "whence/core/aligned.h"
#include "whence/direct/dense_kernels.h"
#include "whence/direct/dense_network.h"
#include "whence/direct/parts.h"

namespace whence::direct {
namespace {

// Tables of the first layer must stay in a core's second cache.
constexpr int64_t most_table_numbers = int64_t{1} << 18;
// Rows that pass through the layers together.
constexpr int64_t block_rows = 128;
constexpr int64_t narrow = 4;
// Logistic functions as products: 1 + e^x of two units are multiplied, which float32 must hold.
constexpr double largest_exponent = 40;

// As the kernels read it: inputs and outputs padded with zeros, few outputs turned.
struct Packed {
    int64_t deep, outputs, width;
    AlignedVector<float> weights;
    std::vector<float> bias;
    Function function;
    [[nodiscard]] bool is_narrow() const { return outputs <= narrow; }
};

// `deep`: its inputs with their padding.
Packed pack(const Layer& layer, int64_t deep) {
    Packed out{deep, layer.out, padded(layer.out), {}, {}, layer.function};
    out.weights.assign(out.is_narrow() ? out.outputs * out.deep : out.deep * out.width, 0);
    for (int64_t i = 0; i < layer.in; ++i)
        for (int64_t o = 0; o < layer.out; ++o)
            out.weights[out.is_narrow() ? o * out.deep + i : i * out.width + o] =
                static_cast<float>(layer.weights[i * layer.out + o]);
    out.bias.assign(out.width, 0);
    std::ranges::copy(layer.bias, out.bias.begin());
    return out;
}

// tanh z = 2 s(2 z) - 1 with s(z) = 1 / (1 + e^-z): the layer above it, as one above s.
Layer above_logistic(Layer above, Function function) {
    if (function != Function::tanh) return above;
    for (int64_t i = 0; i < above.in; ++i)
        for (int64_t o = 0; o < above.out; ++o) {
            above.bias[o] -= above.weights[i * above.out + o];
            above.weights[i * above.out + o] *= 2;
        }
    return above;
}

struct Network {
    MatrixInput input;
    std::string output;
    Layer first;
    std::vector<Packed> above;
    /// Of a network of two layers, tanh or sigmoid between them and few outputs: the second as it
    /// reads s(steepness z); steepness 0: another network.
    double steepness = 0;
    Packed above_logistic = {};

    Network(const MatrixInput& form, std::string name, const std::vector<Layer>& layers)
        : input(form), output(std::move(name)), first(layers[0]) {
        const int64_t deep = Tables(0, first.out).width;
        for (size_t l = 1; l < layers.size(); ++l)
            above.push_back(pack(layers[l], l == 1 ? deep : above.back().width));
        const bool logistic =
            first.function == Function::tanh || first.function == Function::sigmoid;
        if (layers.size() != 2 || !logistic || !above[0].is_narrow()) return;
        steepness = first.function == Function::tanh ? 2 : 1;
        above_logistic = pack(direct::above_logistic(layers[1], first.function), deep);
    }

    [[nodiscard]] bool one_number() const { return above.empty() && first.out == 1; }
};

void apply_function(Function function, float* values, int64_t classes, int64_t width,
                    int64_t rows) {
    switch (function) {
        case Function::none:
            return;
        case Function::relu:
            return relu(values, rows * width);
        case Function::tanh:
            return tanh(values, rows * width);
        case Function::sigmoid:
            return sigmoid(values, rows * width);
        case Function::softmax:
            return softmax(values, classes, width, rows);
    }
}

// Bit i: whether byte i of `count`, up to 8, is not 0.
uint8_t bits_of(const uint8_t* bytes, int64_t count) {
    uint64_t all = 0;
    std::memcpy(&all, bytes, static_cast<size_t>(count));
    constexpr uint64_t low = 0x7F7F7F7F7F7F7F7F, ones = 0x0101010101010101;
    const uint64_t there = ((((all & low) + low) | all) >> 7) & ones;
    return static_cast<uint8_t>(there * 0x0102040810204080 >> 56);
}

class DenseScores final : public MaskedScores {
  public:
    DenseScores(const Network& network, const LabelMasker& masker)
        : network_(network),
          input_(masker.input().to_doubles()),
          baseline_(masker.baseline().as<float>()),
          labels_(masker.labels()),
          players_(masker.players()),
          tables_(players_, network.first.out) {}

    [[nodiscard]] int64_t classes() const override {
        return network_.above.empty() ? network_.first.out : network_.above.back().outputs;
    }
    [[nodiscard]] int64_t table_numbers() const { return tables_.size(); }

    // One filling after another; of a network of one number as many together as there are lanes.
    void scores(MatrixView<const uint8_t> present, int64_t first, int64_t count,
                std::span<float> out) const override {
        const std::vector<uint32_t> index = entries_of(present);
        Scratch scratch(*this);
        const int64_t together = network_.one_number() ? lanes : 1;
        for (int64_t way = 0; way < count; way += together) {
            const int64_t ways = std::min(together, count - way);
            network_.one_number() ? take_apart_together(first + way, ways, scratch)
                                  : take_apart(first + way, scratch);
            const bool products = fill_tables(index, scratch);
            for (int64_t begin = 0; begin < present.rows; begin += block_rows) {
                const int64_t rows = std::min(block_rows, present.rows - begin);
                const uint32_t* entries = index.data() + begin * tables_.groups;
                float* to = out.data() + (way * present.rows + begin) * classes();
                if (network_.one_number())
                    numbers(entries, rows, scratch, ways, present.rows, to);
                else if (products)
                    logistic(entries, rows, scratch, to);
                else
                    layers(entries, rows, scratch, to);
            }
        }
    }

  private:
    // What the first layer is made of for one filling, and its tables; then a block of rows.
    struct Scratch {
        AlignedVector<double> base, delta, partial;  // [width], [players][width]
        AlignedVector<float> tables, a, b;
        explicit Scratch(const DenseScores& of)
            : base(of.tables_.width),
              delta(of.tables_.groups * of.tables_.players * of.tables_.width),
              partial(std::max<int64_t>(2, of.tables_.sums()) * of.tables_.width),
              tables(of.table_numbers()) {
            int64_t width = std::max(of.tables_.width, narrow * lanes);
            for (const Packed& layer : of.network_.above) width = std::max(width, layer.width);
            a.resize(block_rows * width);
            b.resize(block_rows * width);
        }
    };

    // Where in a tile of the tables the sums of each row's players stand, [rows][groups].
    [[nodiscard]] std::vector<uint32_t> entries_of(MatrixView<const uint8_t> present) const {
        std::vector<uint32_t> index(present.rows * tables_.groups);
        for (int64_t r = 0; r < present.rows; ++r)
            for (int64_t g = 0; g < tables_.groups; ++g) {
                const int64_t player = g * tables_.players;
                const int64_t sum =
                    bits_of(present.row(r).data() + player,
                            std::clamp<int64_t>(players_ - player, 0, tables_.players));
                index[r * tables_.groups + g] = static_cast<uint32_t>(tables_.entry(g, sum));
            }
        return index;
    }

    // In double, for weights may take away large means.
    void take_apart(int64_t filling, Scratch& parts) const {
        const Layer& layer = network_.first;
        std::ranges::fill(parts.base, 0.0);
        std::ranges::fill(parts.delta, 0.0);
        std::ranges::copy(layer.bias, parts.base.begin());
        for (int64_t i = 0; i < network_.input.columns; ++i) {
            const double* w = layer.weights.data() + i * layer.out;
            const double there = input_[i], missing = baseline_[filling * network_.input.columns + i];
            add_multiple(labels_[i] < 0 ? there : missing, w, layer.out, parts.base.data());
            if (labels_[i] < 0 || there == missing) continue;
            add_multiple(there - missing, w, layer.out,
                         parts.delta.data() + labels_[i] * tables_.width);
        }
    }

    // The same, fillings in the place of outputs.
    void take_apart_together(int64_t first, int64_t ways, Scratch& parts) const {
        const Layer& layer = network_.first;
        std::ranges::fill(parts.base, layer.bias[0]);
        std::ranges::fill(parts.delta, 0.0);
        for (int64_t way = 0; way < ways; ++way)
            for (int64_t i = 0; i < network_.input.columns; ++i) {
                const double there = input_[i], w = layer.weights[i],
                             missing = baseline_[(first + way) * network_.input.columns + i];
                parts.base[way] += (labels_[i] < 0 ? there : missing) * w;
                if (labels_[i] >= 0)
                    parts.delta[labels_[i] * tables_.width + way] += (there - missing) * w;
            }
    }

    // Entry `sum` of table g: what the players that are bits of `sum` add; the first table holds
    // the answer to the bare filling as well. True: as factors of e^(-steepness z).
    bool fill_tables(std::span<const uint32_t> index, Scratch& parts) const {
        const bool products =
            network_.steepness > 0 &&
            network_.steepness * largest_sum(parts.base.data(), parts.delta.data(),
                                             tables_.groups * tables_.players, tables_.width,
                                             parts.partial.data()) <=
                largest_exponent;
        if (products) {
            exponentials(-network_.steepness, parts.base);
            exponentials(-network_.steepness, parts.delta);
        }
        const int64_t groups = tables_.groups;
        // What few rows do not read is not made.
        const bool few = std::ssize(index) < groups * tables_.sums() / 2;
        for (int64_t g = 0; g < groups; ++g) {
            const double* of_players = parts.delta.data() + g * tables_.players * tables_.width;
            const double* first = g == 0 ? parts.base.data() : nullptr;
            if (!few)
                (products ? fill_products : fill_sums)(tables_, g, first, of_players,
                                                       parts.partial.data(), parts.tables.data());
            else
                for (size_t i = static_cast<size_t>(g); i < index.size(); i += groups)
                    (products ? fill_product : fill_sum)(
                        tables_, g, index[i] / tables_.tile() - g * tables_.sums(), first,
                        of_players, parts.partial.data(), parts.tables.data());
        }
        return products;
    }

    void numbers(const uint32_t* entries, int64_t rows, Scratch& scratch, int64_t ways,
                 int64_t next_way, float* out) const {
        add_sums(tables_, scratch.tables.data(), entries, rows, scratch.a.data());
        apply_function(network_.first.function, scratch.a.data(), 1, 1, rows * tables_.width);
        for (int64_t way = 0; way < ways; ++way)
            for (int64_t r = 0; r < rows; ++r)
                out[way * next_way + r] = scratch.a[r * tables_.width + way];
    }

    void logistic(const uint32_t* entries, int64_t rows, Scratch& scratch, float* out) const {
        const Packed& above = network_.above_logistic;
        logistic_of_products(tables_, scratch.tables.data(), entries, above.weights.data(),
                             above.bias.data(), above.outputs, rows, scratch.a.data(), out);
        apply_function(above.function, out, above.outputs, above.outputs, rows);
    }

    void layers(const uint32_t* entries, int64_t rows, Scratch& scratch, float* out) const {
        add_sums(tables_, scratch.tables.data(), entries, rows, scratch.a.data());
        apply_function(network_.first.function, scratch.a.data(), network_.first.out, tables_.width,
                       rows);
        int64_t width = tables_.width;
        for (const Packed& layer : network_.above) {
            const float* in = scratch.a.data();
            if (layer.is_narrow())
                multiply_narrow(in, layer.weights.data(), layer.bias.data(), layer.deep,
                                layer.outputs, layer.width, rows, scratch.b.data());
            else
                multiply(in, layer.weights.data(), layer.bias.data(), layer.deep, layer.width, rows,
                         scratch.b.data());
            apply_function(layer.function, scratch.b.data(), layer.outputs, layer.width, rows);
            std::swap(scratch.a, scratch.b);
            width = layer.width;
        }
        const int64_t all = classes();
        if (all == 1)
            for (int64_t r = 0; r < rows; ++r) out[r] = scratch.a[r * width];
        else
            for (int64_t r = 0; r < rows; ++r)
                std::copy_n(scratch.a.data() + r * width, all, out + r * all);
    }

    const Network& network_;
    std::vector<double> input_;
    std::span<const float> baseline_;
    std::vector<int32_t> labels_;
    int64_t players_;
    Tables tables_;
};

class DenseScorer final : public MaskedScorer {
  public:
    explicit DenseScorer(Network network) : network_(std::move(network)) {}
    [[nodiscard]] std::unique_ptr<MaskedScores> over(const LabelMasker& masker,
                                                     const std::string& output) const override {
        if (output != network_.output || !fits(masker, network_.input)) return nullptr;
        auto scores = std::make_unique<DenseScores>(network_, masker);
        if (scores->table_numbers() > most_table_numbers) return nullptr;
        return scores;
    }

  private:
    Network network_;
};

}  // namespace

std::shared_ptr<const MaskedScorer> scorer_of(const MatrixInput& input, std::string output,
                                              const std::vector<Layer>& layers) {
    return std::make_shared<DenseScorer>(Network(input, std::move(output), layers));
}

}  // namespace whence::direct

#include "whence/clip/pairwise.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/gradients/read_token.h"
#include "whence/graph/attention_blocks.h"
#include "whence/graph/builder.h"
#include "whence/text/words.h"

namespace whence::clip {
namespace {

using Numbers = std::vector<double>;

// Points on the line from reference (0) to input (1), and their weights.
gradients::Quadrature line(const PairwiseOptions& options) {
    if (options.steps < 1)
        throw Error(ErrorKind::usage, fmt::format("pairwise: {} steps; at least 1 is needed", options.steps));
    if (options.blocks < 0)
        throw Error(ErrorKind::usage, fmt::format("pairwise: blocks is {}; it must not be negative", options.blocks));
    if (options.rule) return gradients::quadrature(*options.rule, options.steps);
    gradients::Quadrature published;
    for (int64_t n = 1; n <= options.steps; ++n) {
        published.nodes.push_back(static_cast<double>(n) / static_cast<double>(options.steps));
        published.weights.push_back(1 / static_cast<double>(options.steps));
    }
    return published;
}

double product(const Numbers& a, const Numbers& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// An encoder cut where its last blocks begin: one state of the input, one of the reference.
class LastBlocks {
  public:
    LastBlocks(const OnnxModel& encoder, const Batch& input, const Batch& reference, int64_t count, const char* what,
               const Run& run) {
        graph::Graph graph = encoder.differentiable_graph();
        std::vector<graph::AttentionBlock> blocks = graph::attention_blocks(graph);
        std::erase_if(blocks, [](const graph::AttentionBlock& block) { return block.pools || block.input.empty(); });
        if (blocks.empty()) {
            const auto fused = graph::fused_attention(graph);
            throw Error(ErrorKind::unsupported,
                        fmt::format("the encoder of {} has no block of attention whose input could be explained{}", what,
                                    fused.empty() ? "" : "; it has one operator, " + fused[0]));
        }
        const int64_t found = std::ssize(blocks), used = count == 0 ? found : std::min(count, found);
        const graph::AttentionBlock& first = blocks[static_cast<size_t>(found - used)];
        layer_ = first.input;
        const std::string cut = graph::rows_first_input(graph, first);
        Split parts = encoder.with_graph(std::move(graph))->split(cut);
        above_ = std::dynamic_pointer_cast<const OnnxModel>(
            std::shared_ptr<const DifferentiableModel>(std::move(parts.above)));
        const auto state = [&](const Batch& of) {
            Tensor tensor = parts.below->predict(of, run)[0].value;
            if (tensor.rank() != 3 || tensor.rows() != 1)
                throw Error(ErrorKind::unsupported, "'" + printable(layer_) + "' has shape " + to_string(tensor.shape()) +
                                                        ": one row of tokens is [1, tokens, width]");
            return tensor;
        };
        const Tensor at = state(input), from = state(reference);
        if (at.shape() != from.shape())
            throw Error(ErrorKind::input, fmt::format("the reference of {} has other tokens: {} against {}", what,
                                                      to_string(from.shape()), to_string(at.shape())));
        x_ = at.to_doubles();
        reference_ = from.to_doubles();
        tokens_ = at.shape()[1];
        // What goes around the block is the input's own: where a text ends, say.
        one_.add(cut, at);
        for (size_t i = 1; i < above_->inputs().size(); ++i) one_.add(above_->inputs()[i].name, input.at(above_->inputs()[i].name));
        evaluations_ = 2;
    }

    [[nodiscard]] int64_t tokens() const { return tokens_; }
    [[nodiscard]] const std::string& layer() const { return layer_; }
    [[nodiscard]] int64_t evaluations() const { return evaluations_; }
    [[nodiscard]] int64_t gradient_evaluations() const { return gradient_evaluations_; }

    // The embedding at a point of the line.
    [[nodiscard]] Numbers embedding(double position, const Run& run) {
        ++evaluations_;
        const Numbers e = above_->predict(points({position}), run)[0].value.to_doubles();
        for (const double value : e)
            if (!std::isfinite(value)) throw Error(ErrorKind::model, "the encoder answers " + std::to_string(value) + " in an embedding");
        return e;
    }

    // Integrated gradients of `count` outputs, each summed over the features of a token: [count, tokens].
    [[nodiscard]] Numbers shares(const OnnxModel& model, int64_t count, const gradients::Quadrature& line, const char* what, const Run& run) {
        Numbers out(static_cast<size_t>(count * tokens_), 0.0);
        const Batch batch = points(line.nodes);
        const size_t width = x_.size() / static_cast<size_t>(tokens_);
        for (int64_t k = 0; k < count; ++k) {
            run.check();
            const GradientResult result = model.run(
                batch, {.output = model.outputs()[0].name, .index = k, .gradients = {one_[0].name}}, run);
            const Numbers g = result.gradients[0].to_doubles();
            for (size_t n = 0; n < line.nodes.size(); ++n)
                for (size_t i = 0; i < x_.size(); ++i)
                    out[static_cast<size_t>(k * tokens_) + i / width] +=
                        line.weights[n] * (x_[i] - reference_[i]) * g[n * x_.size() + i];
            gradient_evaluations_ += std::ssize(line.nodes);
            run.report(what, k + 1, count);
        }
        return out;
    }

    // As shares(), of the embedding itself.
    [[nodiscard]] Numbers shares(int64_t width, const gradients::Quadrature& line, const Run& run) {
        return shares(*above_, width, line, "pairwise: text", run);
    }
    // Of inner products with `directions` [count, width].
    [[nodiscard]] Numbers shares_along(const Numbers& directions, int64_t count, const gradients::Quadrature& line, const Run& run) {
        const int64_t width = std::ssize(directions) / count;
        graph::Graph graph = above_->differentiable_graph();
        const ElementType type = graph.outputs[0].type.value_or(ElementType::float32);
        Numbers columns(directions.size());
        for (int64_t k = 0; k < count; ++k)
            for (int64_t d = 0; d < width; ++d)
                columns[static_cast<size_t>(d * count + k)] = directions[static_cast<size_t>(k * width + d)];
        graph::Builder b(graph);
        const std::string products = b.node(
            "MatMul", {graph.outputs[0].name, b.constant(Tensor::of<double>({width, count}, columns).cast(type))});
        graph::ValueInfo output{.name = products, .type = type};
        output.shape = {graph::Dimension{-1, "N"}, graph::Dimension{count, ""}};
        graph.outputs = {output};
        graph::verify(graph);
        const OnnxModel model = OnnxModel::of(std::move(graph), above_->sha256(), {.run = run});
        return shares(model, count, line, "pairwise: picture", run);
    }

  private:
    [[nodiscard]] Batch points(const Numbers& positions) const {
        const auto rows = std::ssize(positions);
        Shape shape = one_[0].value.shape();
        shape[0] = rows;
        Numbers all;
        for (const double position : positions)
            for (size_t i = 0; i < x_.size(); ++i) all.push_back(reference_[i] + position * (x_[i] - reference_[i]));
        Batch batch = one_.repeat_row(rows);
        batch[0].value = Tensor::of<double>(shape, all).cast(one_[0].value.type());
        return batch;
    }

    std::string layer_;
    std::shared_ptr<const OnnxModel> above_;
    Batch one_;  // the state, and what goes around the block
    Numbers x_, reference_;
    int64_t tokens_ = 0, evaluations_ = 0, gradient_evaluations_ = 0;
};

// A token that is the same in the reference brings nothing: no direction is needed for it.
std::vector<int64_t> that_differ(const Numbers& shares, int64_t width, int64_t tokens) {
    std::vector<int64_t> out;
    for (int64_t t = 0; t < tokens; ++t) {
        bool differs = false;
        for (int64_t d = 0; d < width; ++d) differs = differs || shares[static_cast<size_t>(d * tokens + t)] != 0;
        if (differs) out.push_back(t);
    }
    return out;
}

// What becomes zero by the preprocessing.
Tensor zero_picture(const Tensor& pixels, const data::ImagePreprocessing& how) {
    const auto channels = static_cast<size_t>(pixels.shape().back());
    Numbers zero(channels, 0.0);
    for (size_t c = 0; c < channels; ++c) {
        const size_t read = how.channels == data::ChannelOrder::bgr ? channels - 1 - c : c;
        if (!how.mean.empty()) zero[c] = how.mean[how.mean.size() == 1 ? 0 : read] / how.scale;
    }
    Numbers values(static_cast<size_t>(pixels.size()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = zero[i % channels];
    return Tensor::of<double>(pixels.shape(), values).cast(pixels.type());
}

// Padding in place of every token of the text.
Batch padded(const text::TextEncoder& encoder, Batch text, const std::vector<text::Token>& tokens) {
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i].name != encoder.ids_name()) continue;
        Numbers ids = text[i].value.to_doubles();
        for (size_t t = 0; t < std::min(ids.size(), tokens.size()); ++t)
            if (!tokens[t].special) ids[t] = static_cast<double>(encoder.filler_id());
        text[i].value = Tensor::of<double>(text[i].value.shape(), ids).cast(text[i].value.type());
    }
    return text;
}

// Rows of the result: which one a token belongs to, -1 for those around the text.
struct Rows {
    std::vector<int64_t> of_token;
    std::vector<std::string> names;
    ExplainedText text;
};

Rows rows_of(const std::string& text, const std::vector<text::Token>& tokens) {
    Rows rows{.text = {.text = text}};
    const text::Words words = text::split_words(text, {.bow = false});
    const std::vector<int32_t> players = text::players_of_tokens(words, tokens);
    std::vector<int64_t> row_of_word(static_cast<size_t>(words.players()), -1);
    for (size_t t = 0; t < tokens.size(); ++t) {
        rows.of_token.push_back(-1);
        if (tokens[t].special) continue;
        const int32_t player = players[t];
        if (player >= 0 && row_of_word[static_cast<size_t>(player)] >= 0) {
            rows.of_token.back() = row_of_word[static_cast<size_t>(player)];
            continue;
        }
        const int64_t row = std::ssize(rows.names);
        rows.of_token.back() = row;
        if (player >= 0) {
            row_of_word[static_cast<size_t>(player)] = row;
            rows.names.push_back(words.names[static_cast<size_t>(player)]);
            continue;
        }
        const text::Span& place = tokens[t].place;
        rows.names.push_back(text.substr(static_cast<size_t>(place.begin), static_cast<size_t>(place.end - place.begin)));
        if (place.begin < place.end && (rows.text.parts.empty() || rows.text.parts.back().end <= place.begin))
            rows.text.parts.push_back({place.begin, place.end, row});
    }
    for (const text::Words::Part& part : words.parts)
        if (part.player >= 0 && row_of_word[static_cast<size_t>(part.player)] >= 0)
            rows.text.parts.push_back({part.place.begin, part.place.end, row_of_word[static_cast<size_t>(part.player)]});
    std::ranges::sort(rows.text.parts, {}, &ExplainedText::Part::begin);
    for (size_t i = 1; i < rows.text.parts.size(); ++i)
        rows.text.parts[i - 1].end = std::min(rows.text.parts[i - 1].end, rows.text.parts[i].begin);
    if (rows.names.empty()) throw Error(ErrorKind::input, "the text has no words to explain");
    return rows;
}

// The grid of the tokens after `first`.
struct Grid {
    int64_t height = 0, width = 0, first = 0;
};

Grid grid_of(const Batch& image, int64_t tokens) {
    for (const bool read : {true, false}) {
        const ReadToken token{.index = read ? std::optional<int64_t>(0) : std::nullopt};
        const Tensor map = gradients::map_of_tokens(Numbers(static_cast<size_t>(tokens), 0.0), image, token);
        if (map.rank() == 4) return {map.shape()[2], map.shape()[3], read ? 1 : 0};
    }
    throw Error(ErrorKind::unsupported, fmt::format("{} tokens of a picture fill no grid of its proportions", tokens));
}

}  // namespace

PairwiseMatrix pairwise_matrix(const OnnxModel& image, const OnnxModel& text, const PairwiseInput& input,
                               const PairwiseOptions& options, const Run& run) {
    const gradients::Quadrature points = line(options);
    LastBlocks a(image, input.image, input.image_reference, options.blocks, "pictures", run);
    LastBlocks b(text, input.text, input.text_reference, options.blocks, "texts", run);
    const Numbers ea = a.embedding(1, run), ra = a.embedding(0, run), eb = b.embedding(1, run), rb = b.embedding(0, run);
    const double lengths = std::sqrt(product(ea, ea) * product(eb, eb));
    if (ea.size() != eb.size())
        throw Error(ErrorKind::input, fmt::format("pictures are embedded in {} dimensions, texts in {}", ea.size(), eb.size()));
    if (!(lengths > 0)) throw Error(ErrorKind::model, "an embedding is zero: it has no cosine with another");
    const int64_t width = std::ssize(eb);
    // The whole Jacobian of the text; of the picture only what meets a token of the text.
    const Numbers of_text = b.shares(width, points, run);
    const std::vector<int64_t> met = that_differ(of_text, width, b.tokens());
    PairwiseMatrix out{.cosine = product(ea, eb) / lengths,
                       .against_references = (product(ea, eb) - product(ea, rb) - product(ra, eb) + product(ra, rb)) / lengths,
                       .image_layer = a.layer(),
                       .text_layer = b.layer()};
    Numbers values(static_cast<size_t>(a.tokens() * b.tokens()), 0.0);
    if (!met.empty()) {
        Numbers directions;
        for (const int64_t t : met)
            for (int64_t d = 0; d < width; ++d) directions.push_back(of_text[static_cast<size_t>(d * b.tokens() + t)]);
        const Numbers of_image = a.shares_along(directions, std::ssize(met), points, run);
        for (size_t k = 0; k < met.size(); ++k)
            for (int64_t i = 0; i < a.tokens(); ++i)
                values[static_cast<size_t>(met[k] * a.tokens() + i)] = of_image[k * static_cast<size_t>(a.tokens()) + static_cast<size_t>(i)] / lengths;
    }
    out.values = Tensor::of<double>({b.tokens(), a.tokens()}, values);
    out.evaluations = a.evaluations() + b.evaluations();
    out.gradient_evaluations = a.gradient_evaluations() + b.gradient_evaluations();
    return out;
}

PairwiseExplanation explain_pairwise(const Pair& pair, const data::Image& image, const std::string& text,
                                     const PairwiseOptions& options, const Run& run) {
    const auto start = std::chrono::steady_clock::now();
    const data::Preprocessing& how = pair.preprocessing();
    const text::TextEncoder& encoder = pair.token_encoder();
    const std::vector<text::Token> tokens = encoder.tokens(text);
    PairwiseInput input;
    input.image = Batch(data::prepare_image(image, how, how.image.height, how.image.width));
    input.image_reference = Batch(zero_picture(input.image[0].value, how.image));
    input.text = encoder.encode(text);
    input.text_reference = padded(encoder, input.text, tokens);
    Rows rows = rows_of(text, tokens);
    const PairwiseMatrix matrix = pairwise_matrix(pair.image_encoder(), pair.text_encoder(), input, options, run);
    const int64_t all = matrix.values.shape()[1];
    const Grid grid = grid_of(input.image, all);
    const int64_t patches = grid.height * grid.width;

    Numbers values(rows.names.size() * static_cast<size_t>(patches), 0.0);
    const std::span<const double> numbers = matrix.values.as<double>();
    for (int64_t t = 0; t < std::min(std::ssize(rows.of_token), matrix.values.rows()); ++t) {
        const int64_t row = rows.of_token[static_cast<size_t>(t)];
        for (int64_t p = 0; row >= 0 && p < patches; ++p)
            values[static_cast<size_t>(row * patches + p)] += numbers[static_cast<size_t>(t * all + grid.first + p)];
    }
    const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0),
                 shown = std::accumulate(values.begin(), values.end(), 0.0);

    PairwiseExplanation out{.text = std::move(rows.text),
                            .words = std::move(rows.names),
                            .height = grid.height,
                            .width = grid.width};
    out.values = Tensor::of<double>({std::ssize(out.words), patches}, values);
    TargetRecord& target = out.target;
    target.resolved.output = "cosine";
    target.label = text;
    target.value = matrix.cosine;
    target.baseline = "either alone: the picture that is zero after preprocessing, the text with padding for its tokens";
    target.baseline_value = matrix.cosine - matrix.against_references;
    Diagnostics& diagnostics = out.diagnostics;
    diagnostics.attribution_error = sum - matrix.against_references;
    if (std::abs(matrix.against_references) > 1e-8)
        diagnostics.relative_error = std::abs(*diagnostics.attribution_error / matrix.against_references);
    diagnostics.notes.push_back(fmt::format(
        "pairs of words and patches add up to {:.4g} of the {:.4g} of all tokens; the class token and the tokens around "
        "the text have the rest{}",
        shown, sum,
        std::abs(shown) < std::abs(sum) / 2 && options.blocks != 0 ? ": they hold what the text and the picture said before "
                                                                     "these blocks; more blocks (0: all) give it back"
                                                                   : ""));
    if (encoder.cuts(text))
        diagnostics.notes.push_back(fmt::format("the text has more than the {} tokens that the model reads: the rest was cut off",
                                                encoder.max_length()));
    for (const std::string& note : pair.notes()) diagnostics.notes.push_back(note);
    Provenance& p = out.provenance;
    p.method = "pairwise";
    p.options = {{"steps", options.steps},
                 {"blocks", options.blocks},
                 {"rule", std::string(options.rule ? gradients::name(*options.rule) : "published")}};
    p.seed = run.seed;
    p.version = version();
    p.evaluations = matrix.evaluations;
    p.gradient_evaluations = matrix.gradient_evaluations;
    p.model_path = pair.folder().string();
    p.model_sha256 = pair.fingerprint();
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return out;
}

}  // namespace whence::clip

#include "whence/runtime/onnx_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <mutex>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/io.h"
#include "whence/runtime/annotate.h"
#include "whence/runtime/environment.h"
#include "whence/runtime/gradient_graph.h"
#include "whence/runtime/parts.h"
#include "whence/runtime/session.h"

namespace whence {
namespace {

using graph::Graph;
using runtime::Session;

// Two rows together must give what each gives alone, up to the rounding of differently blocked sums.
constexpr double batch_tolerance = 1e-4;

bool is_float(ElementType type) { return type == ElementType::float32 || type == ElementType::float64; }

std::vector<TensorInfo> infos(const std::vector<graph::ValueInfo>& values) {
    std::vector<TensorInfo> out;
    for (const graph::ValueInfo& value : values)
        out.push_back({.name = value.name, .type = value.type.value_or(ElementType::float32), .shape = value.lengths()});
    return out;
}

std::vector<const Tensor*> pointers(const std::vector<Tensor>& tensors) {
    std::vector<const Tensor*> out;
    for (const Tensor& tensor : tensors) out.push_back(&tensor);
    return out;
}

bool close(const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape() || a.type() != b.type()) return false;
    if (!is_float(a.type())) return a == b;
    const std::vector<double> x = a.to_doubles(), y = b.to_doubles();
    double scale = 0;
    for (const double value : x) scale = std::max(scale, std::abs(value));
    for (size_t i = 0; i < x.size(); ++i)
        if (!(std::abs(x[i] - y[i]) <= batch_tolerance * scale) && !(std::isnan(x[i]) && std::isnan(y[i])))
            return false;
    return true;
}

// Rows are independent: two made-up rows run together and one by one agree.
bool rows_are_independent(const Graph& graph, const Session& session, const Run& run) {
    try {
        const std::vector<Tensor> both = runtime::made_up_inputs(graph, 2);
        const std::vector<Tensor> together = session.run(pointers(both), run);
        for (int64_t row = 0; row < 2; ++row) {
            std::vector<Tensor> one;
            for (const Tensor& input : both) one.push_back(input.slice_rows(row, 1));
            const std::vector<Tensor> alone = session.run(pointers(one), run);
            for (size_t i = 0; i < alone.size(); ++i)
                if (together[i].rows() != 2 || !close(together[i].slice_rows(row, 1), alone[i])) return false;
        }
        return true;
    } catch (const Error&) {
        run.check();
        return false;
    }
}

std::string request_key(const GradientRequest& request) {
    std::string key = request.output + '\n' + std::string(name(request.scale)) + (request.index ? "\ni" : "\nt") +
                      (request.minus ? "m" : "");
    for (const std::string& value : request.values) key += "\nv" + value;
    for (const std::string& gradient : request.gradients) key += "\ng" + gradient;
    return key + "\nr" + std::string(name(request.rules));
}

// Inputs of a gradient graph have a row for each row, but for the classes.
bool takes_rows(const graph::ValueInfo& input) {
    return input.name != runtime::index_input && input.name != runtime::minus_input;
}

Tensor class_number(int64_t index) { return Tensor::of<int64_t>({1}, std::vector<int64_t>{index}); }

}  // namespace

struct OnnxModel::State {
    std::string sha256;
    Graph graph;
    std::vector<TensorInfo> inputs, outputs;
    std::vector<std::string> labels;
    int64_t fixed_batch = 0;
    std::string batch_note;
    std::vector<std::string> notes;
    int threads = 0;
    Run trial;  ///< how trial runs are stopped
    bool convolutional = false;  ///< convolves images, whose layout ONNX Runtime blocks
    std::unique_ptr<Session> forward;  ///< of a part: made when first needed

    // Convolutional networks run several rows in parts side by side, each part in one thread: faster
    // than all threads on one large batch, and the same bits for any number of threads.
    std::unique_ptr<Session> forward_alone;

    // Made when first needed, kept for the next call.
    std::mutex mutex;
    std::unique_ptr<Graph> canonical;  ///< opset 18, annotated: what gradients are built from
    std::map<std::string, std::unique_ptr<Session>> gradient_sessions;
    std::unique_ptr<Graph> annotated;  ///< as it stands in the file, with types and shapes
    struct Parts {
        std::string layer;
        std::shared_ptr<State> below, above;
    };
    std::deque<Parts> split;  ///< the last few layers

    const Graph& annotated_graph();
    const Graph& canonical_graph(const Run& run);
    const Session& gradient_session(const GradientRequest& request, int64_t rows, bool alone, bool twice, const Run& run);
    Graph gradient_graph_of(const GradientRequest& request, bool twice, const Run& run);
    /// The outputs of the request's graph; `directions` empty unless it is differentiated twice.
    std::vector<Tensor> run_request(const Batch& inputs, const GradientRequest& request,
                                    const std::vector<Tensor>& directions, const Run& run);
    void check_classes(const GradientRequest& request) const;
    const Session& forward_session(bool alone);
    void free_batch();
    /// Opens the session unless free_batch did, and reads off the graph what callers ask for.
    void finish();
    void describe(const std::vector<graph::ValueInfo>& made);
    /// A part of this model's graph as a model of its own.
    [[nodiscard]] std::shared_ptr<State> part(Graph graph) const;
    Parts parts_at(const std::string& layer);
    /// The inputs in the model's order; those converted to another type are kept in `converted`.
    std::vector<const Tensor*> checked(const Batch& batch, std::vector<Tensor>& converted) const;
    /// The references of compared_inputs, as many rows as the inputs have; those made for it are kept.
    std::vector<const Tensor*> references(const GradientRequest& request, const std::vector<const Tensor*>& tensors,
                                          std::vector<Tensor>& converted, Batch& repeated) const;
    /// Sizes of the parts in which rows run.
    std::vector<int64_t> parts(int64_t rows) const;
    int64_t part_rows() const;
    int64_t row_elements() const;
    int part_threads(const Run& run) const;
};

// Gradients start from the graph with batch normalisation folded: fewer nodes both ways. Requests that
// name a folded tensor get a graph of their own in gradient_session.
const Graph& OnnxModel::State::canonical_graph(const Run& run) {
    if (!canonical) {
        auto made = std::make_unique<Graph>(graph);
        runtime::annotate(*made, run);
        graph::upgrade_opset(*made);
        runtime::annotate(*made, run);
        if (graph::expand_operators(*made)) runtime::annotate(*made, run);
        canonical = std::move(made);
    }
    return *canonical;
}

const Graph& OnnxModel::State::annotated_graph() {
    if (!annotated) {
        auto made = std::make_unique<Graph>(graph);
        runtime::annotate(*made, trial);
        annotated = std::move(made);
    }
    return *annotated;
}

// `rows` 0: any number. ONNX Runtime keeps its blocked layout through a gradient graph only where it
// can prove that shapes are equal, which takes a fixed number of rows. `alone`: in the caller's thread.
const Session& OnnxModel::State::gradient_session(const GradientRequest& request, int64_t rows, bool alone, bool twice,
                                                  const Run& run) {
    const std::string key = request_key(request) + "\n#" + std::to_string(rows) + (alone ? "a" : "") + (twice ? "2" : "");
    const std::lock_guard lock(mutex);
    std::unique_ptr<Session>& session = gradient_sessions[key];
    if (!session) {
        Graph both = gradient_graph_of(request, twice, run);
        if (rows > 0)
            for (graph::ValueInfo& input : both.inputs)
                if (takes_rows(input) && input.shape && !input.shape->empty()) (*input.shape)[0] = {rows, ""};
        session = std::make_unique<Session>(both, runtime::SessionOptions{.threads = alone ? 1 : threads});
    }
    return *session;
}

Graph OnnxModel::State::gradient_graph_of(const GradientRequest& request, bool twice, const Run& run) {
    Graph base = canonical_graph(run);
    std::set<std::string> keep(request.values.begin(), request.values.end());
    keep.insert(request.gradients.begin(), request.gradients.end());
    graph::fold_batch_normalization(base, keep);
    return runtime::gradient_graph(base, request, run, twice);
}

// ONNX Runtime takes a negative index for one from the end, and the gradient's seed does not.
void OnnxModel::State::check_classes(const GradientRequest& request) const {
    const auto output = std::ranges::find(outputs, request.output, &TensorInfo::name);
    const bool known = output != outputs.end() && !output->shape.empty() &&
                       std::none_of(output->shape.begin() + 1, output->shape.end(), [](int64_t length) { return length < 0; });
    const int64_t classes = known ? element_count(std::span(output->shape).subspan(1)) : std::numeric_limits<int64_t>::max();
    for (const int64_t index : {request.index.value_or(0), request.minus.value_or(0)})
        if (index < 0 || index >= classes)
            throw Error(ErrorKind::usage, fmt::format("class {} does not exist in output '{}'", index, printable(request.output)) +
                                              (known ? fmt::format(", which has {} (numbered from 0)", classes) : ""));
}

const Session& OnnxModel::State::forward_session(bool alone) {
    const std::lock_guard lock(mutex);
    const bool own = alone && threads != 1;
    std::unique_ptr<Session>& session = own ? forward_alone : forward;
    if (!session) session = std::make_unique<Session>(graph, runtime::SessionOptions{.threads = own ? 1 : threads});
    return *session;
}

int64_t OnnxModel::State::row_elements() const {
    constexpr int64_t too_many = int64_t{1} << 30;
    int64_t elements = 1;
    for (const TensorInfo& input : inputs) {
        int64_t size = 1;  // lengths come from the file: no more than what is too much anyway
        for (size_t d = 1; d < input.shape.size(); ++d)
            size = std::min(size, too_many) * std::clamp<int64_t>(input.shape[d], 1, too_many);
        elements = std::min(elements + size, too_many);
    }
    return elements;
}

// Rows per part: one photograph, or as many small pictures as stay in a core's cache with their layers.
int64_t OnnxModel::State::part_rows() const {
    const int64_t fit = (int64_t{1} << 17) / row_elements();
    return std::clamp<int64_t>(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(fit))), 1, 16);
}

std::vector<int64_t> OnnxModel::State::parts(int64_t rows) const {
    if (fixed_batch > 0) {
        if (rows % fixed_batch != 0)
            throw Error(ErrorKind::input, fmt::format("this model reads {} rows at a time; {} were given", fixed_batch, rows));
        return std::vector<int64_t>(rows / fixed_batch, fixed_batch);
    }
    return convolutional ? runtime::whole_parts_and_singles(rows, part_rows()) : std::vector<int64_t>{rows};
}

int OnnxModel::State::part_threads(const Run& run) const {
    const int own = threads > 0 ? threads : runtime_threads();
    return run.threads > 0 ? std::min(own, run.threads) : own;
}

// A file exported for one row is freed and tried; where that fails, rows run one by one.
void OnnxModel::State::free_batch() {
    const auto first = [](const graph::ValueInfo& input) {
        return input.shape && !input.shape->empty() ? (*input.shape)[0].length : -1;
    };
    if (graph.inputs.empty() || first(graph.inputs[0]) < 0) return;
    Graph freed = graph;
    if (graph::free_batch_dimension(freed)) {
        try {
            auto session = std::make_unique<Session>(freed, runtime::SessionOptions{.threads = threads});
            if (rows_are_independent(freed, *session, trial)) {
                graph = std::move(freed);
                forward = std::move(session);
                batch_note = "exported for one row; the batch dimension was freed and verified";
                return;
            }
        } catch (const Error&) {
            trial.check();
            // The freed graph does not even load: keep the original.
        }
    }
    fixed_batch = first(graph.inputs[0]);
    batch_note = fmt::format("exported for batches of {}; freeing the batch dimension failed, so rows run {} by {}",
                             fixed_batch, fixed_batch, fixed_batch);
}

void OnnxModel::State::finish() {
    if (!forward) forward = std::make_unique<Session>(graph, runtime::SessionOptions{.threads = threads});
    describe(forward->output_infos());
}

void OnnxModel::State::describe(const std::vector<graph::ValueInfo>& made) {
    convolutional = std::ranges::any_of(graph.nodes, [](const graph::Node& node) { return node.is("Conv"); });
    inputs = infos(graph.inputs);
    outputs = infos(made);
    for (TensorInfo& output : outputs) output.scale = graph::output_scale(graph, output.name);
}

std::shared_ptr<OnnxModel::State> OnnxModel::State::part(Graph of) const {
    auto made = std::make_shared<State>();
    made->sha256 = sha256;
    made->graph = std::move(of);
    made->fixed_batch = fixed_batch;
    made->batch_note = batch_note;
    made->notes = notes;
    made->threads = threads;
    made->trial = trial;
    std::vector<graph::ValueInfo> infos;
    for (const graph::ValueInfo& output : made->graph.outputs) infos.push_back(made->graph.value(output.name));
    made->describe(infos);
    return made;
}

OnnxModel::State::Parts OnnxModel::State::parts_at(const std::string& layer) {
    constexpr size_t kept = 4;  // each holds a copy of the weights once it has run
    const std::lock_guard lock(mutex);
    const auto known = std::ranges::find(split, layer, &Parts::layer);
    if (known != split.end()) return *known;
    const Graph& whole = annotated_graph();
    split.push_back({layer, part(graph::cut_below(whole, {layer})), part(graph::cut_above(whole, layer))});
    if (split.size() > kept) split.pop_front();
    return split.back();
}

std::vector<const Tensor*> OnnxModel::State::checked(const Batch& batch, std::vector<Tensor>& converted) const {
    if (batch.empty() || batch.rows() < 1) throw Error(ErrorKind::input, "the input has no rows");
    std::vector<const Tensor*> tensors;
    converted.reserve(inputs.size());  // pointers into it stay valid
    for (const TensorInfo& info : inputs) {
        const Tensor& given = batch.at(info.name);
        const bool fits = given.rank() == static_cast<int64_t>(info.shape.size()) || info.shape.empty();
        bool lengths = fits;
        for (size_t d = 1; fits && d < info.shape.size(); ++d)
            lengths = lengths && (info.shape[d] < 0 || info.shape[d] == given.shape()[d]);
        if (!lengths) {
            Shape wanted = info.shape;
            if (!wanted.empty()) wanted[0] = -1;
            throw Error(ErrorKind::input, fmt::format("input '{}' has shape {}; the model reads {}", printable(info.name),
                                                      to_string(given.shape()), to_string(wanted)));
        }
        if (given.type() != info.type && !(is_float(given.type()) && is_float(info.type)))
            throw Error(ErrorKind::input, fmt::format("input '{}' holds {}; the model reads {}", printable(info.name),
                                                      name(given.type()), name(info.type)));
        if (given.type() != info.type) converted.push_back(given.cast(info.type));
        tensors.push_back(given.type() == info.type ? &given : &converted.back());
    }
    return tensors;
}

std::vector<const Tensor*> OnnxModel::State::references(const GradientRequest& request,
                                                        const std::vector<const Tensor*>& tensors,
                                                        std::vector<Tensor>& converted, Batch& repeated) const {
    if (!request.reference) throw Error(ErrorKind::usage, "DeepLIFT needs a reference to compare with");
    const int64_t rows = tensors.at(0)->rows();
    if (request.reference->rows() != 1 && request.reference->rows() != rows)
        throw Error(ErrorKind::input, fmt::format("the reference has {} rows; one is needed, or one for each of {}",
                                                  request.reference->rows(), rows));
    repeated = request.reference->rows() == rows ? *request.reference : request.reference->repeat_row(rows);
    const std::vector<std::string> compared = runtime::compared_inputs(graph);
    // What is not compared is the row's own: a reference that says otherwise would be ignored.
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (std::ranges::find(compared, inputs[i].name) != compared.end()) continue;
        const Tensor* given = repeated.find(inputs[i].name);
        if (given && !(*given == *tensors[i]))
            throw Error(ErrorKind::input,
                        fmt::format("the reference differs in input '{}', which holds {}: only numbers with a fraction "
                                    "can be compared; explain a layer instead, such as the embedding",
                                    printable(inputs[i].name), name(inputs[i].type)));
        if (!given) repeated.add(inputs[i].name, *tensors[i]);
    }
    std::vector<const Tensor*> all = checked(repeated, converted), references;
    for (size_t i = 0; i < inputs.size(); ++i)
        if (std::ranges::find(compared, inputs[i].name) != compared.end()) references.push_back(all[i]);
    return references;
}

OnnxModel::OnnxModel(std::shared_ptr<State> state) : state_(std::move(state)) {}
OnnxModel::OnnxModel(OnnxModel&&) noexcept = default;
OnnxModel& OnnxModel::operator=(OnnxModel&&) noexcept = default;
OnnxModel::~OnnxModel() = default;

OnnxModel OnnxModel::load(const std::filesystem::path& path, const OnnxModelOptions& options) {
    const std::vector<std::byte> bytes = read_file(path);
    try {
        return parse(bytes, path.parent_path(), options);
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

OnnxModel OnnxModel::parse(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                           const OnnxModelOptions& options) {
    auto state = std::make_unique<State>();
    state->sha256 = whence::sha256(bytes);
    state->threads = options.threads;
    state->trial = options.run;
    state->trial.progress = nullptr;
    state->graph = graph::parse_model(bytes, folder);
    graph::fold_constants(state->graph);
    if (graph::compute_in_single_precision(state->graph))
        state->notes.push_back("half precision in the file; computed in float32");
    if (std::ranges::any_of(state->graph.nodes, [](const graph::Node& node) { return node.is("QuantizeLinear"); }))
        state->notes.push_back("quantised: gradients pass straight through the rounding, and nothing passes where it clips");
    state->labels = graph::drop_zipmap(state->graph);
    if (options.pixels)
        graph::add_pixel_transform(state->graph, options.pixels->transform, options.pixels->height, options.pixels->width);
    state->free_batch();
    state->finish();
    return OnnxModel(std::move(state));
}

const std::vector<TensorInfo>& OnnxModel::inputs() const { return state_->inputs; }
const std::vector<TensorInfo>& OnnxModel::outputs() const { return state_->outputs; }
const std::string& OnnxModel::sha256() const { return state_->sha256; }
const Graph& OnnxModel::graph() const { return state_->graph; }
const std::vector<std::string>& OnnxModel::class_labels() const { return state_->labels; }
int64_t OnnxModel::fixed_batch() const { return state_->fixed_batch; }
const std::string& OnnxModel::batch_note() const { return state_->batch_note; }
const std::vector<std::string>& OnnxModel::notes() const { return state_->notes; }

// Sessions run on one pool, which one call at a time fills; without a pool calls may overlap.
int OnnxModel::concurrency() const { return state_->threads == 1 ? runtime_threads() : 1; }

int64_t OnnxModel::preferred_batch() const {
    if (state_->fixed_batch > 0) return state_->fixed_batch;
    const int64_t fit = (int64_t{1} << 23) / state_->row_elements();
    const int64_t most = state_->convolutional ? 64 : 1024;
    return std::clamp<int64_t>(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(fit))), 1, most);
}

Batch OnnxModel::predict(const Batch& inputs, const Run& run) const {
    std::vector<Tensor> converted;
    const std::vector<const Tensor*> tensors = state_->checked(inputs, converted);
    const std::vector<int64_t> sizes = state_->parts(inputs.rows());
    const Session& session = state_->forward_session(sizes.size() > 1);
    std::vector<Tensor> outputs =
        runtime::run_parts(tensors, sizes, state_->part_threads(run), run,
                           [&](const std::vector<const Tensor*>& part, int64_t) { return session.run(part, run); });
    Batch out;
    for (size_t i = 0; i < outputs.size(); ++i) {
        if (outputs[i].rows() != inputs.rows())
            throw Error(ErrorKind::unsupported,
                        fmt::format("output '{}' has {} rows for {} rows of input: it is no answer to each row",
                                    printable(state_->outputs[i].name), outputs[i].rows(), inputs.rows()));
        out.add(state_->outputs[i].name, std::move(outputs[i]));
    }
    return out;
}

std::vector<Tensor> OnnxModel::State::run_request(const Batch& batch, const GradientRequest& request,
                                                  const std::vector<Tensor>& directions, const Run& run) {
    std::vector<Tensor> converted, converted_references;
    std::vector<const Tensor*> tensors = checked(batch, converted);
    const std::vector<int64_t> sizes = parts(batch.rows());
    check_classes(request);
    Batch repeated;
    if (request.rules == Rules::deep_lift)
        for (const Tensor* reference : references(request, tensors, converted_references, repeated)) tensors.push_back(reference);
    const auto with_rows = static_cast<int64_t>(tensors.size());
    for (const Tensor& direction : directions) tensors.push_back(&direction);
    const Tensor index = class_number(request.index.value_or(0)), minus = class_number(request.minus.value_or(0));
    const auto run_part = [&](std::vector<const Tensor*> part, int64_t rows) {
        // Classes stand between what has rows and the directions.
        auto at = part.begin() + with_rows;
        if (request.index) at = part.insert(at, &index) + 1;
        if (request.minus) part.insert(at, &minus);
        const bool fixed = convolutional && fixed_batch == 0;
        return gradient_session(request, fixed ? rows : 0, sizes.size() > 1, !directions.empty(), run).run(part, run);
    };
    return runtime::run_parts(tensors, sizes, part_threads(run), run, run_part);
}

namespace {

// The outputs of a gradient graph but for the products, which stay behind in `outputs`.
GradientResult take_result(std::vector<Tensor>& outputs, const GradientRequest& request) {
    const bool compares = request.rules == Rules::deep_lift;
    GradientResult result{.target = outputs[0].to_doubles()};
    const auto classes = outputs[1].as<int64_t>();
    result.index.assign(classes.begin(), classes.end());
    if (compares) result.reference_target = outputs[2].to_doubles();
    auto next = outputs.begin() + (compares ? 3 : 2);
    for (size_t i = 0; i < request.values.size(); ++i) result.values.push_back(std::move(*next++));
    for (size_t i = 0; i < request.gradients.size(); ++i) result.gradients.push_back(std::move(*next++));
    outputs.erase(outputs.begin(), next);
    return result;
}

}  // namespace

GradientResult OnnxModel::run(const Batch& inputs, const GradientRequest& request, const Run& run) const {
    std::vector<Tensor> outputs = state_->run_request(inputs, request, {}, run);
    return take_result(outputs, request);
}

SecondGradient OnnxModel::second_gradient(const Batch& inputs, const GradientRequest& request,
                                          const std::vector<Tensor>& directions, const Run& run) const {
    if (request.rules != Rules::gradient)
        throw Error(ErrorKind::usage, fmt::format("there are no second derivatives by the rules of {}", name(request.rules)));
    if (request.gradients.empty() || directions.size() != request.gradients.size())
        throw Error(ErrorKind::usage, fmt::format("{} directions for {} tensors", directions.size(), request.gradients.size()));
    for (const Tensor& direction : directions)
        if (direction.rank() < 1 || direction.rows() != inputs.rows())
            throw Error(ErrorKind::input, fmt::format("a direction of shape {} for {} rows", to_string(direction.shape()), inputs.rows()));
    std::vector<Tensor> outputs = state_->run_request(inputs, request, directions, run);
    SecondGradient result{.first = take_result(outputs, request)};
    result.products = std::move(outputs);
    return result;
}

Split OnnxModel::split(const std::string& layer) const {
    const State::Parts parts = state_->parts_at(layer);
    return {.below = std::unique_ptr<DifferentiableModel>(new OnnxModel(parts.below)),
            .above = std::unique_ptr<DifferentiableModel>(new OnnxModel(parts.above))};
}

std::vector<Differentiability> OnnxModel::differentiability() const {
    const std::lock_guard lock(state_->mutex);
    // Annotated types tell which tensors can carry a gradient; an old opset's operators are named as
    // they stand in the file where it cannot be brought to opset 18.
    const Graph* graph = &state_->graph;
    try {
        graph = &state_->canonical_graph(state_->trial);
    } catch (const Error&) {
    }
    std::vector<Differentiability> all;
    for (const TensorInfo& output : state_->outputs)
        for (const TensorInfo& input : state_->inputs) {
            Differentiability d{.output = output.name, .input = input.name};
            d.missing = graph::missing_rules(*graph, input.name, output.name, d.connected);
            all.push_back(std::move(d));
        }
    return all;
}

std::vector<LayerInfo> OnnxModel::layers() const {
    const std::lock_guard lock(state_->mutex);
    const Graph& graph = state_->annotated_graph();
    std::vector<LayerInfo> all;
    for (const graph::Node& node : graph.nodes)
        for (const std::string& output : node.outputs) {
            if (output.empty()) continue;
            const graph::ValueInfo info = graph.value(output);
            LayerInfo layer{.name = output, .op = node.op, .type = info.type};
            if (info.shape) layer.shape = info.lengths();
            all.push_back(std::move(layer));
        }
    return all;
}

Graph OnnxModel::gradient_graph(const GradientRequest& request) const {
    const std::lock_guard lock(state_->mutex);
    return state_->gradient_graph_of(request, false, state_->trial);
}

}  // namespace whence

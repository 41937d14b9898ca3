#include "whence/runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "whence/core/error.h"
#include "whence/graph/io.h"
#include "whence/runtime/ort.h"
#include "whence/runtime/watchdog.h"

namespace whence::runtime {
namespace {

struct TypeRow {
    ONNXTensorElementDataType number;
    ElementType type;
};
constexpr TypeRow types[] = {
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, ElementType::float32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, ElementType::float64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, ElementType::float16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, ElementType::bfloat16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, ElementType::int8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, ElementType::int16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, ElementType::int32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, ElementType::int64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, ElementType::uint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, ElementType::uint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, ElementType::uint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, ElementType::uint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, ElementType::boolean},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, ElementType::string}};

std::optional<ElementType> element_type(ONNXTensorElementDataType number) {
    for (const TypeRow& row : types)
        if (row.number == number) return row.type;
    return std::nullopt;
}

// ONNX Runtime's message in one line.
std::string reason(const Ort::Exception& error) {
    std::string text = error.what();
    std::ranges::replace(text, '\n', ' ');
    return printable(text, 300);
}

// Whether it is memory that ran out: the arena's limit, or the process's.
bool out_of_memory(const std::string& why) {
    return why.find("bad_alloc") != std::string::npos || why.find("ailed to allocate memory") != std::string::npos ||
           (why.find("memory") != std::string::npos && why.find("smaller than requested") != std::string::npos);
}

Error failure(const std::string& what, const std::string& why) {
    if (out_of_memory(why)) return {ErrorKind::limit, "the model needs more memory than the limit allows"};
    return {ErrorKind::model, what + why};
}

Ort::Value to_value(const Tensor& tensor, const OrtMemoryInfo* memory) {
    const Shape& shape = tensor.shape();
    if (tensor.type() == ElementType::string) {
        Ort::AllocatorWithDefaultOptions allocator;
        Ort::Value value = Ort::Value::CreateTensor(allocator, shape.data(), shape.size(),
                                                    ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
        std::vector<const char*> texts;
        for (const std::string& text : tensor.as<std::string>()) texts.push_back(text.c_str());
        value.FillStringTensor(texts.data(), texts.size());
        return value;
    }
    const auto row = std::ranges::find(types, tensor.type(), &TypeRow::type);
    // ONNX Runtime writes to outputs alone.
    return Ort::Value::CreateTensor(memory, const_cast<std::byte*>(tensor.data()), tensor.bytes(),
                                    shape.data(), shape.size(), row->number);
}

Tensor to_tensor(const Ort::Value& value) {
    if (!value.IsTensor()) throw Error(ErrorKind::unsupported, "an output is no plain tensor");
    const auto info = value.GetTensorTypeAndShapeInfo();
    const auto type = element_type(info.GetElementType());
    if (!type) throw Error(ErrorKind::unsupported, "an output has an element type that Whence does not read");
    Tensor out(*type, info.GetShape());
    if (*type == ElementType::string) {
        const auto texts = out.as<std::string>();
        for (size_t i = 0; i < texts.size(); ++i) texts[i] = value.GetStringTensorElement(i);
    } else if (out.bytes() > 0) {
        std::memcpy(out.data(), value.GetTensorRawData(), out.bytes());
    }
    return out;
}

Ort::SessionOptions session_options(const SessionOptions& options) {
    Ort::SessionOptions out;
    out.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
    if (options.threads == 0) {
        out.DisablePerSessionThreads();
    } else {
        out.SetIntraOpNumThreads(options.threads);
        out.SetInterOpNumThreads(1);
        // A pool that spins on after its run takes the cores from the next session's.
        out.AddConfigEntry("session.force_spinning_stop", "1");
    }
    out.SetGraphOptimizationLevel(options.optimise ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
    out.AddConfigEntry("session.use_env_allocators", "1");
    return out;
}

constexpr size_t large = size_t{1} << 20, all = std::numeric_limits<size_t>::max();

uint64_t bytes_of_constants(const graph::Graph& graph) {
    uint64_t bytes = 0;
    for (const auto& [name, constant] : graph.initializers) bytes += constant->bytes();
    return bytes;
}

std::vector<const char*> pointers(const std::vector<std::string>& names) {
    std::vector<const char*> out;
    for (const std::string& name : names) out.push_back(name.c_str());
    return out;
}

}  // namespace

struct Session::State {
    // Outlive the session: large constants, and ONNX Runtime's names for them.
    std::map<std::string, graph::Constant> borrowed;
    std::vector<Ort::Value> values;
    Ort::Session session{nullptr};
    Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<std::string> input_names, output_names;
    std::vector<const char*> input_pointers, output_pointers;

    void run(const std::vector<const Tensor*>& inputs, std::vector<Ort::Value>& outputs, const Run& run);
};

Session::Session(const graph::Graph& graph, const SessionOptions& options)
    : state_(std::make_unique<State>()) {
    graph::Apart model = graph::serialize_apart(graph, bytes_of_constants(graph) > options.inside ? large : all);
    state_->borrowed = std::move(model.constants);
    try {
        Ort::SessionOptions made = session_options(options);
        std::vector<std::string> names;
        for (const auto& [name, constant] : state_->borrowed) {
            names.push_back(name);
            state_->values.push_back(to_value(*constant, state_->memory));
            made.AddInitializer(name.c_str(), state_->values.back());  // so that no copy stays
        }
        if (!names.empty()) made.AddExternalInitializers(names, state_->values);  // for the optimiser
        state_->session = Ort::Session(environment(), model.bytes.data(), model.bytes.size(), made);
    } catch (const Ort::Exception& error) {
        throw failure("the model cannot be run: ", reason(error));
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::limit, "the model needs more memory than the limit allows");
    }
    for (const graph::ValueInfo& input : graph.inputs) state_->input_names.push_back(input.name);
    for (const graph::ValueInfo& output : graph.outputs) state_->output_names.push_back(output.name);
    state_->input_pointers = pointers(state_->input_names);
    state_->output_pointers = pointers(state_->output_names);
}

Session::~Session() = default;

void Session::State::run(const std::vector<const Tensor*>& inputs, std::vector<Ort::Value>& outputs, const Run& run) {
    run.check();
    Ort::RunOptions options;
    const std::stop_callback on_stop(run.stop, [&] { options.SetTerminate(); });
    const Watchdog on_deadline(run.deadline, [&] { options.SetTerminate(); });
    try {
        std::vector<Ort::Value> given;
        given.reserve(inputs.size());
        for (const Tensor* input : inputs) given.push_back(to_value(*input, memory));
        session.Run(options, input_pointers.data(), given.data(), given.size(), output_pointers.data(), outputs.data(),
                    outputs.size());
    } catch (const Ort::Exception& error) {
        run.check();  // ended on demand
        throw failure("the model failed: ", reason(error));
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::limit, "the model needs more memory than the limit allows");
    }
}

std::vector<Tensor> Session::run(const std::vector<const Tensor*>& inputs, const Run& run) const {
    std::vector<Ort::Value> outputs;  // to be made by the run
    for (size_t i = 0; i < state_->output_names.size(); ++i) outputs.emplace_back(nullptr);
    state_->run(inputs, outputs, run);
    std::vector<Tensor> tensors;
    tensors.reserve(outputs.size());
    for (const Ort::Value& output : outputs) tensors.push_back(to_tensor(output));
    return tensors;
}

void Session::run_into(const std::vector<const Tensor*>& inputs, const std::vector<Tensor*>& outputs, const Run& run) const {
    std::vector<Ort::Value> values;
    values.reserve(outputs.size());
    for (Tensor* output : outputs) values.push_back(to_value(*output, state_->memory));
    state_->run(inputs, values, run);
}

std::vector<graph::ValueInfo> Session::output_infos() const {
    std::vector<graph::ValueInfo> infos;
    for (size_t i = 0; i < state_->output_names.size(); ++i) {
        graph::ValueInfo info{.name = state_->output_names[i]};
        const Ort::TypeInfo type_info = state_->session.GetOutputTypeInfo(i);
        if (type_info.GetONNXType() == ONNX_TYPE_TENSOR) {
            const auto tensor = type_info.GetTensorTypeAndShapeInfo();
            info.type = element_type(tensor.GetElementType());
            const std::vector<int64_t> shape = tensor.GetShape();
            std::vector<const char*> symbols(shape.size());
            tensor.GetSymbolicDimensions(symbols.data(), symbols.size());
            info.shape.emplace();
            for (size_t d = 0; d < shape.size(); ++d)
                info.shape->push_back({shape[d], shape[d] < 0 && symbols[d] ? symbols[d] : ""});
        }
        infos.push_back(std::move(info));
    }
    return infos;
}

}  // namespace whence::runtime

#include "model.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <map>

#include "arrays.h"
#include "input.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/data/table_model.h"
#include "whence/graph/io.h"
#include "whence/recipe/layers.h"
#include "whence/recipe/methods.h"

namespace whence::python {
namespace {

// (name, dtype, shape, scale) of inputs or outputs.
nb::object tensor_infos(const std::vector<TensorInfo>& infos) {
    const nb::object type = nb::module_::import_("whence._whence").attr("TensorInfo");
    nb::list out;
    for (const TensorInfo& info : infos) {
        nb::list shape;
        for (const int64_t length : info.shape) shape.append(length < 0 ? nb::none() : nb::object(nb::int_(length)));
        const std::string_view scale = name(info.scale);
        out.append(type(info.name, numpy_dtype(info.type), nb::tuple(shape), nb::str(scale.data(), scale.size())));
    }
    return nb::tuple(out);
}

// Rows given without a leading dimension lose it in the answer.
nb::object answer(Tensor tensor, bool batched) {
    if (!batched && tensor.rank() >= 1 && tensor.rows() == 1)
        tensor = std::move(tensor).reshaped(Shape(tensor.shape().begin() + 1, tensor.shape().end()));
    return to_numpy(std::move(tensor));
}

LoadedPtr load(const std::string& path, const std::string& preprocess, int threads, const std::optional<std::string>& background,
               const std::optional<std::string>& labels_path, const std::optional<std::vector<std::string>>& classes,
               const std::vector<std::string>& endpoint) {
    LoadedPtr loaded;
    Pace pace;
    run_without_gil({}, pace, 1, [&](const Run& run) {
        loaded = std::make_shared<Loaded>(recipe::Subject::load(path, preprocess, threads, run, remote::parse_options(endpoint)));
        if (loaded->subject.endpoint_or_null()) loaded->stay_beside();
        if (labels_path) loaded->subject.use_labels(*labels_path);
        if (classes) loaded->subject.use_classes(*classes);
        if (background) loaded->subject.use_background(*background);
    });
    return loaded;
}

nb::object predict(Loaded& model, nb::handle input, const RunSettings& settings) {
    Rows rows = to_rows(model.subject, input);
    Batch outputs;
    run_without_gil(settings, model.predicting, rows.batch.rows(),
                    [&](const Run& run) {
                        const Model& asked = model.subject.model();
                        if (rows.texts)
                            outputs = text::TextModel(asked, *model.subject.text_encoder()).predict(rows.batch, run);
                        else
                            outputs = rows.schema.empty() ? asked.predict(rows.batch, run)
                                                      : data::TableModel(asked, rows.schema).predict(rows.batch, run);
                    });
    if (outputs.size() == 1) return answer(std::move(outputs[0].value), rows.batched);
    nb::dict all;
    for (NamedTensor& output : outputs.tensors()) all[output.name.c_str()] = answer(std::move(output.value), rows.batched);
    return all;
}

// The first floating-point input, which is also what methods explain.
std::string first_input(const OnnxModel& model) {
    for (const TensorInfo& info : model.inputs())
        if (info.type == ElementType::float32 || info.type == ElementType::float64) return info.name;
    throw Error(ErrorKind::unsupported, "no input of the model holds floating-point numbers: there is nothing to differentiate");
}

GradientRequest gradient_request(const Loaded& model, const Batch& rows, nb::handle target, const std::optional<std::string>& output,
                                 const std::string& scale, const std::vector<std::string>& wrt) {
    const recipe::Subject& subject = model.subject;
    Target wanted = Target::parse(target_text(target, output), subject.classes());
    wanted.scale = parse_scale(scale);
    // Where no class is asked for, each row has its own: class 0 stands in to settle output and scale.
    Target settled = wanted;
    if (!settled.index) settled.index = 0;
    GradientRequest request = request_for(resolve(settled, subject.onnx(), rows, Scale::logit, Run{}));
    if (!wanted.index) request.index.reset();
    request.gradients = wrt;
    if (wrt.empty()) request.gradients = {first_input(subject.onnx())};
    return request;
}

nb::object gradient(Loaded& model, nb::handle input, nb::handle target, const std::optional<std::string>& output,
                    const std::string& scale, const std::vector<std::string>& wrt, bool with_values, const RunSettings& settings) {
    const Rows rows = to_rows(model.subject, input);
    if (rows.texts) throw Error(ErrorKind::usage, "gradient takes one text at a time");
    const GradientRequest request = gradient_request(model, rows.batch, target, output, scale, wrt);
    GradientResult result;
    run_without_gil(settings, model.differentiating, rows.batch.rows(),
                    [&](const Run& run) { result = model.subject.onnx().run(rows.batch, request, run); });
    nb::object gradients;
    if (wrt.size() <= 1) {
        gradients = answer(std::move(result.gradients.at(0)), rows.batched);
    } else {
        nb::dict all;
        for (size_t i = 0; i < wrt.size(); ++i) all[wrt[i].c_str()] = answer(std::move(result.gradients.at(i)), rows.batched);
        gradients = all;
    }
    if (!with_values) return gradients;
    Tensor values = Tensor::of<double>({static_cast<int64_t>(result.target.size())}, result.target);
    return nb::make_tuple(gradients, answer(std::move(values), rows.batched));
}

void write_gradient_model(Loaded& model, const std::string& path, nb::handle target, const std::optional<std::string>& output,
                          const std::string& scale, const std::vector<std::string>& wrt) {
    Batch none;
    const GradientRequest request = gradient_request(model, none, target, output, scale, wrt);
    const nb::gil_scoped_release released;
    write_file(path, graph::serialize(model.subject.onnx().gradient_graph(request)));
}

nb::dict info_of(const trees::EnsembleModel& model, const recipe::Subject& subject) {
    const trees::EnsembleParts& parts = model.ensemble().parts();
    nb::dict out;
    out["path"] = subject.path().string();
    out["sha256"] = subject.sha256();
    out["format"] = parts.format;
    out["trees"] = parts.trees.size();
    out["inputs"] = tensor_infos(model.inputs());
    out["outputs"] = tensor_infos(model.outputs());
    out["columns"] = parts.feature_names;
    out["classes"] = subject.classes();
    out["covers"] = parts.has_covers;
    out["notes"] = parts.notes;
    return out;
}

nb::dict info(const Loaded& model) {
    if (const trees::EnsembleModel* ensemble = model.subject.ensemble_or_null())
        return info_of(*ensemble, model.subject);
    const OnnxModel& onnx = model.subject.onnx();
    nb::dict out;
    out["path"] = model.subject.path().string();
    out["sha256"] = onnx.sha256();
    out["opset"] = onnx.graph().opset();
    out["inputs"] = tensor_infos(onnx.inputs());
    out["outputs"] = tensor_infos(onnx.outputs());
    out["classes"] = model.subject.classes();
    std::map<std::string, int64_t> operators;
    nb::list layers;
    for (const graph::Node& node : onnx.graph().nodes) {
        ++operators[(node.domain.empty() ? "" : node.domain + ".") + node.op];
        for (const std::string& tensor : node.outputs)
            if (!tensor.empty()) layers.append(tensor);
    }
    nb::dict counts;
    for (const auto& [op, count] : operators) counts[op.c_str()] = count;
    out["operators"] = counts;
    out["tensors"] = layers;
    nb::list suggested;
    for (const recipe::SuggestedLayer& layer : recipe::suggested_layers(onnx)) {
        const std::string_view role = recipe::name(layer.role);
        suggested.append(nb::make_tuple(layer.name, nb::str(role.data(), role.size()), layer.reason));
    }
    out["suggested"] = suggested;
    nb::list differentiable;
    for (const Differentiability& d : onnx.differentiability()) {
        nb::dict row;
        row["output"] = d.output;
        row["input"] = d.input;
        row["differentiable"] = d.connected && d.missing.empty();
        row["missing"] = d.missing;
        differentiable.append(row);
    }
    out["differentiability"] = differentiable;
    out["batch"] = onnx.batch_note();
    return out;
}

nb::str text(const Loaded& model) {
    std::string out = "<whence.Model " + printable(model.subject.path().filename().string());
    const auto list = [&](const std::vector<TensorInfo>& infos) {
        for (size_t i = 0; i < infos.size(); ++i)
            out += (i ? ", " : " ") + printable(infos[i].name) + " " + to_string(infos[i].shape);
    };
    out += ":";
    list(model.subject.model().inputs());
    out += " ->";
    list(model.subject.model().outputs());
    out += ">";
    return nb::str(out.c_str(), out.size());
}

}  // namespace

void bind_model(nb::module_& module) {
    module.attr("TensorInfo") = nb::module_::import_("collections")
                                    .attr("namedtuple")("TensorInfo", nb::make_tuple("name", "dtype", "shape", "scale"),
                                                        nb::arg("module") = "whence");
    module.def("load", &load, nb::arg("path"), nb::arg("preprocess"), nb::arg("threads"), nb::arg("background").none(),
               nb::arg("labels_path").none(), nb::arg("classes").none(), nb::arg("endpoint"));

    nb::class_<Loaded>(module, "Model", "A model that explains: made by whence.load.")
        .def(
            "predict",
            [](Loaded& model, nb::handle input, std::optional<double> time_limit) {
                return predict(model, input, {.time_limit = time_limit});
            },
            nb::arg("input"), nb::kw_only(), nb::arg("time_limit") = nb::none(),
            "What the model returns for rows given as an array, a dict of arrays by the names of the inputs, or a file: an\n"
            "array, or a dict of arrays where there are several outputs. A model of texts also takes a str, or a list of them (its\n"
            "files are then pathlib.Path). One row may be given without the leading dimension.")
        .def(
            "gradient",
            [](Loaded& model, nb::handle input, nb::handle target, nb::handle wrt, std::optional<std::string> output,
               const std::string& scale, bool return_values, std::optional<double> time_limit) {
                std::vector<std::string> tensors;
                if (nb::isinstance<nb::str>(wrt)) tensors = {nb::cast<std::string>(wrt)};
                else if (!wrt.is_none()) tensors = nb::cast<std::vector<std::string>>(wrt);
                return gradient(model, input, target, output, scale, tensors, return_values, {.time_limit = time_limit});
            },
            nb::arg("input"), nb::arg("target") = nb::none(), nb::arg("wrt") = nb::none(), nb::arg("output") = nb::none(),
            nb::kw_only(), nb::arg("scale") = "automatic", nb::arg("return_values") = false, nb::arg("time_limit") = nb::none(),
            "The gradient of each row's target with respect to that row, all rows in one pass. `target` is a class number, a\n"
            "class name or a pair (i, j) for score i - score j; None takes each row's own top class. `wrt` names any tensor of\n"
            "the model (or several: then a dict comes back); None is the first floating-point input. As in explain, the target\n"
            "is the logit, also of a model that returns probabilities, unless `scale` says otherwise. With return_values the\n"
            "answer is a pair (gradient, value of the target for each row).")
        .def(
            "gradient_model",
            [](Loaded& model, const nb::object& path, nb::handle target, nb::handle wrt, std::optional<std::string> output,
               const std::string& scale) {
                std::vector<std::string> tensors;
                if (nb::isinstance<nb::str>(wrt)) tensors = {nb::cast<std::string>(wrt)};
                else if (!wrt.is_none()) tensors = nb::cast<std::vector<std::string>>(wrt);
                const auto where = path_of(path);
                if (!where) throw Error(ErrorKind::usage, "gradient_model needs the path of the file to write");
                write_gradient_model(model, *where, target, output, scale, tensors);
            },
            nb::arg("path"), nb::arg("target") = nb::none(), nb::arg("wrt") = nb::none(), nb::arg("output") = nb::none(),
            nb::kw_only(), nb::arg("scale") = "automatic",
            "Writes an ONNX file that returns the target's value, its class and its gradient: forward and backward in one\n"
            "graph of standard operators. With a target it has a further input, whence/index, the class to explain.")
        .def("info", &info, "What is known of the model, as a dict.")
        .def_prop_ro("inputs", [](const Loaded& m) { return tensor_infos(m.subject.model().inputs()); },
                     "Named tuples (name, dtype, shape, scale); unknown lengths are None.")
        .def_prop_ro("outputs", [](const Loaded& m) { return tensor_infos(m.subject.model().outputs()); },
                     "Named tuples (name, dtype, shape, scale); unknown lengths are None.")
        .def_prop_ro("classes", [](const Loaded& m) { return m.subject.classes(); }, "Names of the classes; empty if nobody knows them.")
        .def_prop_ro("sha256", [](const Loaded& m) { return m.subject.sha256().empty() ? m.subject.onnx().sha256() : m.subject.sha256(); },
                     "SHA-256 of the file; an endpoint has none and says so.")
        .def_prop_ro("path", [](const Loaded& m) { return m.subject.path().string(); })
        .def("__repr__", &text);
}

}  // namespace whence::python

#include "function.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "input.h"
#include "whence/core/error.h"
#include "whence/core/function_model.h"

namespace whence::python {
namespace {

Tensor call(const nb::object& callable, const Tensor& rows) {
    const nb::gil_scoped_acquire gil;
    return to_tensor(callable(to_numpy(rows)), "what the function returned");
}

LoadedPtr function(nb::object callable, const std::vector<int64_t>& shape, const std::string& type, const std::string& scale,
                   const std::vector<std::string>& columns, nb::handle background, const std::vector<std::string>& classes,
                   int64_t batch, const std::string& label) {
    Shape input{-1};
    input.insert(input.end(), shape.begin(), shape.end());
    const ElementType element = type == "float32" ? ElementType::float32 : ElementType::float64;
    // What the function returns is learnt by asking it one row of zeros, or of the background.
    Shape one = input;
    one[0] = 1;
    for (int64_t& length : one)
        if (length < 0) length = 1;
    Tensor probe(element, one);
    if (!background.is_none()) probe = to_tensor(background, "the background").slice_rows(0, 1).cast(element).reshaped(one);
    Tensor answer = call(callable, probe);
    Shape output = answer.rank() <= 1 ? Shape{-1, 1} : answer.shape();
    output[0] = -1;
    const auto held = shared(std::move(callable));
    auto model = std::make_shared<FunctionModel>(
        TensorInfo{.name = "rows", .type = element, .shape = input},
        TensorInfo{.name = "output", .type = ElementType::float64, .shape = output, .scale = parse_scale(scale)},
        [held](const Tensor& rows, const Run&) { return call(*held, rows); }, FunctionModel::Options{.preferred_batch = batch});
    data::Preprocessing preprocessing{.classes = classes};
    if (shape.size() == 1) {
        preprocessing.kind = data::InputKind::table;
        preprocessing.table.features = columns;
    }
    auto loaded = std::make_shared<Loaded>(recipe::Subject::of(std::move(model), label, std::move(preprocessing)));
    if (!background.is_none()) loaded->subject.use_background(table_of(background, columns));
    loaded->stay_in_place();
    return loaded;
}

}  // namespace

std::shared_ptr<nb::object> shared(nb::object callable) {
    return {new nb::object(std::move(callable)), [](nb::object* object) {
                const nb::gil_scoped_acquire gil;
                delete object;
            }};
}

void bind_function(nb::module_& module) {
    module.def("function", &function, nb::arg("callable"), nb::arg("shape"), nb::arg("type"), nb::arg("scale"), nb::arg("columns"),
               nb::arg("background").none(), nb::arg("classes"), nb::arg("batch"), nb::arg("label"));
}

}  // namespace whence::python

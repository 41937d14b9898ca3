#include "errors.h"

#include <string>

#include "whence/core/error.h"

namespace whence::python {
namespace {

namespace nb = nanobind;

// The one table from kinds of errors to Python's exceptions. Each is a whence.Error and what Python
// programs expect for such a failure; a user's stop is KeyboardInterrupt itself.
struct Row {
    ErrorKind kind;
    const char* name;
    PyObject** also;
    const char* doc;
    PyObject* type = nullptr;
};
Row rows[] = {
    {ErrorKind::usage, "UsageError", &PyExc_ValueError, "The request makes no sense: an unknown method, a class that does not exist."},
    {ErrorKind::input, "InputError", &PyExc_ValueError, "The data are wrong: another shape or type, NaN, a damaged file."},
    {ErrorKind::model, "ModelError", &PyExc_RuntimeError, "The model file is broken, refused, or failed when it ran."},
    {ErrorKind::unsupported, "UnsupportedError", &PyExc_NotImplementedError, "The model is fine, but this method cannot explain it."},
    {ErrorKind::limit, "LimitError", &PyExc_RuntimeError, "A limit of time or memory was reached."},
    {ErrorKind::io, "FileError", &PyExc_OSError, "A file could not be read or written."},
    {ErrorKind::internal, "InternalError", &PyExc_RuntimeError, "A bug in Whence."},
};

PyObject* type_of(ErrorKind kind) {
    if (kind == ErrorKind::interrupted) return PyExc_KeyboardInterrupt;
    for (const Row& row : rows)
        if (row.kind == kind) return row.type;
    return PyExc_RuntimeError;
}

// Messages name options as the command line writes them: "--num-samples" is num_samples here.
std::string in_python(const std::string& text) {
    const auto is_name = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
    std::string out;
    for (size_t i = text.starts_with("-o ") ? 3 : 0; i < text.size(); ++i) {
        const bool option = text.compare(i, 2, "--") == 0 && i + 2 < text.size() && is_name(text[i + 2]) &&
                            (i == 0 || text[i - 1] == ' ');
        if (!option) {
            out += text[i];
            continue;
        }
        for (i += 2; i < text.size() && is_name(text[i]); ++i) out += text[i] == '-' ? '_' : text[i];
        --i;
    }
    return out;
}

// Kept for the life of the process, as exception types of a module are.
PyObject* make_type(nb::module_& module, const char* name, const char* doc, nb::handle bases) {
    PyObject* type = PyErr_NewExceptionWithDoc((std::string("whence.") + name).c_str(), doc, bases.ptr(), nullptr);
    if (!type) nb::raise_python_error();
    module.attr(name) = nb::handle(type);
    return type;
}

}  // namespace

void bind_errors(nb::module_& module) {
    PyObject* base = make_type(module, "Error", "What Whence raises: one line that says what is wrong and where.",
                               PyExc_Exception);
    for (Row& row : rows)
        row.type = make_type(module, row.name, row.doc, nb::make_tuple(nb::handle(base), nb::handle(*row.also)));
    nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
        try {
            std::rethrow_exception(pointer);
        } catch (const Error& error) {
            // Messages may quote bytes of a file that are no UTF-8.
            const std::string text = in_python(error.what());
            const nb::object message = nb::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
            PyErr_SetObject(type_of(error.kind()), message.ptr());
        }
    });
}

}  // namespace whence::python

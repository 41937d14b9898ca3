#pragma once
// The one exception of Whence. A method that ran but did poorly says so in Diagnostics instead.

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whence {

/// What went wrong, in the only classes a caller can act on. Each has one exit code, one Python
/// exception and one HTTP status (see kinds() in error.cpp and docs/errors.md).
enum class ErrorKind {
    usage,        ///< the request makes no sense: unknown method, class that does not exist
    input,        ///< the data are wrong: ragged CSV, NaN, an image that is none, wrong shape
    model,        ///< the model file is broken or refused
    unsupported,  ///< the model is fine, but this method cannot explain it
    limit,        ///< a time or memory limit was reached
    io,           ///< a file could not be read or written
    interrupted,  ///< stopped by the user
    internal,     ///< a bug in Whence
};

/// One clear line: what, where, what to do.
class Error : public std::runtime_error {
 public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    [[nodiscard]] ErrorKind kind() const { return kind_; }

 private:
    ErrorKind kind_;
};

/// The model can be asked no more: the time is over, or its endpoint fails. What was found until then
/// still stands: methods that hold an estimate catch this, return the estimate and say why it is early.
class OutOfReach : public Error {
 public:
    using Error::Error;
    /// `answered`: values of the first inputs of the call that was cut short.
    OutOfReach(const Error& why, std::vector<double> answered)
        : Error(why), answered_(std::move(answered)) {}
    [[nodiscard]] const std::vector<double>& answered() const { return answered_; }

 private:
    std::vector<double> answered_;
};

/// Exit code of the command line for an error of this kind (documented in docs/errors.md).
[[nodiscard]] int exit_code(ErrorKind kind);

/// Short name of the kind: "usage", "input", ...
[[nodiscard]] std::string_view name(ErrorKind kind);

/// `text` cut after about `limit` bytes, with '?' for what must not be shown: control characters,
/// invalid UTF-8, marks that reorder or hide the text around them. Names that come from untrusted
/// files pass through this before they reach a message or a terminal.
[[nodiscard]] std::string printable(std::string_view text, size_t limit = 120);

}  // namespace whence

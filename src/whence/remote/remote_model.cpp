#include "whence/remote/remote_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "whence/core/error.h"

namespace whence::remote {
namespace {

// What every answer but 200 means, and what to do.
[[noreturn]] void refuse(const Answer& answer, const std::string& where,
                         const std::string& token_variable) {
    const int status = answer.status;
    const std::string said = read_error(answer.body);
    std::string hint;
    if (status == 401 || status == 403)
        hint = "; put a token into the environment variable " + printable(token_variable);
    else if (status == 404)
        hint = "; is the name of the model right, and is it loaded?";
    else if (status >= 300 && status < 400)
        hint = ", a redirect, which is not followed; give the address it leads to";
    throw Error(
        status == 401 || status == 403 || status == 404 ? ErrorKind::usage : ErrorKind::model,
        fmt::format("{}: the server answers {}{}{}", where, status, hint,
                    said.empty() ? "" : " (" + said + ")"));
}

bool fits(const Shape& given, const Shape& wanted) {
    if (given.size() != wanted.size() || given[0] < 1) return false;
    for (size_t d = 1; d < wanted.size(); ++d)
        if (wanted[d] >= 0 && wanted[d] != given[d]) return false;
    return true;
}

void check(const Batch& inputs, const std::vector<TensorInfo>& infos) {
    for (const TensorInfo& info : infos) {
        const Tensor& given = inputs.at(info.name);
        if (given.type() != info.type || !fits(given.shape(), info.shape))
            throw Error(
                ErrorKind::input,
                fmt::format("input '{}' is {} {}, the endpoint reads {} {}", printable(info.name),
                            name(given.type()), to_string(given.shape()), name(info.type),
                            to_string(info.shape)));
    }
}

// One after the other; all have the same shape but for the rows.
Tensor joined(const std::vector<Batch>& parts, size_t output) {
    Shape shape = parts[0][output].value.shape();
    int64_t rows = 0;
    for (const Batch& part : parts) {
        const Shape& given = part[output].value.shape();
        if (!std::equal(given.begin() + 1, given.end(), shape.begin() + 1, shape.end()))
            throw Error(ErrorKind::model, "the endpoint's output '" +
                                              printable(parts[0][output].name) +
                                              "' has another shape from call to call");
        rows += given[0];
    }
    shape[0] = rows;
    Tensor all(parts[0][output].value.type(), shape);
    int64_t next = 0;
    for (const Batch& part : parts) {
        const Tensor& value = part[output].value;
        if (all.type() == ElementType::string)
            std::ranges::copy(value.as<std::string>(), all.as<std::string>().begin() + next);
        else if (value.bytes() > 0)
            std::memcpy(all.data() + next * element_size(all.type()), value.data(), value.bytes());
        next += value.size();
    }
    return all;
}

}  // namespace

RemoteModel::RemoteModel(std::string_view url, Options options, const Run& run)
    : url_(printable(parse_url(url).shown(), 1000)),
      options_(std::move(options)),
      connection_(parse_url(url), options_) {
    const Answer answer = connection_.call("", run);
    if (answer.status != 200) refuse(answer, url_, options_.token_variable);
    metadata_ = read_metadata(answer.body, url_);
    for (TensorInfo& output : metadata_.outputs) output.scale = options_.scale;
}

int64_t RemoteModel::preferred_batch() const {
    return metadata_.one_row ? 1 : options_.batch;
}

Batch RemoteModel::ask(const Batch& rows, const Run& run) const {
    const Answer answer = connection_.call(write_question(metadata_.inputs, rows), run);
    if (answer.status != 200) refuse(answer, url_, options_.token_variable);
    Batch outputs = read_answer(answer.body, metadata_.outputs, rows.rows(), url_);
    answered_ += rows.rows();
    return outputs;
}

Batch RemoteModel::predict(const Batch& inputs, const Run& run) const {
    run.check();
    check(inputs, metadata_.inputs);
    const int64_t rows = inputs.rows(), most = preferred_batch();
    std::vector<Batch> parts;
    const std::lock_guard lock(mutex_);
    try {
        for (int64_t first = 0; first < rows; first += most)
            parts.push_back(rows <= most
                                ? ask(inputs, run)
                                : ask(inputs.slice_rows(first, std::min(most, rows - first)), run));
    } catch (const Error& error) {
        const bool of_endpoint = error.kind() == ErrorKind::io || error.kind() == ErrorKind::model;
        if (!of_endpoint || answered_ == 0) throw;
        throw OutOfReach(error.kind(), fmt::format("{}; {} rows were answered before", error.what(),
                                                   answered_.load()));
    }
    if (parts.size() == 1) return std::move(parts[0]);
    Batch all;
    for (size_t output = 0; output < metadata_.outputs.size(); ++output)
        all.add(metadata_.outputs[output].name, joined(parts, output));
    return all;
}

}  // namespace whence::remote

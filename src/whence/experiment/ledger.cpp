#include "whence/experiment/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"

namespace whence::experiment {
namespace {

constexpr std::string_view begin = "{\"whence-experiment\":", before_sum = ",\"checksum\":\"",
                           after_sum = "\"}";
constexpr size_t digits = 16;

std::string shown(const std::filesystem::path& path) {
    return printable(path.string(), 400);
}

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
    throw Error(ErrorKind::io, fmt::format("{}: {}: {}", shown(path), what, std::strerror(errno)));
}

std::string checksum(std::string_view row) {
    return sha256(std::as_bytes(std::span(row))).substr(0, digits);
}

// The row of a line without its end; none where the checksum does not hold.
std::optional<std::string> row_of(std::string_view line) {
    const size_t tail = before_sum.size() + digits + after_sum.size();
    if (line.size() <= tail || !line.ends_with(after_sum)) return std::nullopt;
    const size_t at = line.size() - tail;
    if (line.substr(at, before_sum.size()) != before_sum) return std::nullopt;
    std::string row = std::string(line.substr(0, at)) + "}";
    if (line.substr(at + before_sum.size(), digits) != checksum(row)) return std::nullopt;
    return row;
}

struct Parsed {
    Book book;
    size_t whole = 0;  ///< bytes of whole rows
};

Parsed parse(std::string_view text, const std::filesystem::path& path) {
    // A header that was cut short is no stranger's file.
    const bool ours = text.starts_with(begin) || begin.starts_with(text);
    if (!ours) throw Error(ErrorKind::input, shown(path) + ": this is no ledger of a study");
    Parsed out;
    size_t number = 0;
    while (out.whole < text.size()) {
        const size_t end = text.find('\n', out.whole);
        const std::string_view line = text.substr(out.whole, end - out.whole);
        ++number;
        std::optional<std::string> row;
        if (end != std::string_view::npos) row = row_of(line);
        if (!row) {
            if (end != std::string_view::npos && end + 1 < text.size())
                throw Error(ErrorKind::input,
                            fmt::format("{}: line {} is damaged, and it is not the last one: this "
                                        "ledger was changed",
                                        shown(path), number));
            out.book.torn = true;
            break;
        }
        if (number == 1)
            out.book.header = std::move(*row);
        else
            out.book.rows.push_back(std::move(*row));
        out.whole = end + 1;
    }
    return out;
}

void write_all(int file, std::string_view text, const std::filesystem::path& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(path, "rows cannot be written");
        text.remove_prefix(static_cast<size_t>(written));
    }
    if (::fdatasync(file) != 0) fail(path, "rows cannot be written");
}

}  // namespace

std::string line_of(std::string_view row) {
    std::string line(row.substr(0, row.size() - 1));
    line += before_sum;
    line += checksum(row);
    line += after_sum;
    return line + "\n";
}

Book read_book(const std::filesystem::path& path) {
    Book book = parse(read_text(path), path).book;
    if (book.header.empty())
        throw Error(ErrorKind::input, shown(path) + ": this ledger holds nothing yet");
    return book;
}

Ledger::Ledger(std::filesystem::path path, const std::string& header) : path_(std::move(path)) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file_ < 0) fail(path_, "the ledger cannot be opened");
    try {
        if (::flock(file_, LOCK_EX | LOCK_NB) != 0)
            throw Error(ErrorKind::usage,
                        shown(path_) + ": another process is writing this ledger");
        Parsed there = parse(read_text(path_), path_);
        if (!there.book.header.empty() && there.book.header != header)
            throw Error(ErrorKind::usage,
                        shown(path_) +
                            ": this ledger belongs to another study, other data or another version "
                            "of Whence; continue that one, or give another file with --ledger");
        if (::ftruncate(file_, static_cast<off_t>(there.whole)) != 0)
            fail(path_, "the torn end cannot be cut off");
        if (there.book.header.empty()) write_all(file_, line_of(header), path_);
        rows_ = std::move(there.book.rows);
    } catch (...) {
        ::close(file_);
        throw;
    }
}

Ledger::~Ledger() {
    ::close(file_);
}

void Ledger::add(std::span<const std::string> rows) {
    std::string lines;
    for (const std::string& row : rows) lines += line_of(row);
    write_all(file_, lines, path_);
}

}  // namespace whence::experiment

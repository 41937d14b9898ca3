#include "csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "whence/core/error.h"

namespace whence::data {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Whichever of the three the first line has most of, outside quotes.
char detect_delimiter(std::string_view text) {
    constexpr std::string_view choices = ",;\t";
    size_t counts[3] = {};
    bool quoted = false;
    for (const char c : text) {
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '\n' || c == '\r') break;
        if (const size_t choice = choices.find(c); choice != std::string_view::npos)
            ++counts[choice];
    }
    return choices[static_cast<size_t>(std::max_element(counts, counts + 3) - counts)];
}

bool looks_like_number(std::string_view cell) {
    return !cell.empty() && cell.find_first_not_of("0123456789.+-eE") == std::string_view::npos &&
           cell.find_first_of("0123456789") != std::string_view::npos;
}

/// Numbers where names belong; 0, 1, 2, ... are names: pandas gives them to columns without one.
bool lacks_names(const std::vector<std::string_view>& cells) {
    bool counted = true;
    for (size_t i = 0; i < cells.size(); ++i) counted = counted && cells[i] == std::to_string(i);
    return !counted && std::all_of(cells.begin(), cells.end(), looks_like_number);
}

}  // namespace

CsvReader::CsvReader(std::string_view text, std::string name)
    : text_(text), name_(std::move(name)) {
    read_header();
}

CsvReader::CsvReader(FileReader& file)
    : file_(&file), file_ended_(false), name_(printable(file.path().string(), 400)) {
    file.seek(0);
    // The first line says what separates cells: it is there whole before that is asked.
    while (text_.find_first_of("\r\n", text_.find_first_not_of("\r\n \xEF\xBB\xBF")) ==
               std::string_view::npos &&
           read_more(0)) {
    }
    read_header();
}

void CsvReader::read_header() {
    if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF"))
        fail("this is UTF-16; save the table as UTF-8");
    if (text_.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
    skip_empty_lines();
    delimiter_ = detect_delimiter(text_.substr(at_));
    std::vector<std::string_view> cells;
    if (!read_row(cells)) throw Error(ErrorKind::input, name_ + ": this table is empty");
    if (lacks_names(cells)) fail("numbers where a header with the names of the columns belongs");
    std::set<std::string> seen;
    for (const std::string_view cell : cells) {
        header_.push_back(cell.empty() ? fmt::format("unnamed_{}", header_.size() + 1)
                                       : std::string(cell));
        if (!seen.insert(header_.back()).second)
            fail("two columns are named '" + printable(header_.back()) + "'");
    }
    first_row_ = at_;
    if (file_) first_row_ += file_->place() - text_.size();
    first_row_line_ = line_;
}

void CsvReader::rewind() {
    line_ = first_row_line_;
    at_ = first_row_;
    if (!file_) return;
    file_->seek(first_row_);
    file_ended_ = false;
    window_.clear();
    text_ = {};
    at_ = 0;
}

// What stands before `keep_from` is dropped; false where nothing follows.
bool CsvReader::read_more(size_t keep_from) {
    if (file_ended_) return false;
    constexpr size_t block = 1 << 20;
    window_.erase(0, keep_from);
    // A row longer than a block is read in pieces that double.
    const size_t kept = window_.size(), wanted = std::max(block, kept);
    window_.resize(kept + wanted);
    const size_t got =
        file_->read(std::as_writable_bytes(std::span(window_).subspan(kept)));
    window_.resize(kept + got);
    file_ended_ = got < wanted;
    text_ = window_;
    return true;
}

void CsvReader::fail(const std::string& why) const {
    throw Error(ErrorKind::input, fmt::format("{} line {}: {}", name_, row_line_, why));
}

bool CsvReader::next(std::vector<std::string_view>& cells) {
    if (!read_row(cells)) return false;
    if (cells.size() != header_.size())
        fail(fmt::format("{} cell{}, the header has {}", cells.size(), cells.size() == 1 ? "" : "s",
                         header_.size()));
    return true;
}

bool CsvReader::read_row(std::vector<std::string_view>& cells) {
    while (true) {
        const size_t start = at_;
        const int64_t line = line_;
        cells.clear();
        unquoted_.clear();
        skip_empty_lines();
        row_line_ = line_;
        if (!at_end()) read_cells(cells);
        if (!at_end() || file_ended_) return !cells.empty();
        // What ends with the window may go on behind it: read on, and the row once more.
        read_more(start);
        at_ = 0;
        line_ = line;
    }
}

void CsvReader::read_cells(std::vector<std::string_view>& cells) {
    while (true) {
        skip_blanks();
        cells.push_back(!at_end() && text_[at_] == '"' ? quoted_cell() : plain_cell());
        if (at_end() || end_of_line()) return;
        ++at_;  // the delimiter
    }
}

std::string_view CsvReader::plain_cell() {
    const size_t start = at_;
    while (!at_end() && !ends_cell(text_[at_])) {
        if (text_[at_] == '\0') fail("a NUL byte: this is no text in UTF-8");
        ++at_;
    }
    size_t end = at_;
    while (end > start && blank(text_[end - 1])) --end;
    return text_.substr(start, end - start);
}

std::string_view CsvReader::quoted_cell() {
    const size_t start = ++at_;
    bool doubled = false;
    while (true) {
        if (at_end() && !file_ended_) return {};  // it may be closed in what follows
        if (at_end()) fail("a quote that is opened and never closed");
        const char c = text_[at_];
        if (c == '\0') fail("a NUL byte: this is no text in UTF-8");
        if (c == '"') {
            if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
            doubled = true;
            ++at_;
        }
        if (c == '\n') ++line_;
        ++at_;
    }
    const std::string_view inside = text_.substr(start, at_ - start);
    ++at_;
    skip_blanks();
    if (!at_end() && !ends_cell(text_[at_])) fail("text after a closing quote");
    if (!doubled) return inside;
    std::string& plain = unquoted_.emplace_back();
    for (size_t i = 0; i < inside.size(); ++i) {
        plain += inside[i];
        if (inside[i] == '"') ++i;
    }
    return plain;
}

void CsvReader::skip_blanks() {
    while (!at_end() && blank(text_[at_])) ++at_;
}

void CsvReader::skip_empty_lines() {
    while (!at_end()) {
        const size_t start = at_;
        while (!at_end() && text_[at_] == ' ') ++at_;
        if (!at_end() && !end_of_line()) {
            at_ = start;
            return;
        }
    }
}

/// Moves past a line break, if there is one here: LF, CRLF or CR.
bool CsvReader::end_of_line() {
    if (text_[at_] != '\n' && text_[at_] != '\r') return false;
    at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
    ++line_;
    return true;
}

}  // namespace whence::data

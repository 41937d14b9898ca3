#pragma once
// The cells of a CSV, row by row: of a text without a copy of it, or of a file without holding it.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/file.h"

namespace whence::data {

/// The text or file must outlive the reader, a text everything it returns, too.
class CsvReader {
  public:
    /// Reads the header. `name` begins every error message. Throws Error(input) for a text that is
    /// none, without header or without names.
    CsvReader(std::string_view text, std::string name);
    /// The same of a file, of which no more than the longest row and a block are in memory.
    explicit CsvReader(FileReader& file);
    CsvReader(const CsvReader&) = delete;
    CsvReader& operator=(const CsvReader&) = delete;

    [[nodiscard]] const std::vector<std::string>& header() const { return header_; }
    [[nodiscard]] char delimiter() const { return delimiter_; }

    /// The next row, as many cells as the header; valid until the next call. False at the end.
    /// Throws Error(input) for a ragged row, a NUL byte and a quote that never closes.
    bool next(std::vector<std::string_view>& cells);
    /// Line on which the row of the last next() began, counted from 1.
    [[nodiscard]] int64_t line() const { return row_line_; }
    /// Back to the first row below the header.
    void rewind();

    /// Throws Error(input): "FILE line 17: why".
    [[noreturn]] void fail(const std::string& why) const;

  private:
    void read_header();
    bool read_row(std::vector<std::string_view>& cells);
    void read_cells(std::vector<std::string_view>& cells);
    bool read_more(size_t keep_from);
    std::string_view quoted_cell();
    std::string_view plain_cell();
    void skip_blanks();
    void skip_empty_lines();
    bool end_of_line();
    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] bool blank(char c) const { return c == ' ' || (c == '\t' && delimiter_ != '\t'); }
    [[nodiscard]] bool ends_cell(char c) const { return c == delimiter_ || c == '\n' || c == '\r'; }

    FileReader* file_ = nullptr;  // what follows text_, until its end was read
    bool file_ended_ = true;
    std::string window_;  // of the file: what text_ shows
    std::string_view text_;
    std::string name_;
    char delimiter_ = ',';
    size_t at_ = 0;
    int64_t line_ = 1, row_line_ = 1;
    uint64_t first_row_ = 0;  // from the beginning of the text or file
    int64_t first_row_line_ = 1;
    std::vector<std::string> header_;
    std::deque<std::string> unquoted_;  // cells with doubled quotes; a deque never moves them
};

}  // namespace whence::data

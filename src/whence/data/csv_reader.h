#pragma once
// The cells of a CSV text, row by row, without a copy of the text.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace whence::data {

/// `text` must outlive the reader and everything it returns.
class CsvReader {
  public:
    /// Reads the header. `name` begins every error message. Throws Error(input) for a text that is
    /// none, without header or without names.
    CsvReader(std::string_view text, std::string name);

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
    bool read_row(std::vector<std::string_view>& cells);
    std::string_view quoted_cell();
    std::string_view plain_cell();
    void skip_blanks();
    void skip_empty_lines();
    bool end_of_line();
    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] bool blank(char c) const { return c == ' ' || (c == '\t' && delimiter_ != '\t'); }
    [[nodiscard]] bool ends_cell(char c) const { return c == delimiter_ || c == '\n' || c == '\r'; }

    std::string_view text_;
    std::string name_;
    char delimiter_;
    size_t at_ = 0;
    int64_t line_ = 1, row_line_ = 1;
    size_t first_row_ = 0;
    int64_t first_row_line_ = 1;
    std::vector<std::string> header_;
    std::deque<std::string> unquoted_;  // cells with doubled quotes; a deque never moves them
};

}  // namespace whence::data

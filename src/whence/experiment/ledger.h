#pragma once
// The book of a study: rows of JSON, one a line, that are only ever added.
//
// Every line carries a checksum of itself. A process killed at any moment leaves whole lines and at
// most one torn one, the last, which the next writer drops; a row that add() returned for is there.

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whence::experiment {

struct Book {
    std::string header;             ///< the first row
    std::vector<std::string> rows;  ///< the others, in order, without their checksums
    bool torn = false;              ///< something after the last whole row was left out
};

/// Throws Error(io), or Error(input) for a file that is no ledger or has a damaged row before the
/// last one.
[[nodiscard]] Book read_book(const std::filesystem::path& path);

class Ledger {
  public:
    /// Opens or begins the ledger, alone: a second writer gets Error(usage). A ledger with another
    /// header than `header` (a JSON object) gets Error(usage), too; a file that is no ledger
    /// Error(input).
    Ledger(std::filesystem::path path, const std::string& header);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Rows there were when it was opened.
    [[nodiscard]] const std::vector<std::string>& rows() const { return rows_; }
    /// Writes rows (JSON objects) in one go and returns when they are on the disk. Throws
    /// Error(io).
    void add(std::span<const std::string> rows);

  private:
    std::filesystem::path path_;
    int file_ = -1;
    std::vector<std::string> rows_;
};

/// The line of a row: the same object with "checksum" as its last member, and the end of line.
[[nodiscard]] std::string line_of(std::string_view row);

}  // namespace whence::experiment

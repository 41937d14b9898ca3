#pragma once
// SQLite: a connection and its statements, with Whence's errors. Private to this folder.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace whence::store {

class Database;

/// A prepared statement: values are bound from left to right, columns read by number from 0.
class Statement {
  public:
    Statement(Database& database, std::string_view sql);
    ~Statement();
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;

    template <class... Values>
    Statement& with(const Values&... values) {
        reset();
        int place = 0;
        (bind(++place, values), ...);
        return *this;
    }
    /// The next row; false behind the last one.
    bool step();
    /// Runs to the end, what it returns is of no interest.
    void run();
    void reset();

    [[nodiscard]] int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;

  private:
    void bind(int place, int64_t value);
    void bind(int place, const std::string& value);
    Database& database_;
    sqlite3_stmt* statement_ = nullptr;
};

class Database {
  public:
    enum class Access { read, write };
    /// Throws Error(io), Error(input) for a file that is no database or a damaged one.
    Database(std::filesystem::path path, Access access);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void run(const char* sql);
    [[noreturn]] void fail(int code) const;
    [[nodiscard]] sqlite3* raw() const { return database_; }

  private:
    std::filesystem::path path_;
    sqlite3* database_ = nullptr;
};

/// A transaction that is undone unless commit() was reached.
class Transaction {
  public:
    enum class Kind { read, write };
    Transaction(Database& database, Kind kind);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

  private:
    Database& database_;
    bool open_ = true;
};

}  // namespace whence::store

#include "whence/store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

#include "whence/core/error.h"

namespace whence::store {
namespace {

constexpr int patience_ms = 20'000;  // another process may be writing its log back

}  // namespace

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
    const int code = sqlite3_prepare_v2(database.raw(), sql.data(), static_cast<int>(sql.size()),
                                        &statement_, nullptr);
    if (code != SQLITE_OK) database.fail(code);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
    sqlite3_finalize(statement_);
}

bool Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    sqlite3_reset(statement_);
    if (code != SQLITE_DONE) database_.fail(code);
    return false;
}

void Statement::run() {
    while (step()) {
    }
}

void Statement::reset() {
    sqlite3_reset(statement_);
}

int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return text ? std::string(reinterpret_cast<const char*>(text), static_cast<size_t>(size)) : "";
}

void Statement::bind(int place, int64_t value) {
    const int code = sqlite3_bind_int64(statement_, place, value);
    if (code != SQLITE_OK) database_.fail(code);
}

void Statement::bind(int place, const std::string& value) {
    const int code = sqlite3_bind_text64(statement_, place, value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK) database_.fail(code);
}

Database::Database(std::filesystem::path path, Access access) : path_(std::move(path)) {
    // A reader too must be able to write: readers of a log say in a file how far they have read.
    const int flags = SQLITE_OPEN_READWRITE | (access == Access::write ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path_.c_str(), &database_, flags, nullptr);
    try {
        if (code != SQLITE_OK) fail(code);
        sqlite3_extended_result_codes(database_, 1);
        sqlite3_busy_timeout(database_, patience_ms);
        if (access == Access::read) {
            run("PRAGMA query_only = 1");
        } else {
            run("PRAGMA journal_mode = WAL");
            run("PRAGMA synchronous = FULL");
        }
    } catch (...) {
        sqlite3_close(database_);
        throw;
    }
}

Database::~Database() {
    sqlite3_close(database_);
}

void Database::run(const char* sql) {
    Statement(*this, sql).run();
}

void Database::fail(int code) const {
    const std::string path = printable(path_.string(), 400);
    const char* what = database_ ? sqlite3_errmsg(database_) : sqlite3_errstr(code);
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_ERROR:     // a table that is missing
        case SQLITE_MISMATCH:  // a value of another type than was written
            throw Error(ErrorKind::input,
                        fmt::format("{}: this database is damaged ({}): restore it from a copy, or "
                                    "index again into another folder",
                                    path, what));
        case SQLITE_FULL:
            throw Error(ErrorKind::io, fmt::format("{}: the disk is full; the store is as it was "
                                                   "before: make room and go on",
                                                   path));
        case SQLITE_BUSY:
            throw Error(ErrorKind::io,
                        fmt::format("{}: another process holds this database; try again", path));
        case SQLITE_NOMEM:
            throw Error(ErrorKind::limit, fmt::format("{}: not enough memory", path));
        default:
            throw Error(ErrorKind::io,
                        fmt::format("{}: the database cannot be used: {}", path, what));
    }
}

Transaction::Transaction(Database& database, Kind kind) : database_(database) {
    database.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

void Transaction::commit() {
    database_.run("COMMIT");
    open_ = false;
}

Transaction::~Transaction() {
    if (open_) sqlite3_exec(database_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace whence::store

// SQLite, as thin as it goes: a connection, a prepared statement, and what an error means to a
// journal. A connection is used by one thread at a time (SQLITE_OPEN_NOMUTEX): who shares one holds
// a lock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "events/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace caravan::adapter {

struct closes {
    void operator()(sqlite3* connection) const noexcept;
    void operator()(sqlite3_stmt* prepared) const noexcept;
};

class statement {
  public:
    statement() = default;
    explicit statement(sqlite3_stmt* prepared) : prepared_(prepared) {}

    // Parameters count from 1. Texts and blobs are not copied: they must live until reset().
    void bind(int at, std::uint64_t value) noexcept;
    void bind_text(int at, std::string_view value) noexcept;
    void bind_blob(int at, std::string_view value) noexcept;

    bool row() noexcept;    // steps; whether there is a row
    bool done() noexcept;   // steps to the end and resets; whether all went well
    bool reset() noexcept;  // whether the last step went well

    // Columns count from 0; views live until the next step.
    std::uint64_t number(int at) const noexcept;
    std::string_view text(int at) const noexcept;

  private:
    std::unique_ptr<sqlite3_stmt, closes> prepared_;
};

class database {
  public:
    enum class access { read_only, read_write };
    static result<database> open(const std::string& path, access);

    result<void> run(const std::string& sql);  // any number of statements, no rows
    result<statement> prepare(const std::string& sql) const;
    result<std::uint64_t> number(
        const std::string& sql) const;  // the first column of the first row
    bool read_only() const noexcept;
    bool in_transaction() const noexcept;

    // Copies what it can of the WAL into the database, without waiting for anyone; the WAL's pages
    // that are left uncopied.
    result<std::uint64_t> checkpoint() noexcept;
    // Pages in the WAL after each commit of this connection go to `pages`, which must outlive it.
    void count_wal_pages(std::uint64_t& pages) noexcept;

    // The last error, as the journal's port names it (actors/ports/journal.hpp); besides:
    // transient "journal_busy": another program held the database for more than 5 s.
    tl::unexpected<failure> failed(std::string_view doing) const;

  private:
    std::unique_ptr<sqlite3, closes> connection_;
};

}  // namespace caravan::adapter

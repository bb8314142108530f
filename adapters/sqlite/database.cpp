#include "adapters/sqlite/database.hpp"

#include <sqlite3.h>

#include <cerrno>

#include "adapters/sqlite/gathered.hpp"

namespace caravan::adapter {
namespace {

constexpr int busy_wait_ms = 5000;

int on_commit(void* counter, sqlite3*, const char*, int pages) noexcept {
    *static_cast<std::uint64_t*>(counter) = static_cast<std::uint64_t>(pages);
    return SQLITE_OK;
}

}  // namespace

void closes::operator()(sqlite3* connection) const noexcept {
    sqlite3_close_v2(connection);
}
void closes::operator()(sqlite3_stmt* prepared) const noexcept {
    sqlite3_finalize(prepared);
}

void statement::bind(int at, std::uint64_t value) noexcept {
    sqlite3_bind_int64(prepared_.get(), at, static_cast<sqlite3_int64>(value));
}
void statement::bind_text(int at, std::string_view value) noexcept {
    sqlite3_bind_text64(prepared_.get(), at, value.data(), value.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
}
void statement::bind_blob(int at, std::string_view value) noexcept {
    sqlite3_bind_blob64(prepared_.get(), at, value.data(), value.size(), SQLITE_STATIC);
}

bool statement::row() noexcept {
    return sqlite3_step(prepared_.get()) == SQLITE_ROW;
}
bool statement::done() noexcept {
    while (row()) {
    }
    return reset();
}
bool statement::reset() noexcept {
    return sqlite3_reset(prepared_.get()) == SQLITE_OK;
}

std::uint64_t statement::number(int at) const noexcept {
    return static_cast<std::uint64_t>(sqlite3_column_int64(prepared_.get(), at));
}
std::string_view statement::text(int at) const noexcept {
    const void* data = sqlite3_column_blob(prepared_.get(), at);  // a text's bytes as they are
    if (!data) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared_.get(), at));
    return {static_cast<const char*>(data), size};
}

result<database> database::open(const std::string& path, access how) {
    sqlite3* raw = nullptr;
    const bool reads = how == access::read_only;
    const int flags = reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX,
                                     reads ? nullptr : gathered_files());
    database opened;
    opened.connection_.reset(raw);
    if (code != SQLITE_OK) return opened.failed("opening " + path);
    sqlite3_extended_result_codes(raw, 1);
    sqlite3_busy_timeout(raw, busy_wait_ms);
    return opened;
}

result<void> database::run(const std::string& sql) {
    if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return failed(sql.substr(0, 40));
    return {};
}

result<statement> database::prepare(const std::string& sql) const {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(connection_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &raw,
                           nullptr) != SQLITE_OK)
        return failed(sql.substr(0, 40));
    return statement{raw};
}

result<std::uint64_t> database::number(const std::string& sql) const {
    auto asked = prepare(sql);
    if (!asked) return tl::unexpected(asked.error());
    const std::uint64_t found = asked->row() ? asked->number(0) : 0;
    if (!asked->reset()) return failed(sql.substr(0, 40));
    return found;
}

bool database::read_only() const noexcept {
    return sqlite3_db_readonly(connection_.get(), "main");
}
bool database::in_transaction() const noexcept {
    return !sqlite3_get_autocommit(connection_.get());
}

result<std::uint64_t> database::checkpoint() noexcept {
    int pages = 0, copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    if (code != SQLITE_OK && code != SQLITE_BUSY) return failed("checkpoint");
    return pages > copied ? static_cast<std::uint64_t>(pages - copied) : 0;
}

void database::count_wal_pages(std::uint64_t& pages) noexcept {
    sqlite3_wal_hook(connection_.get(), on_commit, &pages);
}

tl::unexpected<failure> database::failed(std::string_view doing) const {
    const int code = connection_ ? sqlite3_extended_errcode(connection_.get()) : SQLITE_NOMEM;
    const int os = connection_ ? sqlite3_system_errno(connection_.get()) : 0;
    std::string detail = std::string(doing) + ": " + sqlite3_errstr(code) + " (SQLite " +
                         std::to_string(code) + ", errno " + std::to_string(os) + ")";
    const bool no_space = (code & 0xff) == SQLITE_IOERR && (os == ENOSPC || os == EDQUOT);
    if ((code & 0xff) == SQLITE_FULL || no_space) return transient("journal_full", detail);
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return permanent("stale_version", detail);
    if ((code & 0xff) == SQLITE_BUSY) return transient("journal_busy", detail);
    // The WAL has the batch, its index has no room for it: whether it is in is known after a new start.
    if (code == SQLITE_IOERR_SHMSIZE)
        detail += ": the disk is full; make room, then start anew";
    return permanent("journal_failed", detail);
}

}  // namespace caravan::adapter

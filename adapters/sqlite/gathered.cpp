#include "adapters/sqlite/gathered.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace caravan::adapter {
namespace {

constexpr sqlite3_int64 room = 120 << 10;  // SQLite's own file system writes no more than 128 KiB - 1 at once

// Placed by SQLite in memory of its own; the file of its own file system stands right behind.
struct gathered {
    sqlite3_file base;
    std::byte* bytes;          // from nothrow: no exception may pass through SQLite
    sqlite3_int64 from, size;  // where they belong in the file
};
static_assert(std::is_trivial_v<gathered> && sizeof(gathered) % alignof(std::max_align_t) == 0);

gathered& of(sqlite3_file* file) { return *reinterpret_cast<gathered*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(&of(file) + 1); }
const sqlite3_io_methods& its(sqlite3_file* file) { return *real(file)->pMethods; }

int flush(sqlite3_file* file) {
    auto& g = of(file);
    if (g.size == 0) return SQLITE_OK;
    const auto size = std::exchange(g.size, 0);
    return its(file).xWrite(real(file), g.bytes, static_cast<int>(size), g.from);
}

int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
    auto& g = of(file);
    if (g.size && (at != g.from + g.size || g.size + size > room))
        if (const int code = flush(file); code != SQLITE_OK) return code;
    if (size > room) return its(file).xWrite(real(file), bytes, size, at);
    if (g.size == 0) g.from = at;
    std::memcpy(g.bytes + g.size, bytes, static_cast<std::size_t>(size));
    g.size += size;
    return SQLITE_OK;
}

// What looks at the file, or makes it durable, sees all that was written.
template <auto Method, class... Arguments>
int after_flush(sqlite3_file* file, Arguments... arguments) {
    const int code = flush(file);
    return code == SQLITE_OK ? (its(file).*Method)(real(file), arguments...) : code;
}
template <auto Method, class... Arguments>
int passed_on(sqlite3_file* file, Arguments... arguments) {
    return (its(file).*Method)(real(file), arguments...);
}

int close(sqlite3_file* file) {
    const int wrote = flush(file);
    const int closed = its(file).xClose(real(file));
    delete[] of(file).bytes;
    return wrote == SQLITE_OK ? closed : wrote;
}

constexpr sqlite3_io_methods methods() {
    using m = sqlite3_io_methods;
    m all{};
    all.iVersion = 1;  // a WAL is never mapped, nor has it an index of its own
    all.xClose = close;
    all.xRead = after_flush<&m::xRead, void*, int, sqlite3_int64>;
    all.xWrite = write;
    all.xTruncate = after_flush<&m::xTruncate, sqlite3_int64>;
    all.xSync = after_flush<&m::xSync, int>;
    all.xFileSize = after_flush<&m::xFileSize, sqlite3_int64*>;
    all.xLock = passed_on<&m::xLock, int>;
    all.xUnlock = passed_on<&m::xUnlock, int>;
    all.xCheckReservedLock = passed_on<&m::xCheckReservedLock, int*>;
    all.xFileControl = passed_on<&m::xFileControl, int, void*>;
    all.xSectorSize = passed_on<&m::xSectorSize>;
    all.xDeviceCharacteristics = passed_on<&m::xDeviceCharacteristics>;
    return all;
}
constexpr sqlite3_io_methods gathering = methods();

sqlite3_vfs* sqlites_own = nullptr;

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* opened_as) {
    if (!(flags & SQLITE_OPEN_WAL)) return sqlites_own->xOpen(sqlites_own, name, file, flags, opened_as);
    file->pMethods = nullptr;
    std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[room]);
    if (!bytes) return SQLITE_NOMEM;
    const int code = sqlites_own->xOpen(sqlites_own, name, real(file), flags, opened_as);
    if (code != SQLITE_OK) {
        if (real(file)->pMethods) its(file).xClose(real(file));
        return code;
    }
    of(file) = {{&gathering}, bytes.release(), 0, 0};
    return code;
}

}  // namespace

const char* gathered_files() noexcept {
    static const char* const known = []() -> const char* {
        sqlites_own = sqlite3_vfs_find(nullptr);
        if (!sqlites_own) return nullptr;
        static sqlite3_vfs all = *sqlites_own;
        all.zName = "caravan-gathered";
        all.pNext = nullptr;
        all.szOsFile += static_cast<int>(sizeof(gathered));
        all.xOpen = open;
        return sqlite3_vfs_register(&all, 0) == SQLITE_OK ? all.zName : nullptr;
    }();
    return known;
}

}  // namespace caravan::adapter

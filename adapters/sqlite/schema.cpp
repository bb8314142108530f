#include "adapters/sqlite/schema.hpp"

namespace caravan::adapter {
namespace {

constexpr const char* tables = R"sql(
begin immediate;
create table names(                    -- of streams: numbers keep the index below small, and so
    id   integer primary key,          -- halve the pages that a commit of 64 entries writes
    name text not null unique          -- "vm/sge-1"
) strict;
create table entries(
    position integer primary key,      -- 1, 2, 3 … over all streams
    stream   integer not null references names,
    version  integer not null,         -- 1, 2, 3 … of the stream
    type     text    not null,         -- "caravan.vm.started"
    bytes    text    not null,         -- the event: one CloudEvents line, shared fields
    inside   text    not null,         -- fields that never leave this cloud, or ''
    salt     blob    not null,         -- 16 bytes where inside is not empty
    link     blob    not null,         -- SHA-256 chain after this entry
    unique(stream, version)
) strict;
create table marks(name text primary key, value integer not null) strict, without rowid;
create table heads(
    position  integer primary key,
    link      blob not null,
    signature blob not null,           -- Ed25519 over the head, by the key named
    key       text not null
) strict;
create view events as
    select position, case when json_valid(bytes) then json_extract(bytes, '$.time') end as time,
           type, name as stream, version, bytes as event, inside
    from entries join names on id = entries.stream;
create view streams as
    select name as stream, count(*) as events, max(version) as version,
           max(position) as last_position
    from entries join names on id = entries.stream group by id;
create view chain as select position, lower(hex(link)) as link from entries;
)sql";

result<void> make(database& db) {
    const std::string stamps = "pragma application_id=" + std::to_string(application_id) +
                               "; pragma user_version=" + std::to_string(schema_version) +
                               "; commit;";
    auto made = db.run(tables + stamps);
    if (!made && db.in_transaction()) (void)db.run("rollback");
    return made;
}

// Whether there is a journal; false: the database is empty.
result<bool> holds_journal(const database& db, const std::string& path) {
    const auto id = db.number("pragma application_id");
    const auto version = db.number("pragma user_version");
    const auto objects = db.number("select count(*) from sqlite_schema");
    if (!id || !version || !objects)
        return permanent("journal_foreign",
                         path + " is no journal, nor any database: name another path, or restore it from a copy");
    if (*id == 0 && *objects == 0) return false;
    if (*id != application_id)
        return permanent("journal_foreign",
                         path + " is no journal, but another program's database: name another path");
    if (*version > schema_version)
        return permanent("journal_newer",
                         path + " was written by a newer Caravan (schema " +
                             std::to_string(*version) + ", this program knows " +
                             std::to_string(schema_version) +
                             "): start that version, or restore the copy made before the upgrade");
    return true;
}

}  // namespace

result<void> ensure_schema(database& db, const std::string& path) {
    const auto there = holds_journal(db, path);
    if (!there) return tl::unexpected(there.error());
    return *there ? result<void>{} : make(db);
}

result<void> check_schema(const database& db, const std::string& path) {
    const auto there = holds_journal(db, path);
    if (!there) return tl::unexpected(there.error());
    return *there ? result<void>{} : permanent("journal_foreign", path + " is empty: it holds no journal");
}

}  // namespace caravan::adapter

// gathered: SQLite's own file system, but for the WAL of whoever writes: what a transaction appends is
// gathered and written many pages at once. SQLite writes a page's header and the page apart, up to hundreds of
// calls for one commit; together they cost more than the commit's fdatasync.
//
// Nothing is durable later than without it: SQLite syncs the WAL before a commit counts
// (synchronous=full), and shows it to other connections only after that; a sync writes what was gathered
// first, and so does whatever looks at the file. A write that fails is told by the sync, or by the call
// that came upon it; SQLite then rolls back and writes there again.
#pragma once

namespace caravan::adapter {

// The name to open a connection with; nullptr (SQLite's own) if SQLite does not take it.
const char* gathered_files() noexcept;

}  // namespace caravan::adapter

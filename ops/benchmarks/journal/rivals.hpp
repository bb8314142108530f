// What a journal can be measured against: ways to make a group of 256-byte events durable.
#pragma once

#include <memory>
#include <string>

namespace caravan::bench {

class rival {
  public:
    virtual ~rival() = default;
    virtual void write_group(std::size_t events) = 0;  // durable on return; ends the program if not
};

// sqlite_journal.append: chained, indexed by stream and version, queryable. Hashing included.
std::unique_ptr<rival> our_journal(const std::string& folder);
// SQLite alone: one table, one blob, one prepared insert an event, WAL, FULL, its own checkpoints.
std::unique_ptr<rival> raw_sqlite(const std::string& folder);
// The limit: a pre-written file, one pwrite and one fdatasync a group.
std::unique_ptr<rival> segment_file(const std::string& folder);

}  // namespace caravan::bench

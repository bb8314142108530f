// journal: a cloud's whole history, one total order over many streams. Append-only and durable.
//
// One writer at a time: opening takes a lock, and (stream, version) is unique, so that a second
// writer is refused rather than merged. Blocking; called from the runtime's own journal thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::port {

// One event as it is kept. `bytes` are the canonical shared bytes, `inside` the inside fields' bytes
// (empty if the event has none); chain.hpp says how `link` is made of them.
struct entry {
    position at;
    stream_id stream;
    version v;            // of the stream
    std::string type;     // "caravan.vm.started"
    std::string bytes;    // UTF-8 JSON, one line
    std::string inside;   // UTF-8 JSON or empty
    std::string salt;     // 16 random bytes where `inside` is not empty
    std::string link;     // 32 bytes: the hash chain after this entry
    friend bool operator==(const entry&, const entry&) = default;
};

struct head {
    position at;
    std::string link;  // 32 bytes; all zero for an empty journal
};

class journal {
  public:
    virtual ~journal() = default;

    // Appends all or none, in one transaction, and returns only when they are durable (fsynced).
    // Positions must follow the head without a gap. A (stream, version) that exists:
    // permanent "stale_version". No space: transient "journal_full". Read-only or I/O error:
    // permanent "journal_failed": the journal then refuses everything until reopened.
    virtual result<void> append(std::span<const entry> entries) = 0;

    // Calls `each` for entries after `after`, in order, at most `limit`, until it answers false.
    virtual result<void> read(position after, std::size_t limit,
                              const std::function<bool(const entry&)>& each) const = 0;
    // The same for one stream, versions after `after`.
    virtual result<void> read_stream(const stream_id& stream, version after,
                                     const std::function<bool(const entry&)>& each) const = 0;
    virtual result<head> last() const = 0;

    // Small named numbers beside the log that must not be lost but are no history: feed cursors.
    // Written by its own transaction; durable on return.
    virtual result<void> put_mark(const std::string& name, std::uint64_t value) = 0;
    virtual result<std::uint64_t> mark(const std::string& name) const = 0;  // 0 if never put
};

}  // namespace caravan::port

// sqlite_journal: the embedded journal, one SQLite file that anyone can query (schema.hpp).
//
// WAL with synchronous=FULL: append returns after the WAL's fdatasync. One writer process
// (ownership.hpp); within it append, put_mark and put_head may come from any thread and go one at a
// time. Reads use connections of their own, in chunks, so that neither a slow reader nor a long
// replay holds the WAL; `each` may call anything of the journal.
//
// After "journal_failed" the last batch may or may not be in the file: reopen, and last() says.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/ports/journal.hpp"
#include "adapters/sqlite/checkpointer.hpp"
#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/ownership.hpp"

namespace caravan::adapter {

struct journal_options {
    std::size_t tail_checked = 4096;  // entries whose chain open() verifies, from the end
    bytes wal_bound = 16 << 20;       // about how large PATH-wal may grow before it starts over
    bytes size_max = 0;               // a quota: beyond it appends answer "journal_full"; 0: none
    bool read_only = false;  // beside a running controller: no lock, and nothing is written
};

struct signed_head {
    position at;
    std::string link;  // of the entry at that position
    std::string
        signature;    // over what the signer chose to sign of it; checked by whoever has the key
    std::string key;  // the key's name
    friend bool operator==(const signed_head&, const signed_head&) = default;
};

class sqlite_journal final : public port::journal {
  public:
    // Creates PATH (0600) if need be. Permanent "journal_in_use", "journal_newer",
    // "journal_foreign", "journal_broken" (the chain of the tail, or a signed head, does not hold:
    // names the position), "journal_failed"; each detail says what to do.
    static result<std::unique_ptr<sqlite_journal>> open(const std::string& path,
                                                        const journal_options& = {});
    ~sqlite_journal() override;

    result<void> append(std::span<const port::entry> entries) override;
    result<void> read(position after, std::size_t limit,
                      const std::function<bool(const port::entry&)>& each) const override;
    result<void> read_stream(const stream_id& stream, version after,
                             const std::function<bool(const port::entry&)>& each) const override;
    result<port::head> last() const override;
    result<void> put_mark(const std::string& name, std::uint64_t value) override;
    result<std::uint64_t> mark(const std::string& name) const override;

    // Signed heads, in order of position. A position without an entry, or another link than its:
    // permanent "no_such_position".
    result<void> put_head(const signed_head& head);
    result<std::vector<signed_head>> heads() const;

  private:
    struct reader;
    class borrowed;

    sqlite_journal(std::string path, const journal_options& options);
    result<void> look() const;  // whether it is a journal, of one that is only read
    result<void> start();
    result<void> prepare();
    result<void> insert(std::span<const port::entry> entries);
    result<std::uint64_t> number_of(const stream_id& stream);
    result<void> commit(const std::function<result<void>()>& write);
    result<void> check_order(std::span<const port::entry> entries) const;
    result<void> check_tail() const;
    result<void> healthy() const;
    result<borrowed> borrow() const;

    const std::string path_;
    const journal_options options_;
    ownership ownership_;
    mutable std::mutex reading_;  // guards idle_
    mutable std::vector<std::unique_ptr<reader>> idle_;
    mutable std::mutex known_;  // guards last_ and broken_, so that reads never wait for a disk
    port::head last_;
    std::optional<failure> broken_;
    std::mutex writing_;  // guards what follows
    database writer_;
    statement begin_, commit_, rollback_, insert_one_, insert_many_, mark_, head_, number_,
        new_number_;
    std::unordered_map<stream_id, std::uint64_t> numbers_;  // of streams written lately
    std::uint64_t wal_pages_ = 0;
    std::optional<checkpointer> checkpointer_;  // last: its thread ends first
};

}  // namespace caravan::adapter

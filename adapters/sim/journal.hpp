// journal_disk: a simulated disk with one journal on it. Deterministic from its seed: the same
// calls and the same seed meet the same faults. The disk outlives processes: a journal opened on it
// dies with crash(), the disk keeps what was really written.
//
// It is as strict as sqlite_journal, and stricter in one thing: a link that does not follow is
// refused (permanent "malformed_entry"), so that a wrong chain is found where it is made.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <random>

#include "actors/ports/journal.hpp"

namespace caravan::sim {

struct journal_faults {
    bool fsync_lies = false;  // append answers before it is durable, until sync() or this is unset
    bool full = false;        // no space: transient "journal_full"
    bool failing = false;     // I/O errors: permanent "journal_failed", until reopened without it
    bool die_in_append =
        false;               // once: the next append answers "journal_failed" as its process dies;
                             // the batch is afterwards wholly there or not at all, as the seed says
    duration append_cost{};  // what each append takes, told to `spend`
    friend bool operator==(const journal_faults&, const journal_faults&) = default;
};

class journal_disk {
  public:
    // `spend` is called with what each append takes; the simulation lets its clock pass.
    explicit journal_disk(std::uint64_t seed, std::function<void(duration)> spend = {});
    ~journal_disk();

    journal_faults faults;  // changed at any time between calls

    // Permanent "journal_in_use" while a journal opened before is alive and did not crash.
    result<std::unique_ptr<port::journal>> open();

    // Power loss. Of batches that a lying fsync had not written, a prefix survives, as the seed
    // says, and what was torn off in the middle of a batch goes whole. The open journal answers
    // only "journal_failed" from now on.
    void crash();
    void sync();                            // what was acknowledged is durable now
    std::size_t unsynced() const noexcept;  // entries a crash could lose

    // For tests of audit: the entry at `at` is as `change` leaves it.
    void tamper(position at, const std::function<void(port::entry&)>& change);

    struct contents;  // shared with the open journal

  private:
    std::shared_ptr<contents> contents_;
};

}  // namespace caravan::sim

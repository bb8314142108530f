// checkpointer: copies the WAL into the database beside the writer, on a thread and a connection of
// its own, so that an append never pays for it. The WAL starts over once all of it is copied; where
// the writer keeps ahead, it is held (`writing`) for the last few pages as soon as the WAL exceeds
// its bound, so the file stays near that bound however busy the journal is.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "adapters/sqlite/database.hpp"
#include "events/ids.hpp"

namespace caravan::adapter {

class checkpointer {
  public:
    // `writing` is held by whoever appends. Pages are of the database's page size.
    checkpointer(database connection, std::mutex& writing, std::uint64_t pages_bound);
    ~checkpointer();
    checkpointer(const checkpointer&) = delete;

    // The WAL holds this many pages: called by the writer after each commit. Never waits.
    void grown(std::uint64_t pages) noexcept;

  private:
    void run();

    database connection_;
    std::mutex& writing_;
    const std::uint64_t bound_;
    std::atomic<std::uint64_t> pages_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool due_ = false, stopping_ = false;
    std::thread thread_;
};

// Fills the WAL up to `size` with zeros, which SQLite takes for its end, so that an fdatasync need not
// also make a growing file's size durable.
result<void> prewrite_wal(const std::string& path, bytes size);

}  // namespace caravan::adapter

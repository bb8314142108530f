// file_feed_writer: A's end of the feed A.to.B as a file (feed_file.hpp). One writer at a time
// (flock). publish answers once the lines are in the file, not on the disk: all of it can be written
// again from A's journal, and B syncs what it applies (feed_reader.hpp). A power loss may take the last
// unsynced_max bytes, or tear holes in them: open() cuts off at the first hole.
#pragma once

#include <memory>
#include <mutex>

#include "adapters/file/feed_file.hpp"

namespace caravan::adapter {

class file_feed_writer final : public port::feed_writer {
  public:
    // Creates the file if need be; cuts off what a power loss tore. Permanent "feed_in_use".
    static result<std::unique_ptr<file_feed_writer>> open(const std::filesystem::path& path);

    // Besides the port's: permanent "feed_gap" and "feed_rewound" where records do not follow,
    // "malformed_record" (a newline in it, over 1 MiB, no 26-character incarnation);
    // transient "feed_full", permanent "feed_failed".
    result<void> publish(std::span<const port::feed_record> records) override;
    result<port::feed_record> last() const override;

  private:
    explicit file_feed_writer(feed_file file) : file_(std::move(file)) {}
    result<void> compare(std::span<const port::feed_record> records) const;
    result<void> write(const std::string& lines);

    feed_file file_;
    mutable std::mutex mutex_;  // guards what follows
    placed_record last_;
    std::uint64_t unsynced_ = 0;  // bytes since the last fdatasync here
};

}  // namespace caravan::adapter

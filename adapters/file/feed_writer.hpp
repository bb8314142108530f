// file_feed_writer: A's end of the feed A.to.B as a file (feed_file.hpp). One writer at a time
// (flock). publish answers once the lines are in the file, not on the disk: all of it can be written
// again from A's journal, and B syncs what it applies (feed_reader.hpp). A power loss may take the last
// unsynced_max bytes, or tear holes in them: open() cuts off at the first hole. A file that is restored
// from a backup, replaced or deleted under a running writer is noticed before the next record.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

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
    result<port::feed_record> last() override;

  private:
    explicit file_feed_writer(std::filesystem::path path) : path_(std::move(path)) {}
    bool is_in_place() const;  // the file at the path is ours
    bool is_as_left() const;
    result<void> take_up();    // the file at the path, as it is now
    result<void> compare(std::span<const port::feed_record> records) const;
    result<void> write(const std::string& lines);

    const std::filesystem::path path_;
    std::mutex mutex_;  // guards what follows
    std::optional<feed_file> file_;
    placed_record last_;
    std::uint64_t unsynced_ = 0;  // bytes since the last fdatasync here
};

}  // namespace caravan::adapter

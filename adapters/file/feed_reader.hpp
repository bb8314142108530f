// file_feed_reader: B's end of the feed A.to.B as a file (feed_file.hpp). Only ever reads it, and
// asks the disk to keep what it hands out (fdatasync, which a reader may call): so a power loss
// cannot take back a record that B has applied, and a feed that ends too early was truly rewound.
#pragma once

#include <memory>

#include "adapters/file/feed_file.hpp"

namespace caravan::adapter {

class file_feed_reader final : public port::feed_reader {
  public:
    // The file need not exist yet. Not to be shared between threads, but for on_news.
    explicit file_feed_reader(std::filesystem::path path);
    ~file_feed_reader() override;

    // Besides the port's: transient "feed_unreachable" while the folder is not there.
    result<std::vector<port::feed_record>> read(const port::feed_record& seen,
                                                std::size_t limit) override;
    // Woken by inotify on the folder; every 50 ms the file's size and age are looked at as well,
    // for file systems that tell nobody.
    void on_news(std::function<void()> wake) override;

  private:
    class watch;

    const std::filesystem::path path_;
    std::uint64_t known_at_ = 0, known_begin_ = 0;  // where the last record handed out begins
    std::unique_ptr<watch> watch_;
};

}  // namespace caravan::adapter

#include "adapters/file/feed_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <thread>
#include <tuple>

#include "events/chain.hpp"

namespace caravan::adapter {
namespace {

constexpr int poll_ms = 50;

chain::feed_point point(const port::feed_record& r) {
    return {r.at.value, r.incarnation, r.link};
}

// Whether the record found where `seen` should be is the one that was seen.
result<void> same(const port::feed_record& found, const port::feed_record& seen) {
    const std::string at = "at sequence " + std::to_string(seen.at.value);
    if (found.incarnation != seen.incarnation)
        return permanent("feed_rewound", "another incarnation " + at);
    if (found.at != seen.at) return permanent("feed_gap", "it is gone " + at);
    if (found.link != seen.link) return permanent("feed_fork", "another history " + at);
    return {};
}

}  // namespace

class file_feed_reader::watch {
  public:
    watch(std::filesystem::path path, std::function<void()> wake)
        : path_(std::move(path)),
          wake_(std::move(wake)),
          stop_(::eventfd(0, EFD_CLOEXEC)),
          notices_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
          thread_([this] { run(); }) {}
    ~watch() {
        const std::uint64_t one = 1;
        stopping_ = true;
        (void)!::write(stop_, &one, sizeof one);
        thread_.join();
        ::close(stop_);
        ::close(notices_);
    }

  private:
    using look = std::tuple<ino_t, off_t, time_t, long>;
    look now() const {
        struct stat s {};
        if (::stat(path_.c_str(), &s) != 0) return {};
        return {s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
    }
    // The folder tells when the file is made or replaced, the file when it grows: what else happens in
    // the folder wakes nobody.
    bool watching(ino_t file) const {
        const bool folder = ::inotify_add_watch(notices_, path_.parent_path().c_str(),
                                                IN_CREATE | IN_MOVED_TO | IN_DELETE) >= 0;
        return folder && file && ::inotify_add_watch(notices_, path_.c_str(), IN_MODIFY) >= 0;
    }
    void run() {
        look before{};
        ino_t watched = 0;
        std::array<char, 4096> notices;
        while (!stopping_) {
            look after = now();
            if (const auto file = std::get<0>(after); file != watched || !file) {
                watched = watching(file) ? file : 0;
                after = now();  // it may have grown before it was watched
            }
            if (after != before) wake_();
            before = after;
            std::array<pollfd, 2> ready{{{stop_, POLLIN, 0}, {notices_, POLLIN, 0}}};
            ::poll(ready.data(), ready.size(), poll_ms);
            if (ready[1].revents)
                while (::read(notices_, notices.data(), notices.size()) > 0) {
                }
        }
    }

    const std::filesystem::path path_;
    const std::function<void()> wake_;
    const int stop_, notices_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

file_feed_reader::file_feed_reader(std::filesystem::path path) : path_(std::move(path)) {}
file_feed_reader::~file_feed_reader() = default;

result<std::vector<port::feed_record>> file_feed_reader::read(const port::feed_record& seen,
                                                              std::size_t limit) {
    // Opened anew each time (a few µs): a file that was replaced is then seen as what it is.
    const auto file = feed_file::open(path_, O_RDONLY);
    if (!file) {
        if (!feed_file::is_absent(path_)) return tl::unexpected(file.error());
        if (seen.at.value) return permanent("feed_rewound", file.error().detail);
        return std::vector<port::feed_record>{};
    }
    const bool begun = seen.at.value > 0;
    const auto more =
        std::min(limit, std::numeric_limits<std::size_t>::max() - 1) + (begun ? 1 : 0);
    const bool placed = !begun || known_at_ == seen.at.value;
    auto there = file->records(begun && placed ? known_begin_ : 0, placed ? more : 0);
    if (begun && (!there || there->empty() || !same(there->front().record, seen))) {
        const auto found = file->find(seen.at);
        if (!found) return tl::unexpected(found.error());
        there = file->records(*found, more);
    }
    if (!there) return tl::unexpected(there.error());
    if (begun && there->empty())
        return permanent("feed_rewound",
                         "it ends before sequence " + std::to_string(seen.at.value));
    if (begun)
        if (auto right = same(there->front().record, seen); !right)
            return tl::unexpected(right.error());

    std::vector<port::feed_record> out;
    const port::feed_record* before = &seen;
    for (std::size_t i = begun ? 1 : 0; i < there->size(); ++i) {
        const auto& next = (*there)[i];
        auto right = chain::follows(point(*before), point(next.record), next.record.bytes);
        if (!right && out.empty()) return tl::unexpected(right.error());
        if (!right) break;
        out.push_back(next.record);
        before = &next.record;
        known_at_ = next.record.at.value;
        known_begin_ = next.begin;
    }
    if (!out.empty() && ::fdatasync(file->descriptor()) != 0)
        return transient("feed_unreachable", path_.string() + ": " + std::strerror(errno));
    return out;
}

void file_feed_reader::on_news(std::function<void()> wake) {
    watch_.reset();
    if (wake) watch_ = std::make_unique<watch>(path_, std::move(wake));
}

}  // namespace caravan::adapter

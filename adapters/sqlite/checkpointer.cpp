#include "adapters/sqlite/checkpointer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace caravan::adapter {

checkpointer::checkpointer(database connection, std::mutex& writing, std::uint64_t pages_bound)
    : connection_(std::move(connection)),
      writing_(writing),
      bound_(pages_bound),
      thread_([this] { run(); }) {}

checkpointer::~checkpointer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void checkpointer::grown(std::uint64_t pages) noexcept {
    pages_ = pages;
    if (pages < bound_ / 4) return;
    {
        const std::lock_guard lock(mutex_);
        if (due_) return;
        due_ = true;
    }
    wake_.notify_one();
}

void checkpointer::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return due_ || stopping_; });
        if (stopping_) return;  // closing the last connection copies the rest
        lock.unlock();
        // A failure here is the writer's to meet: the WAL grows, and its disk is full or failing.
        (void)connection_.checkpoint();
        if (pages_ > bound_) {
            const std::lock_guard held(writing_);
            (void)connection_.checkpoint();
        }
        lock.lock();
        due_ = false;
    }
}

result<void> prewrite_wal(const std::string& path, bytes size) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return permanent("journal_failed", path + ": " + std::strerror(errno));
    const std::string zeros(1 << 20, '\0');
    auto at = static_cast<bytes>(std::max<off_t>(::lseek(file, 0, SEEK_END), 0));
    ssize_t wrote = 0;
    for (; at < size && wrote >= 0; at += static_cast<bytes>(wrote))
        wrote = ::write(file, zeros.data(), std::min<bytes>(zeros.size(), size - at));
    ::fsync(file);
    ::close(file);
    return {};  // no room for it: slower, nothing worse
}

}  // namespace caravan::adapter

#include "adapters/sqlite/checkpointer.hpp"

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

}  // namespace caravan::adapter

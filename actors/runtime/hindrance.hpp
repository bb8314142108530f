// hindrance: what is in the way of a feed for now, though nothing is wrong with what it holds: a share that does not
// answer, a full disk. Said once in the log, shown to people until it is over. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "events/result.hpp"

namespace caravan::runtime {

class hindrance {
  public:
    explicit hindrance(std::function<void(const std::string&)> log) : log_(std::move(log)) {}

    void is(const failure& what) {
        const std::lock_guard lock(mutex_);
        const bool known = what_ && what_->reason == what.reason && what_->detail == what.detail;
        what_ = what;
        if (!known) log_(what.reason + " " + what.detail + "; tried again until it goes");
    }
    void over() {
        const std::lock_guard lock(mutex_);
        if (what_) log_("goes on, after " + what_->reason);
        what_.reset();
    }
    std::optional<failure> now() const {
        const std::lock_guard lock(mutex_);
        return what_;
    }

  private:
    const std::function<void(const std::string&)> log_;
    mutable std::mutex mutex_;
    std::optional<failure> what_;
};

}  // namespace caravan::runtime

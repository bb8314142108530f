#include "adapters/http/receipts.hpp"

namespace caravan::http {

receipts::receipts(core& at, port::caller who)
    : at_(at), who_(std::move(who)), arrived_(at_.io), taken_(at_.io) {
    arrived_.expires_at(asio::steady_timer::time_point::max());
    taken_.expires_at(asio::steady_timer::time_point::max());
}

std::uint64_t receipts::open() {
    const std::scoped_lock hold(mutex_);
    row_.emplace_back();
    return first_ + row_.size() - 1;
}

void receipts::submit(std::string event) {
    const auto index = open();
    at_.desk.submit(who_, std::move(event),
                     [at = at_.shared_from_this(), self = shared_from_this(), index](std::string receipt) {
                         self->put(index, std::move(receipt));
                     });
}

void receipts::append(std::string receipt) { put(open(), std::move(receipt)); }

// Many arrive at once after a group commit: one wake-up for all of them.
void receipts::put(std::uint64_t index, std::string receipt) {
    {
        const std::scoped_lock hold(mutex_);
        if (abandoned_ || index < first_) return;
        row_[index - first_] = std::move(receipt);
        if (waking_) return;
        waking_ = true;
    }
    asio::post(at_.io, [self = shared_from_this()] {
        {
            const std::scoped_lock hold(self->mutex_);
            self->waking_ = false;
        }
        self->arrived_.cancel();
    });
}

void receipts::finish() {
    finished_ = true;
    arrived_.cancel();
}

void receipts::abandon() {
    {
        const std::scoped_lock hold(mutex_);
        abandoned_ = true;
        row_.clear();
    }
    taken_.cancel();
}

std::size_t receipts::outstanding() const {
    const std::scoped_lock hold(mutex_);
    return row_.size();
}

task<std::vector<std::string>> receipts::take() {
    const auto self = shared_from_this();
    for (;;) {
        std::vector<std::string> next;
        bool all;
        {
            const std::scoped_lock hold(mutex_);
            while (!row_.empty() && row_.front()) {
                next.push_back(std::move(*row_.front()));
                row_.pop_front();
                ++first_;
            }
            all = finished_ && row_.empty();
        }
        if (!next.empty()) taken_.cancel();
        if (!next.empty() || all) co_return next;
        error_code woken;
        co_await arrived_.async_wait(into(woken));
    }
}

task<bool> receipts::room(std::size_t limit) {
    const auto self = shared_from_this();
    while (!abandoned_ && outstanding() >= limit) {
        error_code woken;
        co_await taken_.async_wait(into(woken));
    }
    co_return !abandoned_;
}

}  // namespace caravan::http

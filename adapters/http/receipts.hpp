// receipts: the answers to a row of submitted events, put in any order from any thread, taken in the
// order of the events.
#pragma once

#include <deque>
#include <mutex>
#include <optional>

#include "adapters/http/core.hpp"

namespace caravan::http {

class receipts : public std::enable_shared_from_this<receipts> {
  public:
    receipts(core&, port::caller);

    void submit(std::string event);       // asks the desk; its receipt comes at the end of the row
    void append(std::string receipt);     // one that is known already
    void finish();                        // nothing more will be submitted
    std::size_t outstanding() const;      // submitted and not taken

    // Those that are next in order, as many as are there, at least one; empty when all are taken.
    task<std::vector<std::string>> take();
    // Until fewer than `limit` are outstanding, or the taker is gone: false.
    task<bool> room(std::size_t limit);
    void abandon();  // the taker is gone

  private:
    void put(std::uint64_t index, std::string receipt);
    std::uint64_t open();

    core& at_;
    port::caller who_;
    asio::steady_timer arrived_, taken_;
    mutable std::mutex mutex_;
    std::deque<std::optional<std::string>> row_;
    std::uint64_t first_ = 0;  // index of row_.front()
    bool waking_ = false, finished_ = false, abandoned_ = false;
};

}  // namespace caravan::http

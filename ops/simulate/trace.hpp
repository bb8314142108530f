// trace: everything of note that happened in a simulation, as one digest. Equal digests mean equal runs.
#pragma once

#include <string>
#include <string_view>

#include "events/chain.hpp"
#include "events/ids.hpp"

namespace caravan::simulate {

class trace {
  public:
    // `what` in words or raw bytes; its length and the instant are digested too.
    void note(instant at, std::string_view what) {
        put(static_cast<std::uint64_t>(at.time_since_epoch().count()));
        put(what.size());
        pending_.append(what);
        if (pending_.size() > 1u << 14) fold();
    }
    std::string digest() {
        fold();
        return link_;
    }

  private:
    void put(std::uint64_t number) {
        char bytes[8];
        for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> 8 * i & 255);
        pending_.append(bytes, sizeof bytes);
    }
    void fold() {
        if (pending_.empty()) return;
        link_ = chain::next_feed_link(link_, pending_);
        pending_.clear();
    }
    std::string link_ = chain::origin(), pending_;
};

}  // namespace caravan::simulate

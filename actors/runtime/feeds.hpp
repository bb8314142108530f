// feeds: what this cloud tells its peers, derived from its journal, and what it hears of them.
//
// Told: every committed event with an audience becomes the next record of that peer's feed, byte for
// byte; after a crash the last record in the feed says from which position to go on.
// Heard: records are appended to the stream cloud/PEER, and what follows from them right behind, so that
// one commit has both; what was not written after all is read again. A mark in the journal says up to
// where every consequence is durable as well, and what lies behind it is acted on again after a crash.
// Every such act is idempotent.
#pragma once

#include <deque>
#include <set>

#include "actors/runtime/controller.hpp"

namespace caravan::runtime {

class controller::feeds {
  public:
    explicit feeds(controller&);
    ~feeds();
    void start();  // once told() reaches it: what is committed in between is neither told nor heard
    void stop();  // no more is told or heard; what actors still answer finds us here
    void told(std::span<const committed>);  // from the ledger's turn
    void foretold(const shell::fact_to_be&);
    std::uint64_t sent(const cloud_name&) const;

  private:
    class teller;
    class hearer;
    std::map<cloud_name, std::unique_ptr<teller>> tellers_;
    std::map<cloud_name, std::unique_ptr<hearer>> hearers_;
};

}  // namespace caravan::runtime

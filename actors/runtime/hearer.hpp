// hearer: the feed of one peer. Its records are appended to the stream cloud/PEER, and what follows from them
// right behind, so that one commit has both; what was not written after all is read again. A mark in the journal
// says up to where every consequence is durable as well, and what lies behind it is acted on again after a
// crash. Every such act is idempotent.
#pragma once

#include <set>

#include "actors/runtime/controller.hpp"
#include "actors/runtime/hindrance.hpp"

namespace caravan::runtime {

class hearer {
  public:
    hearer(controller&, peer_config&);
    ~hearer();
    void start();
    void stop();
    // A record is taken in, and on its way into the journal: what follows is written behind it. It waits for `hold`.
    void act(const cloud::heard&, const cause&, std::shared_ptr<void> hold = {});
    void resume();  // a person decided, and it is on record: it is read on
    std::optional<failure> hindered() const { return hindrance_.now(); }

  private:
    struct unsettled {
        sequence at;
        stream_id to;
        command what;
        cause because;
    };

    std::string mark_name() const;
    void meet(const std::string& incarnation);
    port::feed_record last_on_record(const std::function<void(const cloud::heard&, position)>& each) const;
    void recover();
    std::optional<duration> work();
    void hear();
    void complain(const failure&);
    void take_in(std::vector<port::feed_record>);
    void send(sequence at, const stream_id& to, const command&, const cause&, std::shared_ptr<void> hold = {});
    void send_swallowed();
    void settle(sequence at);
    void note_mark();

    controller& controller_;
    peer_config& peer_;
    hindrance hindrance_;
    const stream_id stream_;
    std::mutex mutex_;
    bool given_up_ = false;                   // never, but for a bug that is planted
    bool asking_ = false;                     // of the peer's stream, to take in what was read
    bool resumed_ = false;                    // since it was looked at last
    std::optional<port::feed_record> heard_;  // the last record that it has taken in
    port::feed_record seen_;
    std::string incarnation_;                 // of what was last acted on
    std::vector<std::pair<cloud::heard, position>> again_;
    std::set<sequence> acting_;
    std::vector<unsettled> swallowed_;        // sent to one who died with it
    sequence acted_, marked_;
    instant mark_due_{};
    std::string complaint_;
    std::unique_ptr<loop> loop_;
};

}  // namespace caravan::runtime

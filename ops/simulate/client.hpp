// client: a scheduler outside of all clouds. It wants VMs moved, says so by submissions, says it again
// when it was not answered, and keeps what it was told, to be held against the clouds. It owns the VMs,
// too: one that a cloud shows as stopped, and its own, is started there. And it is the clouds' operator: a
// peer's feed that a cloud has stopped to believe is taken up again as docs/runbooks/feed_stopped.md says.
#pragma once

#include <map>

#include "ops/simulate/federation.hpp"

namespace caravan::simulate {

struct wish {
    std::string id;             // of the submission
    std::size_t cloud = 0;      // asked
    std::string type, subject, data;
    enum class stand : std::uint8_t { open, accepted, refused } now = stand::open;
    std::string reason;         // of a refusal
    migration_id migration;
    position at;
};

class client {
  public:
    // Wants so many migrations to be accepted, at most `at_once` of them under way.
    client(federation&, dice, std::size_t wanted, std::size_t at_once, bool hasty);

    void begin();
    void ended(const migration_id&, bool done);
    bool wanted_enough() const { return accepted_ >= wanted_; }
    bool satisfied() const { return accepted_ >= wanted_ && under_way_.empty(); }

    // Sends again what was accepted before: the answer must be the same.
    void repeat_one();
    void abort(const migration_id&);

    const std::vector<wish>& wishes() const { return wishes_; }
    const std::vector<std::string>& contradictions() const { return contradictions_; }

  private:
    struct guest {
        std::size_t cloud = 0;
        std::size_t moves = 0;  // wished for, and not over
        std::size_t to = 0;
    };
    void tick();
    void want_a_move();
    void send(std::size_t wish);
    void answered(std::size_t wish, const std::string& receipt);
    void send_later(std::size_t wish);
    std::size_t guest_of(const wish&) const;
    void rest(guest&);
    void look_for(guest&);
    void tend();
    void tend_feeds(cloud&);

    federation& f_;
    dice luck_;
    const std::size_t wanted_, at_once_;
    const bool hasty_;  // some deadlines are tight, and some wishes come before the last one is over
    std::size_t accepted_ = 0, moving_ = 0, resumed_ = 0;
    std::vector<guest> guests_;
    std::vector<wish> wishes_;
    std::map<migration_id, std::size_t> under_way_;  // wish
    std::map<migration_id, bool> over_;              // done?
    std::vector<std::string> contradictions_;
};

}  // namespace caravan::simulate

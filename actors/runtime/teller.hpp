// teller: the feed to one peer. Every committed event with that audience becomes the feed's next record, byte
// for byte; after a crash the feed's last record says from which position of the journal to go on.
#pragma once

#include <atomic>
#include <deque>

#include "actors/runtime/controller.hpp"
#include "actors/runtime/hindrance.hpp"

namespace caravan::runtime {

class teller {
  public:
    teller(controller&, peer_config&);
    ~teller();
    // Permanent "journal_rewound" if the journal has not what the feed says was told: it was put back from an older
    // copy, and what it lacks was acknowledged. A feed that cannot be read is looked at once it can be.
    result<void> check() const;
    void start();
    void stop();  // once what had queued is told, if the feed takes it
    void tell(position at, std::shared_ptr<const std::string> bytes);
    std::uint64_t sent() const { return sent_; }  // records that the feed has
    std::optional<failure> hindered() const { return hindrance_.now(); }

  private:
    using told_event = std::pair<position, std::shared_ptr<const std::string>>;
    struct place {
        port::feed_record last;  // of the feed; a default one if it is empty
        position upto;           // of the journal: what lies behind it is not in the feed
    };

    result<place> find_place() const;
    std::optional<duration> work();
    std::optional<duration> look_over();
    void take();
    bool catch_up();
    bool publish(std::deque<told_event>& batch);
    void log(const std::string& what) const;

    controller& controller_;
    peer_config& peer_;
    hindrance hindrance_;
    std::mutex mutex_;
    std::deque<told_event> queue_;
    std::deque<told_event> batch_;  // being published
    bool caught_up_ = false, has_told_ = false, stopped_ = false;
    bool cut_back_ = false;  // the feed was, or made anew, by others than us
    port::feed_record last_;
    position upto_;
    std::atomic<std::uint64_t> sent_ = 0;
    std::unique_ptr<loop> loop_;
};

}  // namespace caravan::runtime

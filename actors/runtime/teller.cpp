#include "actors/runtime/teller.hpp"

#include "events/chain.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

namespace {
constexpr auto tell_again = std::chrono::milliseconds(500);
constexpr auto look_again = std::chrono::seconds(10);
constexpr std::size_t told_at_once_max = 256;
constexpr const char* rewound = "journal_rewound";
}  // namespace

teller::teller(controller& c, peer_config& p)
    : controller_(c), peer_(p), hindrance_([this](const std::string& what) { log(what); }) {}
teller::~teller() = default;

void teller::start() {
    loop_ = controller_.ports.loops->start("teller", [this] { return work(); });
}

void teller::stop() {
    if (!loop_ || std::exchange(stopped_, true)) return;
    loop_->stop();
    work();
}

void teller::tell(position at, std::shared_ptr<const std::string> bytes) {
    {
        const std::lock_guard lock(mutex_);
        queue_.emplace_back(at, std::move(bytes));
    }
    loop_->wake();
}

std::optional<duration> teller::work() {
    if (!caught_up_ && !(caught_up_ = catch_up())) return tell_again;
    if (batch_.empty()) take();
    if (batch_.empty()) return look_over();
    if (!publish(batch_)) return tell_again;
    batch_.clear();
    has_told_ = true;
    return duration::zero();
}

// With nothing to tell: whether the feed still ends where we left it. One that was restored from a backup, or
// made anew, is told again what it lacks; that its reader has met something odd is for its people to hear.
std::optional<duration> teller::look_over() {
    if (std::exchange(has_told_, false) || planted(bug::rewound_feed_not_told)) return look_again;
    const auto last = peer_.to->last();
    // An empty feed has no incarnation yet; ours is drawn already.
    const auto same = [&] { return last->link == last_.link && last->incarnation == last_.incarnation; };
    caught_up_ = !last || (last->at == last_.at && (!last_.at.value || same()));
    cut_back_ = !caught_up_;
    return caught_up_ ? look_again : tell_again;
}

void teller::log(const std::string& what) const {
    if (controller_.ports.log) controller_.ports.log("feed to " + peer_.cloud.text + ": " + what);
}

void teller::take() {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty() && batch_.size() < told_at_once_max) {
        if (queue_.front().first > upto_) batch_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
}

// The feed never has more than the journal: nothing is told before it is durable there.
result<teller::place> teller::find_place() const {
    auto last = peer_.to->last();
    if (!last) return tl::unexpected(std::move(last.error()));
    if (!last->at.value) return place{std::move(*last), {}};
    const auto told = decode(last->bytes);
    bool known = false;
    if (told && told->at.value) {
        auto read = controller_.ports.journal->read(position(told->at.value - 1), 1, [&](const port::entry& e) {
            known = e.at == told->at && e.bytes == last->bytes;
            return false;
        });
        if (!read) return tl::unexpected(std::move(read.error()));
    }
    if (known) return place{std::move(*last), told->at};
    return permanent(rewound,
                     "the feed to " + peer_.cloud.text + " ends with record " + std::to_string(last->at.value) + ", " +
                         (told ? "the event at position " + std::to_string(told->at.value) : "which is not an event") +
                         ", and the journal, which ends at position " +
                         std::to_string(controller_.ports.journal->last().value_or(port::head{}).at.value) +
                         ", has no such event: it was put back from an older copy, or begun anew beside an old feed");
}

result<void> teller::check() const {
    auto found = find_place();
    if (!found && found.error().reason == rewound) return tl::unexpected(std::move(found.error()));
    return {};
}

// Goes on behind the last event that the feed has, with what the journal has beyond it.
bool teller::catch_up() {
    auto found = find_place();
    if (!found && found.error().reason == rewound) controller_.give_up(found.error());
    if (!found) {
        hindrance_.is(found.error());
        return false;
    }
    if (std::exchange(cut_back_, false))
        log("was cut back or made anew; it is told again what comes after record " + std::to_string(found->last.at.value));
    last_ = std::move(found->last);
    upto_ = found->upto;
    sent_ = last_.at.value;
    if (last_.incarnation.empty()) last_.incarnation = controller_.ports.new_incarnation();
    std::deque<told_event> missed;
    auto read = controller_.ports.journal->read(upto_, SIZE_MAX, [&](const port::entry& e) {
        if (e.bytes.find("\"audience\":") == std::string::npos) return true;
        const auto known = decode(e.bytes);
        if (known && (known->audience == peer_.cloud || known->audience.text == "*"))
            missed.emplace_back(e.at, std::make_shared<const std::string>(e.bytes));
        return true;
    });
    return read && publish(missed);
}

bool teller::publish(std::deque<told_event>& batch) {
    std::vector<port::feed_record> records;
    auto last = last_;
    for (const auto& [at, bytes] : batch) {
        if (at <= upto_) continue;
        last.at = last.at.next();
        last.link = chain::next_feed_link(last.link, *bytes);
        last.bytes = *bytes;
        records.push_back(last);
    }
    auto done = records.empty() ? result<void>() : peer_.to->publish(records);
    if (!done) {
        hindrance_.is(done.error());
        // It is not what we think it is.
        if (done.error().kind == certainty::permanent && !planted(bug::rewound_feed_not_told)) caught_up_ = false;
        return false;
    }
    hindrance_.over();
    if (records.empty()) return true;
    last_ = std::move(last);
    upto_ = batch.back().first;
    sent_ = last_.at.value;
    return true;
}

}  // namespace caravan::runtime

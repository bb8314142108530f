#include "actors/runtime/feeds.hpp"

#include <atomic>

#include "events/chain.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

namespace {
constexpr auto try_again = std::chrono::milliseconds(500);
constexpr auto send_again = std::chrono::milliseconds(50);
constexpr auto look_again = std::chrono::seconds(10);
constexpr std::size_t batch_max = 256;
constexpr std::size_t mac_size = 17;  // "52:54:00:00:00:01"
}  // namespace

// ---- telling

class controller::feeds::teller {
  public:
    teller(controller& c, peer_config& p) : controller_(c), peer_(p) {}
    void start() { loop_ = controller_.ports.loops->start("teller", [this] { return work(); }); }
    void stop() {
        if (!loop_ || std::exchange(stopped_, true)) return;
        loop_->stop();
        work();  // what had queued, if the feed takes it
    }
    void tell(position at, std::shared_ptr<const std::string> bytes) {
        {
            const std::lock_guard lock(mutex_);
            queue_.emplace_back(at, std::move(bytes));
        }
        loop_->wake();
    }
    std::uint64_t sent() const { return sent_; }

  private:
    using told_event = std::pair<position, std::shared_ptr<const std::string>>;

    std::optional<duration> work() {
        if (!caught_up_ && !(caught_up_ = catch_up())) return try_again;
        if (batch_.empty()) take();
        if (batch_.empty()) return look_over();
        if (!publish(batch_)) return try_again;
        batch_.clear();
        has_told_ = true;
        return duration::zero();
    }

    // With nothing to tell: whether the feed still ends where we left it. One that was restored from a backup, or
    // made anew, is told again what it lacks; that its reader has met something odd is for its people to hear.
    std::optional<duration> look_over() {
        if (std::exchange(has_told_, false) || planted(bug::rewound_feed_not_told)) return look_again;
        const auto last = peer_.to->last();
        // An empty feed has no incarnation yet; ours is drawn already.
        const auto same = [&] { return last->link == last_.link && last->incarnation == last_.incarnation; };
        caught_up_ = !last || (last->at == last_.at && (!last_.at.value || same()));
        if (caught_up_) return look_again;
        log("was cut back or made anew; it is told again what comes after record " + std::to_string(last->at.value));
        return try_again;
    }

    void log(const std::string& what) const {
        if (controller_.ports.log) controller_.ports.log("feed to " + peer_.cloud.text + ": " + what);
    }

    void take() {
        const std::lock_guard lock(mutex_);
        while (!queue_.empty() && batch_.size() < batch_max) {
            if (queue_.front().first > upto_) batch_.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
    }

    // Goes on behind the last event that the feed has, with what the journal has beyond it.
    bool catch_up() {
        auto last = peer_.to->last();
        if (!last) return false;
        last_ = std::move(*last);
        sent_ = last_.at.value;
        if (last_.incarnation.empty()) last_.incarnation = controller_.ports.new_incarnation();
        upto_ = {};
        if (!last_.bytes.empty())
            if (const auto known = decode(last_.bytes)) upto_ = known->at;
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

    bool publish(std::deque<told_event>& batch) {
        std::vector<port::feed_record> records;
        auto last = last_;
        for (const auto& [at, bytes] : batch) {
            if (at <= upto_) continue;
            last.at = last.at.next();
            last.link = chain::next_feed_link(last.link, *bytes);
            last.bytes = *bytes;
            records.push_back(last);
        }
        if (records.empty()) return true;
        auto done = peer_.to->publish(records);
        if (!done) {
            log(done.error().reason + " " + done.error().detail);
            // It is not what we think it is.
            if (done.error().kind == certainty::permanent && !planted(bug::rewound_feed_not_told)) caught_up_ = false;
            return false;
        }
        last_ = std::move(last);
        upto_ = batch.back().first;
        sent_ = last_.at.value;
        return true;
    }

    controller& controller_;
    peer_config& peer_;
    std::mutex mutex_;
    std::deque<told_event> queue_;
    std::deque<told_event> batch_;  // being published
    bool caught_up_ = false, has_told_ = false, stopped_ = false;
    port::feed_record last_;
    position upto_;
    std::atomic<std::uint64_t> sent_ = 0;
    std::unique_ptr<loop> loop_;
};

// ---- hearing

class controller::feeds::hearer {
  public:
    hearer(controller& c, peer_config& p) : controller_(c), peer_(p), stream_("cloud/" + p.cloud.text) {}
    void start() {
        recover();
        loop_ = controller_.ports.loops->start("hearer", [this] { return work(); });
        peer_.from->on_news([this] { loop_->wake(); });
    }
    void stop() {
        peer_.from->on_news([] {});
        if (loop_) loop_->stop();
    }

    // A record is taken in, and on its way into the journal: what follows is written behind it.
    void act(const cloud::heard& record, const cause& because, std::shared_ptr<void> hold = {}) {
        meet(record.incarnation);
        {
            const std::lock_guard lock(mutex_);
            acting_.insert(record.at);
            acted_ = std::max(acted_, record.at);
        }
        const auto known = decode(record.event);
        if (!known || known->source != peer_.cloud) return settle(record.at);
        auto [to, what] = command_of(*known);
        if (to.empty()) return settle(record.at);
        send(record.at, to, what, because, std::move(hold));
    }

    // A person decided: it is read on, or from its first record.
    void resume(const cloud::feed_resumed& how) {
        {
            const std::lock_guard lock(mutex_);
            resumed_ = how.anew;
        }
        loop_->wake();
    }

  private:
    // How far what was heard has been acted on. Counted for each incarnation: a feed made anew counts from 1.
    std::string mark_name() const { return "acted/" + peer_.cloud.text + "/" + incarnation_; }

    void meet(const std::string& incarnation) {
        const std::lock_guard lock(mutex_);
        if (incarnation == incarnation_) return;
        incarnation_ = incarnation;
        acting_.clear();
        marked_ = acted_ = sequence(controller_.ports.journal->mark(mark_name()).value_or(0));
    }

    void recover() {
        (void)controller_.ports.journal->read_stream(stream_, {}, [this](const port::entry& e) {
            const auto known = decode(e.bytes, e.inside);
            const auto* group = known ? std::get_if<cloud::fact>(&known->what) : nullptr;
            const auto* heard = group ? std::get_if<cloud::heard>(group) : nullptr;
            if (const auto* resumed = group ? std::get_if<cloud::feed_resumed>(group) : nullptr; resumed && resumed->anew)
                seen_ = {};
            if (!heard) return true;
            meet(heard->incarnation);
            const auto link = chain::unhex(heard->link);
            seen_ = {heard->at, heard->incarnation, {}, link.value_or("")};
            if (heard->at > marked_) again_.emplace_back(*heard, e.at);
            return true;
        });
    }

    std::optional<duration> work() {
        for (const auto& [record, at] : again_) act(record, at);
        again_.clear();
        hear();
        send_swallowed();
        note_mark();
        const std::lock_guard lock(mutex_);
        return swallowed_.empty() ? try_again : send_again;
    }

    void hear() {
        {
            const std::lock_guard lock(mutex_);
            if (asking_ || given_up_) return;  // its answer wakes us
            if (auto heard = std::exchange(heard_, std::nullopt)) seen_ = std::move(*heard);
            if (const auto anew = std::exchange(resumed_, std::nullopt)) {
                complaint_.clear();
                if (*anew) seen_ = {};
            }
        }
        auto records = peer_.from->read(seen_, batch_max);
        if (!records) {
            given_up_ = planted(bug::feed_given_up);
            if (records.error().kind == certainty::permanent) complain(records.error());
            return;
        }
        if (!records->empty()) take_in(std::move(*records));
    }

    // Once; but until it is on record: nobody would take up a feed of which nobody has heard that it stopped.
    void complain(const failure& what) {
        {
            const std::lock_guard lock(mutex_);
            if (what.reason == complaint_) return;
            complaint_ = what.reason;
        }
        command_mail mail;
        mail.what = command(cloud::command(cloud::stop_feed{what.reason, what.detail}));
        mail.answer = reply([this](const answered& a) {
            const std::lock_guard lock(mutex_);
            if (!a.ok()) complaint_.clear();
        });
        controller_.actors().deliver(stream_, std::move(mail));
    }

    // What was read is written to the peer's stream; what was read last is only then behind us.
    void take_in(std::vector<port::feed_record> records) {
        port::feed_record last{records.back().at, records.back().incarnation, {}, records.back().link};
        cloud::hear wish;
        if (planted(bug::gap_skipped) && records.size() > 1) records.erase(records.begin());
        for (auto& r : records) wish.records.push_back({r.at, r.incarnation, chain::hex(r.link), std::move(r.bytes)});
        {
            const std::lock_guard lock(mutex_);
            asking_ = true;
        }
        command_mail mail;
        mail.what = command(cloud::command(std::move(wish)));
        mail.answer = reply([this, last = std::move(last)](const answered& a) {
            {
                const std::lock_guard lock(mutex_);
                asking_ = false;
                if (a.ok()) heard_ = last;
            }
            if (a.ok()) loop_->wake();
        });
        controller_.actors().deliver(stream_, std::move(mail));
    }

    // What a peer's event means here. Events that are only news to people mean nothing.
    static std::pair<stream_id, command> command_of(const event& e) {
        if (const auto* m = std::get_if<migration::fact>(&e.what))
            if (const auto* asked = std::get_if<migration::asked>(m))
                return {stream_id("visit/" + asked->key.migration.text),
                        command(visit::command(visit::ask{asked->key, asked->about}))};
        if (const auto* v = std::get_if<visit::fact>(&e.what))
            if (const auto* a = std::get_if<visit::answered>(v))
                return {stream_id("migration/" + a->key.migration.text),
                        command(migration::command(migration::hear_result{side::destination, a->key, a->how, a->ticket}))};
        if (const auto* v = std::get_if<vm::fact>(&e.what)) {
            if (const auto* back = std::get_if<vm::run_right_reclaimed>(v))
                return {stream_id("visit/" + back->migration.text),
                        command(visit::command(visit::hear_reclaim{back->run_right}))};
            if (const auto* released = std::get_if<vm::run_right_released>(v))
                return {stream_id("visit/" + released->migration.text),
                        command(visit::command(visit::hear_release{released->run_right, false}))};
        }
        if (const auto* v = std::get_if<van::fact>(&e.what)) {
            const std::string name(subject_of(e.stream));
            if (!valid_name(name) || name.size() > van_name_max) return {};  // no host could carry it
            const stream_id to("van/" + name);
            if (const auto* created = std::get_if<van::created>(v))
                return {to, command(van::command(van::create{created->vni, e.source}))};
            if (const auto* moved = std::get_if<van::route_moved>(v))
                if (moved->at == e.source && moved->mac.size() == mac_size)  // a cloud speaks for itself only
                    return {to, command(van::command(van::move_route{moved->mac, e.source, {}, moved->run_right}))};
        }
        return {};
    }

    void send(sequence at, const stream_id& to, const command& what, const cause& because,
              std::shared_ptr<void> hold = {}) {
        command_mail mail{what, {}, because, {}, reply([this, at, to, what, because](const answered& how) {
            // A failure of the house may have swallowed it: it is idempotent, so it is sent again.
            if (!how.broke) return settle(at);
            const std::lock_guard lock(mutex_);
            swallowed_.push_back({at, to, what, because});
        }), peer_.cloud, std::move(hold)};
        controller_.actors().deliver(to, std::move(mail));
    }

    void send_swallowed() {
        std::vector<unsettled> all;
        {
            const std::lock_guard lock(mutex_);
            all.swap(swallowed_);
        }
        for (const auto& u : all) send(u.at, u.to, u.what, u.because);
    }

    void settle(sequence at) {
        const std::lock_guard lock(mutex_);
        acting_.erase(at);
    }

    void note_mark() {
        const auto now = controller_.ports.clock->now();
        const std::lock_guard lock(mutex_);
        const auto upto = acting_.empty() ? acted_ : sequence(acting_.begin()->value - 1);
        if (upto <= marked_ || now < mark_due_) return;
        if (controller_.ports.journal->put_mark(mark_name(), upto.value)) marked_ = upto;
        mark_due_ = now + std::chrono::seconds(1);
    }

    controller& controller_;
    peer_config& peer_;
    const stream_id stream_;
    std::mutex mutex_;
    bool given_up_ = false;                    // never, but for a bug that is planted
    bool asking_ = false;                      // of the peer's stream, to take in what was read
    std::optional<port::feed_record> heard_;   // the last record that it has taken in
    std::optional<bool> resumed_;              // anew?
    port::feed_record seen_;
    std::string incarnation_;                  // of what was last acted on
    std::vector<std::pair<cloud::heard, position>> again_;
    std::set<sequence> acting_;
    struct unsettled {
        sequence at;
        stream_id to;
        command what;
        cause because;
    };
    std::vector<unsettled> swallowed_;  // sent to one who died with it
    sequence acted_, marked_;
    instant mark_due_{};
    std::string complaint_;
    std::unique_ptr<loop> loop_;
};

controller::feeds::feeds(controller& c) {
    for (auto& p : c.ports.peers) {
        if (p.to) tellers_[p.cloud] = std::make_unique<teller>(c, p);
        if (p.from) hearers_[p.cloud] = std::make_unique<hearer>(c, p);
    }
}

controller::feeds::~feeds() { stop(); }

void controller::feeds::start() {
    for (auto& [cloud, t] : tellers_) t->start();
    for (auto& [cloud, h] : hearers_) h->start();
}

void controller::feeds::stop() {
    for (auto& [cloud, h] : hearers_) h->stop();
    for (auto& [cloud, t] : tellers_) t->stop();
}

void controller::feeds::told(std::span<const committed> all) {
    for (const auto& one : all) {
        if (!one.what.audience.empty())
            for (auto& [cloud, t] : tellers_)
                if (one.what.audience == cloud || one.what.audience.text == "*") t->tell(one.what.at, one.bytes);
        const auto* group = std::get_if<cloud::fact>(&one.what.what);
        const auto* resumed = group ? std::get_if<cloud::feed_resumed>(group) : nullptr;
        if (!resumed) continue;
        const auto h = hearers_.find(cloud_name(std::string(subject_of(one.what.stream))));
        if (h != hearers_.end()) h->second->resume(*resumed);
    }
}

void controller::feeds::foretold(const shell::fact_to_be& f) {
    const auto* group = std::get_if<cloud::fact>(&f.what.what);
    const auto* heard = group ? std::get_if<cloud::heard>(group) : nullptr;
    if (!heard) return;
    const auto h = hearers_.find(cloud_name(std::string(subject_of(f.stream))));
    if (h != hearers_.end()) h->second->act(*heard, f.as_cause, f.hold);
}

std::uint64_t controller::feeds::sent(const cloud_name& peer) const {
    const auto found = tellers_.find(peer);
    return found == tellers_.end() ? 0 : found->second->sent();
}

}  // namespace caravan::runtime

#include "actors/runtime/hearer.hpp"

#include "events/chain.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

namespace {

constexpr auto hear_again = std::chrono::milliseconds(500);
constexpr auto send_again = std::chrono::milliseconds(50);
constexpr std::size_t heard_at_once_max = 256;
constexpr std::size_t mac_size = 17;  // "52:54:00:00:00:01"

// What a peer's event means here. Events that are only news to people mean nothing.
std::pair<stream_id, command> command_of(const event& e) {
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

}  // namespace

hearer::hearer(controller& c, peer_config& p)
    : controller_(c),
      peer_(p),
      hindrance_([this](const std::string& what) {
          if (controller_.ports.log) controller_.ports.log("feed from " + peer_.cloud.text + ": " + what);
      }),
      stream_("cloud/" + p.cloud.text) {}
hearer::~hearer() = default;

void hearer::start() {
    recover();
    loop_ = controller_.ports.loops->start("hearer", [this] { return work(); });
    peer_.from->on_news([this] { loop_->wake(); });
}

void hearer::stop() {
    peer_.from->on_news([] {});
    if (loop_) loop_->stop();
}

void hearer::act(const cloud::heard& record, const cause& because, std::shared_ptr<void> hold) {
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

void hearer::resume() {
    {
        const std::lock_guard lock(mutex_);
        resumed_ = true;
    }
    loop_->wake();
}

// How far what was heard has been acted on. Counted for each incarnation: a feed made anew counts from 1.
std::string hearer::mark_name() const { return "acted/" + peer_.cloud.text + "/" + incarnation_; }

void hearer::meet(const std::string& incarnation) {
    const std::lock_guard lock(mutex_);
    if (incarnation == incarnation_) return;
    incarnation_ = incarnation;
    acting_.clear();
    marked_ = acted_ = sequence(controller_.ports.journal->mark(mark_name()).value_or(0));
}

// The last record of this feed that is in the journal, or none if it is to be heard from its first.
port::feed_record hearer::last_on_record(const std::function<void(const cloud::heard&, position)>& each) const {
    port::feed_record last;
    (void)controller_.ports.journal->read_stream(stream_, {}, [&](const port::entry& e) {
        const auto known = decode(e.bytes, e.inside);
        const auto* group = known ? std::get_if<cloud::fact>(&known->what) : nullptr;
        if (!group) return true;
        if (const auto* resumed = std::get_if<cloud::feed_resumed>(group); resumed && resumed->anew) last = {};
        if (const auto* heard = std::get_if<cloud::heard>(group)) {
            each(*heard, e.at);
            last = {heard->at, heard->incarnation, {}, chain::unhex(heard->link).value_or("")};
        }
        return true;
    });
    return last;
}

void hearer::recover() {
    seen_ = last_on_record([this](const cloud::heard& record, position at) {
        meet(record.incarnation);
        if (record.at > marked_) again_.emplace_back(record, at);
    });
}

std::optional<duration> hearer::work() {
    for (const auto& [record, at] : again_) act(record, at);
    again_.clear();
    hear();
    send_swallowed();
    note_mark();
    const std::lock_guard lock(mutex_);
    return swallowed_.empty() ? hear_again : send_again;
}

void hearer::hear() {
    bool resumed = false;
    {
        const std::lock_guard lock(mutex_);
        if (asking_ || given_up_) return;  // its answer wakes us
        if (auto heard = std::exchange(heard_, std::nullopt)) seen_ = std::move(*heard);
        resumed = std::exchange(resumed_, false);
        if (resumed) complaint_.clear();
    }
    // Of what was offered while it stopped, only the record says what was taken in.
    if (resumed) seen_ = last_on_record([](const auto&, position) {});
    auto records = peer_.from->read(seen_, heard_at_once_max);
    if (!records) {
        given_up_ = planted(bug::feed_given_up);
        if (records.error().kind == certainty::permanent) complain(records.error());
        else hindrance_.is(records.error());
        return;
    }
    hindrance_.over();
    if (!records->empty()) take_in(std::move(*records));
}

// Once; but until it is on record: nobody would take up a feed of which nobody has heard that it stopped.
void hearer::complain(const failure& what) {
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
void hearer::take_in(std::vector<port::feed_record> records) {
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

void hearer::send(sequence at, const stream_id& to, const command& what, const cause& because,
                  std::shared_ptr<void> hold) {
    command_mail mail{what, {}, because, {}, reply([this, at, to, what, because](const answered& how) {
        // A failure of the house may have swallowed it: it is idempotent, so it is sent again.
        if (!how.broke) return settle(at);
        const std::lock_guard lock(mutex_);
        swallowed_.push_back({at, to, what, because});
    }), peer_.cloud, std::move(hold)};
    controller_.actors().deliver(to, std::move(mail));
}

void hearer::send_swallowed() {
    std::vector<unsettled> all;
    {
        const std::lock_guard lock(mutex_);
        all.swap(swallowed_);
    }
    for (const auto& u : all) send(u.at, u.to, u.what, u.because);
}

void hearer::settle(sequence at) {
    const std::lock_guard lock(mutex_);
    acting_.erase(at);
}

void hearer::note_mark() {
    const auto now = controller_.ports.clock->now();
    const std::lock_guard lock(mutex_);
    const auto upto = acting_.empty() ? acted_ : sequence(acting_.begin()->value - 1);
    if (upto <= marked_ || now < mark_due_) return;
    if (controller_.ports.journal->put_mark(mark_name(), upto.value)) marked_ = upto;
    mark_due_ = now + std::chrono::seconds(1);
}

}  // namespace caravan::runtime

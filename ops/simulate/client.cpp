#include "ops/simulate/client.hpp"

namespace caravan::simulate {

using namespace std::chrono_literals;

namespace {

std::string text_at(const json_value& root, const char* key) {
    const auto value = root.at(key);
    const auto text = value ? value->as_text() : std::nullopt;
    return text ? std::string(*text) : std::string();
}

std::string event_of(const wish& w) {
    return R"({"specversion":"1.0","type":")" + w.type + R"(","source":"/schedulers/simulated","id":")" + w.id +
           R"(","subject":")" + w.subject + R"(","data":)" + w.data + "}";
}

}  // namespace

client::client(federation& f, dice luck, std::size_t wanted, std::size_t at_once, bool hasty)
    : f_(f), luck_(luck), wanted_(wanted), at_once_(at_once), hasty_(hasty) {}

void client::begin() {
    std::size_t count = 0;
    while (f_.world.copies_of(vm_name(f_.vm_name_of(count))).size() == 1) ++count;
    for (std::size_t i = 0; i < count; ++i) guests_.push_back({f_.first_cloud_of(i), 0, 0});
    f_.time.after(3s, [this] { tick(); });
    f_.time.after(5s, [this] { tend(); });
}

void client::tend() {
    for (auto& c : f_.clouds)
        if (auto* at = c->controller())
            at->with_view([&](const topology::federation& shown) {
                for (const auto& [name, vm] : shown.vms)
                    if (vm.ours && vm.state == "stopped") f_.world.start({c->name, vm.host}, name);
            });
    for (auto& c : f_.clouds) tend_feeds(*c);
    f_.time.after(5s, [this] { tend(); });
}

void client::tend_feeds(cloud& at) {
    auto* c = at.controller();
    if (!c) return;
    std::vector<cloud_name> stopped;
    c->with_view([&](const topology::federation& shown) {
        for (const auto& [stream, need] : shown.needs)
            if (stream.starts_with("cloud/")) stopped.emplace_back(stream.substr(stream.find('/') + 1));
    });
    for (const auto& peer : stopped) {
        const auto now = f_.feed_between(f_.of(peer), at).last();
        if (!now.at.value) continue;  // its cloud has not told anything again yet
        std::string before;
        (void)c->actors().journal.read_stream(stream_id("cloud/" + peer.text), {}, [&](const port::entry& e) {
            const auto known = decode(e.bytes, e.inside);
            const auto* group = known ? std::get_if<caravan::cloud::fact>(&known->what) : nullptr;
            if (const auto* heard = group ? std::get_if<caravan::cloud::heard>(group) : nullptr) before = heard->incarnation;
            return true;
        });
        wish w;
        w.id = "resume-" + std::to_string(++resumed_);
        w.type = "caravan.cloud.resume_feed";
        w.subject = peer.text;
        w.data = now.incarnation == before ? "{}" : R"({"anew":true})";
        c->desk().submit({"simulated", port::role::operator_}, event_of(w), [](const std::string&) {});
    }
}

void client::tick() {
    if (accepted_ + (moving_ - under_way_.size()) < wanted_ && moving_ < at_once_) want_a_move();
    if (accepted_ < wanted_) f_.time.after(luck_.between(1ms, duration(20s) / static_cast<long>(at_once_)), [this] { tick(); });
}

void client::want_a_move() {
    const auto vm = luck_.below(guests_.size());
    auto& g = guests_[vm];
    // Some do not wait for the end of one migration before they wish for the next.
    if (g.moves && !(hasty_ && g.moves == 1 && luck_.chance(250))) return;
    look_for(g);
    ++g.moves;
    ++moving_;
    g.to = (g.cloud + 1 + luck_.below(f_.clouds.size() - 1)) % f_.clouds.size();
    wish w;
    w.id = "job-" + std::to_string(wishes_.size() + 1);
    w.cloud = g.cloud;
    w.type = "caravan.vm.migrate";
    w.subject = f_.vm_name_of(vm);
    const bool tight = hasty_ && luck_.chance(150);
    const auto seconds = tight ? 10 + luck_.below(30) : 300 + luck_.below(300);
    w.data = R"({"to":")" + f_.clouds[g.to]->name.text + R"(","mode":")" + (luck_.chance(150) ? "disk" : "auto") +
             R"(","deadline_seconds":)" + std::to_string(seconds) + "}";
    wishes_.push_back(std::move(w));
    send(wishes_.size() - 1);
}

void client::send(std::size_t which) {
    const auto& w = wishes_[which];
    auto* house = f_.clouds[w.cloud]->controller_process();
    if (!house) return send_later(which);
    house->controller().desk().submit({"simulated", port::role::scheduler}, event_of(w),
                                      [this, house, which](const std::string& receipt) {
                                          if (house->dead) return send_later(which);  // its connection broke
                                          answered(which, receipt);
                                      });
}

void client::send_later(std::size_t which) {
    f_.time.after(luck_.between(200ms, 2s), [this, which] { send(which); });
}

void client::answered(std::size_t which, const std::string& receipt) {
    auto& w = wishes_[which];
    const auto document = json_document::parse(receipt);
    if (!document) return contradictions_.push_back("a receipt that is no JSON: " + receipt);
    const auto root = document->root();
    const auto status = text_at(root, "status");
    const auto reason = text_at(root, "reason");
    const auto number = root.at("position");
    const position at(number ? number->as_uint().value_or(0) : 0);
    const migration_id id(text_at(root, "migration"));
    if (status == "accepted" || status == "duplicate") {
        if (w.now == wish::stand::open) {
            w.now = wish::stand::accepted;
            w.migration = id;
            w.at = at;
            if (w.type != "caravan.vm.migrate") return;
            ++accepted_;
            under_way_[id] = which;
            if (const auto over = over_.find(id); over != over_.end()) ended(id, over->second);
        } else if (w.now == wish::stand::refused || w.migration != id || w.at != at) {
            contradictions_.push_back(w.id + " was answered in two ways: " + receipt);
        }
        return;
    }
    if (w.now == wish::stand::accepted) return contradictions_.push_back(w.id + " was accepted before: " + receipt);
    if (reason.starts_with("journal_") || reason == "restarted" || reason == "stale_version") return send_later(which);
    w.now = wish::stand::refused;
    w.reason = reason.empty() ? status : reason;
    if (w.type == "caravan.vm.migrate") rest(guests_[guest_of(w)]);
}

std::size_t client::guest_of(const wish& w) const {
    std::size_t vm = 0;
    while (vm + 1 < guests_.size() && f_.vm_name_of(vm) != w.subject) ++vm;
    return vm;
}

void client::rest(guest& g) {
    --g.moves;
    --moving_;
    look_for(g);
}

// Where it is now is asked around.
void client::look_for(guest& g) {
    const auto name = f_.vm_name_of(static_cast<std::size_t>(&g - guests_.data()));
    for (const auto& c : f_.world.copies_of(vm_name(name)))
        for (std::size_t i = 0; i < f_.clouds.size(); ++i)
            if (c.state == port::run_state::running && f_.clouds[i]->name == c.where.cloud) g.cloud = i;
}

void client::ended(const migration_id& id, bool done) {
    over_[id] = done;
    const auto found = under_way_.find(id);
    if (found == under_way_.end()) return;
    const auto which = found->second;
    under_way_.erase(found);
    rest(guests_[guest_of(wishes_[which])]);
}

void client::repeat_one() {
    if (wishes_.empty()) return;
    // What was refused may well be accepted later: only what was accepted has one answer for ever.
    const auto which = luck_.below(wishes_.size());
    if (wishes_[which].now == wish::stand::accepted) send(which);
}

void client::abort(const migration_id& id) {
    const auto chosen = under_way_.find(id);
    if (chosen == under_way_.end()) return;
    wish w;
    w.id = "job-" + std::to_string(wishes_.size() + 1);
    w.cloud = wishes_[chosen->second].cloud;
    w.type = "caravan.migration.abort";
    w.subject = chosen->first.text;
    w.data = "{}";
    wishes_.push_back(std::move(w));
    send(wishes_.size() - 1);
}

}  // namespace caravan::simulate

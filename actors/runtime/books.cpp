// The deeds that need no device: what the cloud's own records are asked, each by its aggregate.
#include <algorithm>
#include <set>

#include "actors/runtime/controller.hpp"
#include "actors/sagas/deeds.hpp"
#include "events/planted.hpp"

namespace caravan::runtime {

namespace {

using saga::entry;
using ending = std::function<void(books_result)>;

step_result result_of(const answered& a) {
    if (a.no) return {outcome::permanent, a.no->reason};
    if (a.broke) return {outcome::transient, a.broke->reason};
    return {};
}

// One command to one aggregate; its answer is the outcome.
void ask(controller& c, const stream_id& to, command what, std::function<void(step_result)> then) {
    command_mail mail;
    mail.what = std::move(what);
    mail.answer = reply([then = std::move(then)](const answered& a) { then(result_of(a)); });
    c.actors().deliver(to, std::move(mail));
}

// Commands in order; the first that is not ok ends it, and so does, without a word, that nobody wants the rest.
void ask_all(controller& c, std::vector<std::pair<stream_id, command>> all, std::size_t from,
             std::function<void(step_result)> then, std::function<bool()> wanted = {}) {
    if (from == all.size()) return then({});
    if (wanted && !wanted()) return;
    const auto to = all[from].first;
    const auto what = all[from].second;
    ask(c, to, what, [&c, all = std::move(all), from, then = std::move(then), wanted = std::move(wanted)](step_result how) mutable {
        // A newer route is known: the VM has moved on meanwhile, and this one is history.
        const bool history = how.reason == "stale_route" && !planted(bug::newer_route_in_the_way);
        if (how.ended != outcome::ok && !history) return then(how);
        ask_all(c, std::move(all), from + 1, std::move(then), std::move(wanted));
    });
}

stream_id vm_stream(const job& j) { return stream_id("vm/" + j.vm.name.text); }
stream_id host_stream(const host_name& h) { return stream_id("host/" + h.text); }

// Where room is kept for the migration. More than one host only if an admission was killed midway.
std::set<host_name> hosts_keeping(const controller& c, const job& j) {
    std::set<host_name> all;
    if (!j.host.empty()) all.insert(j.host);
    c.with_view([&](const topology::federation& f) {
        for (const auto& [name, h] : f.hosts)
            if (h.reserved.contains(j.id)) all.insert(name);
    });
    return all;
}

void release_room(const controller& c, const job& j, std::vector<std::pair<stream_id, command>>& to) {
    for (const auto& host : hosts_keeping(c, j))
        to.emplace_back(host_stream(host), command(host::command(host::release{j.id})));
}

// Nothing of it is kept. A killed admission may have asked a host for room that is not in the view yet, but
// is in that host's mailbox: what is asked of it from now on comes behind.
std::vector<std::pair<stream_id, command>> forgetting(const controller& c, const job& j) {
    std::vector<std::pair<stream_id, command>> all;
    all.emplace_back(vm_stream(j), command(vm::command(vm::forget{j.id})));
    c.with_view([&](const topology::federation& f) {
        for (const auto& [name, h] : f.hosts)
            all.emplace_back(host_stream(name), command(host::command(host::release{j.id})));
    });
    return all;
}

// ---- admission

// An admission whose errand was killed stops before its next command; what it has kept by then is found by
// the admission after it, or by the release of its room. One that ends without the VM keeps nothing, nor
// does what was killed before it.
struct admission : std::enable_shared_from_this<admission> {
    controller& c;
    errand what;
    migration::requested request;
    ending done;
    std::function<bool()> wanted;
    std::vector<host_name> hosts;
    std::size_t at = 0;
    bool one_left = false;  // a host, since the view was looked at

    admission(controller& in, const errand& e, std::function<bool()> still, ending d)
        : c(in), what(e), done(std::move(d)), wanted(std::move(still)) {
        const auto& j = e.about;
        request.id = j.id;
        request.vm = j.vm;
        request.from = j.peer;
        request.to = j.own;
        request.mode = j.mode;
        request.run_right = j.run_right;
        request.deadline = j.deadline;
        request.downtime_max = j.downtime_max;
        request.bandwidth = j.bandwidth;
    }

    void begin() {
        topology::placement found;
        c.with_view([&](const topology::federation& f) { found = topology::place(f, request, c.lately()); });
        if (found.hosts.empty()) return found.soon ? wait(found.reason) : refuse(found.reason);
        hosts = std::move(found.hosts);
        const auto kept = hosts_keeping(c, what.about);
        std::stable_partition(hosts.begin(), hosts.end(), [&](const auto& h) { return kept.contains(h); });
        keep_room();
    }

    void keep_room() {
        if (!wanted()) return;
        host::reserve r;
        r.migration = what.about.id;
        r.memory = what.about.vm.memory;
        for (const auto& d : what.about.vm.disks) {
            r.disk += what.about.mode == copy_mode::cow ? d.overlay : d.capacity;
            if (what.about.mode == copy_mode::cow && !d.base_digest.empty()) r.base_digests.push_back(d.base_digest);
        }
        r.machine = what.about.vm.machine;
        r.cpu_model = what.about.vm.cpu_model;
        c.with_view([&](const topology::federation& f) { r.memory_used = topology::memory_used(f, hosts[at]); });
        ask(c, host_stream(hosts[at]), command(host::command(r)), [self = shared_from_this()](step_result how) {
            if (how.ended == outcome::ok) return self->make_vans();
            self->one_left |= how.reason == "host_offline";
            if (++self->at < self->hosts.size()) self->keep_room();
            else self->one_left ? self->wait(how.reason) : self->give_up(how);
        });
    }

    void make_vans() {
        if (!wanted()) return;
        std::vector<std::pair<stream_id, command>> all;
        for (const auto& nic : what.about.vm.nics)
            all.emplace_back(stream_id("van/" + nic.van.text),
                             command(van::command(van::create{topology::vni_of(nic.van), what.about.peer})));
        all.emplace_back(vm_stream(what.about),
                         command(vm::command(vm::expect{what.about.id, what.about.peer, what.about.run_right,
                                                        what.about.vm, hosts[at]})));
        ask_all(c, std::move(all), 0, [self = shared_from_this()](step_result how) {
            if (how.ended == outcome::ok) return self->sign();
            self->give_up(how);
        }, wanted);
    }

    void sign() {
        const auto& j = what.about;
        ticket t{j.id, j.peer, j.own, j.vm.name, j.vm.uuid, {}, j.mode == copy_mode::disk, 256u << 20, {}};
        for (const auto& d : j.vm.disks) {
            t.disks.push_back(d.target);
            t.budget += 4 * (j.mode == copy_mode::cow ? d.overlay : d.capacity);
        }
        t.budget += 16 * j.vm.memory;  // a busy guest sends its memory several times over
        t.deadline = j.deadline + std::chrono::seconds(30);
        auto ticket_signed = c.ports.sign(t);
        if (!ticket_signed) return refuse(ticket_signed.error().reason);
        what.about.ticket = std::move(*ticket_signed);
        what.about.host = hosts[at];
        done({{}, what.about});
    }

    // Nothing was kept, and a host that could take it is away: not for long, it seems.
    void wait(const std::string& reason) { done({{outcome::transient, reason}, what.about, true}); }
    void refuse(const std::string& reason) { give_up({outcome::permanent, reason}); }
    void give_up(const step_result& how) {
        ask_all(c, forgetting(c, what.about), 0,
                [self = shared_from_this(), how](const step_result&) { self->done({how, self->what.about}); }, wanted);
    }
};

std::vector<std::pair<stream_id, command>> route_moves(const controller& c, const job& j, bool here) {
    std::vector<std::pair<stream_id, command>> all;
    for (const auto& nic : j.vm.nics)
        if (!nic.van.empty())
            all.emplace_back(stream_id("van/" + nic.van.text),
                             command(van::command(van::move_route{nic.mac, here ? c.own : j.peer,
                                                                  here ? j.host : host_name(), j.run_right})));
    return all;
}

std::vector<std::pair<stream_id, command>> commands_of(const controller& c, entry what, const job& j) {
    const auto of_vm = [&](vm::command x) { return std::pair(vm_stream(j), command(std::move(x))); };
    std::vector<std::pair<stream_id, command>> all;
    switch (what) {
        case entry::forget: return forgetting(c, j);
        case entry::settle: release_room(c, j, all); return all;
        case entry::keep_vm: return {of_vm(vm::abandon_move{j.id, "undone"})};
        case entry::release: return {of_vm(vm::release{j.id})};
        case entry::acquire: return {of_vm(vm::acquire{j.id, j.run_right})};
        case entry::reclaim: return {of_vm(vm::reclaim{j.id, j.run_right})};
        case entry::forfeit: return {of_vm(vm::forfeit{j.id, j.run_right})};
        case entry::depart: return {of_vm(vm::depart{j.id})};
        case entry::routes_here: return route_moves(c, j, true);
        case entry::routes_there: return route_moves(c, j, false);
        case entry::admit:
        case entry::none: return {};
    }
    return {};
}

}  // namespace

void keep_books(controller& c, std::uint8_t books_entry, const errand& what, std::function<bool()> wanted,
                ending done) {
    const auto entry_asked = static_cast<entry>(books_entry);
    if (entry_asked == entry::admit) {
        std::make_shared<admission>(c, what, std::move(wanted), std::move(done))->begin();
        return;
    }
    ask_all(c, commands_of(c, entry_asked, what.about), 0,
            [about = what.about, done = std::move(done)](step_result how) mutable {
                // The copy that was forfeited is gone, and what is here came by right: nobody's to remove.
                if (how.reason == "here_by_another") {
                    how = {};
                    about.forfeited = false;
                }
                done({how, about});
            });
}

}  // namespace caravan::runtime

#include "tests/contract/hypervisor/suite.hpp"

#include <catch2/catch.hpp>
#include <thread>

namespace caravan::contract {
namespace {

using port::run_state;
using namespace std::chrono_literals;

std::string said(const result<void>& r) {
    return r ? "ok" : r.error().reason + ": " + r.error().detail;
}
#define REQUIRE_OK(call)      \
    do {                      \
        const auto r_ = call; \
        INFO(said(r_));       \
        REQUIRE(r_);          \
    } while (false)

void refuses(const result<void>& r, certainty kind, const char* reason) {
    INFO(said(r));
    REQUIRE_FALSE(r);
    CHECK(r.error().kind == kind);
    CHECK(r.error().reason == reason);
}

// Both sides' jobs for one migration of the VM that runs at the source.
struct move {
    job source, destination;
    move(world& w, const std::string& name, const char* id, copy_mode mode = copy_mode::cow) {
        source.id = migration_id(id);
        source.vm = see(w, side::source, name).vm;
        source.mode = mode;
        source.own = cloud_name("thales");
        source.peer = cloud_name("umea");
        source.run_right = epoch(2);
        destination = source;
        destination.here = side::destination;
        std::swap(destination.own, destination.peer);
    }
};

constexpr const char* id_1 = "01JD0000000000000000000001";
constexpr const char* id_2 = "01JD0000000000000000000002";

void nothing_left(world& w, side s, const job& j) {
    CHECK(see(w, s, j.vm.name.text).state == run_state::absent);
    const auto left = w.leftovers(s, j);
    INFO((left.empty() ? "" : left.front()));
    CHECK(left.empty());
}

void begin(world& w, const move& m) {
    REQUIRE_OK(w.at(side::destination).stage(m.destination));
    w.connect(m.source, m.destination);
    REQUIRE_OK(w.at(side::source).start_copy(m.source));
}
// Waits until the copy is under way: in the disk's or the memory's part.
void reach(world& w, bool memory) {
    REQUIRE(w.heard(side::source).await([&] {
        const auto all = w.heard(side::source).progress();
        return std::ranges::any_of(all, [&](const port::copy_progress& p) {
            return memory ? p.memory_done > 0 : p.disk_done > 0 || p.disk_total > 0;
        });
    }));
}
void hand_over(world& w, const move& m) {
    REQUIRE_OK(w.at(side::source).prove_off(m.source));
    REQUIRE(w.heard(side::source).await([&] {
        return see(w, side::source, m.source.vm.name.text).state == run_state::off;
    }));
    REQUIRE_OK(w.at(side::destination).resume(m.destination));
    CHECK(see(w, side::destination, m.source.vm.name.text).state == run_state::running);
}

void describes_a_host(world& w) {
    w.boot("vm1");
    const auto host = w.at(side::destination).describe();
    REQUIRE(host);
    const auto vm = see(w, side::source, "vm1").vm;
    CHECK(host->memory >= vm.memory);
    CHECK(host->cpus > 0);
    CHECK(host->disk_free > 0);
    CHECK(std::ranges::count(host->machines, vm.machine) == 1);
    CHECK(std::ranges::count(host->cpu_models, vm.cpu_model) == 1);
    CHECK(std::ranges::count(host->base_digests, vm.disks.at(0).base_digest) == 1);
}

void observes_what_nobody_registered(world& w) {
    w.boot("vm1");
    const auto seen = see(w, side::source, "vm1");
    CHECK(seen.state == run_state::running);
    CHECK_FALSE(seen.job_active);
    CHECK(seen.vm.uuid.size() == 36);
    CHECK(seen.vm.memory > 0);
    CHECK(seen.vm.vcpus == 1);
    REQUIRE(seen.vm.disks.size() == 1);
    CHECK(seen.vm.disks[0].capacity > 0);
    CHECK(seen.vm.disks[0].overlay > 0);
    CHECK(seen.vm.disks[0].base_digest.starts_with("sha256:"));
    REQUIRE(seen.vm.nics.size() == 1);
    CHECK_FALSE(seen.vm.nics[0].van.empty());
    CHECK_FALSE(seen.vm.neutral_xml.empty());
    CHECK(see(w, side::destination, "vm1").state == run_state::absent);
}

void moves(world& w, copy_mode mode) {
    w.boot("vm1");
    const move m(w, "vm1", id_1, mode);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_OK(w.heard(side::source).ends()[0].second);
    CHECK(w.heard(side::source).ends()[0].first == m.source.id);
    CHECK(w.heard(side::source).never_begun().empty());
    CHECK_FALSE(w.heard(side::source).progress().empty());
    CHECK(see(w, side::destination, "vm1").state == run_state::paused);
    hand_over(w, m);
    REQUIRE_OK(w.at(side::destination).resume(m.destination));  // again: runs already
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::source).discard(m.source));
    REQUIRE_OK(w.at(side::source).discard(m.source));
    nothing_left(w, side::source, m.source);
    CHECK(w.guest_is_whole("vm1"));
    REQUIRE_OK(w.at(side::destination).discard(m.destination));  // said late: nothing of the job is left, and the VM is no job's
    CHECK(see(w, side::destination, "vm1").state == run_state::running);
    CHECK(w.heard(side::source).ends().size() == 1);
    CHECK(w.heard(side::source).never_begun().empty());
}
void moves_by_difference(world& w) {
    moves(w, copy_mode::cow);
}
void moves_whole_disks(world& w) {
    moves(w, copy_mode::disk);
}

void hands_over_before_the_call_returns(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    begin(w, m);
    // As a proxy would tell it: the copy is whole at the destination, the source not confirmed.
    REQUIRE(w.heard(side::source).await([&] {
        return see(w, side::destination, "vm1").state == run_state::paused;
    }));
    hand_over(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));  // however it ended
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::source).discard(m.source));
    nothing_left(w, side::source, m.source);
    CHECK(w.guest_is_whole("vm1"));
    CHECK(w.heard(side::source).ends().size() == 1);
    CHECK(w.heard(side::source).never_begun().empty());
}

// The run-right is the destination's by then: its disk is all there, and nobody else may run the VM.
void starts_what_lost_its_process(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_OK(w.heard(side::source).ends()[0].second);
    REQUIRE_OK(w.at(side::source).prove_off(m.source));
    w.power_loss(side::destination);
    REQUIRE_OK(w.at(side::destination).resume(m.destination));
    CHECK(see(w, side::destination, "vm1").state == run_state::running);
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::source).discard(m.source));
}

void refuses_before_anything_is_made(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    auto other = m.destination;
    other.vm.disks.at(0).base_digest = "sha256:" + std::string(64, '0');
    refuses(w.at(side::destination).stage(other), certainty::permanent, "no_base_image");
    other = m.destination;
    other.vm.disks.at(0).overlay = bytes{1} << 60;
    refuses(w.at(side::destination).stage(other), certainty::transient, "no_disk_room");
    nothing_left(w, side::destination, m.destination);
    refuses(w.at(side::destination).start_copy(m.destination), certainty::permanent,
            "vm_not_running");
    refuses(w.at(side::destination).resume(m.destination), certainty::permanent, "copy_not_whole");
    refuses(w.at(side::source).prove_off(m.source), certainty::permanent, "still_running");
    refuses(w.at(side::source).discard(m.source), certainty::permanent, "still_running");
    CHECK(see(w, side::source, "vm1").state == run_state::running);
}

void stages_and_discards(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    REQUIRE_OK(w.at(side::destination).stage(m.destination));
    REQUIRE_OK(w.at(side::destination).stage(m.destination));
    CHECK(see(w, side::destination, "vm1").state == run_state::litter);
    w.restart_adapter(side::destination);
    CHECK(see(w, side::destination, "vm1").state == run_state::litter);
    REQUIRE_OK(w.at(side::destination).stage(m.destination));
    const move again(w, "vm1", id_2);
    refuses(w.at(side::destination).stage(again.destination), certainty::permanent, "image_exists");
    REQUIRE_OK(w.at(side::destination).discard(m.destination));
    REQUIRE_OK(w.at(side::destination).discard(m.destination));
    nothing_left(w, side::destination, m.destination);
    REQUIRE_OK(w.at(side::destination).stage(again.destination));
    REQUIRE_OK(w.at(side::destination).discard(again.destination));
}

void undo(world& w, const move& m) {
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::source).abort_copy(m.source));
    REQUIRE_OK(w.at(side::source).abort_copy(m.source));
    const auto seen = see(w, side::source, "vm1");
    CHECK(seen.state == run_state::running);
    CHECK_FALSE(seen.job_active);
    REQUIRE_OK(w.at(side::destination).discard(m.destination));
    nothing_left(w, side::destination, m.destination);
    CHECK(w.guest_is_whole("vm1"));
}

void aborts(world& w, bool memory) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    w.slow(true);
    begin(w, m);
    reach(w, memory);
    CHECK(see(w, side::source, "vm1").job_active);
    CHECK(see(w, side::destination, "vm1").state == run_state::arriving);
    refuses(w.at(side::destination).resume(m.destination), certainty::permanent, "copy_not_whole");
    refuses(w.at(side::source).prove_off(m.source), certainty::permanent, "still_running");
    undo(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_FALSE(w.heard(side::source).ends()[0].second);
    CHECK(w.heard(side::source).ends()[0].second.error().kind == certainty::transient);
    w.slow(false);
    const move again(w, "vm1", id_2);  // and it moves all the same
    begin(w, again);
    REQUIRE(w.heard(side::source).await_ends(2));
    REQUIRE_OK(w.heard(side::source).ends()[1].second);
    hand_over(w, again);
    CHECK(w.guest_is_whole("vm1"));
}
void aborts_in_the_disk_part(world& w) {
    aborts(w, false);
}
void aborts_in_the_memory_part(world& w) {
    aborts(w, true);
}

void aborts_a_whole_copy(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::destination).discard(m.destination));
    nothing_left(w, side::destination, m.destination);
    // The source went off with the copy's end: it is started anew, from its disk.
    CHECK(see(w, side::source, "vm1").state == run_state::off);
    REQUIRE_OK(w.at(side::source).abort_copy(m.source));
    CHECK(see(w, side::source, "vm1").state == run_state::running);
    const move again(w, "vm1", id_2);
    begin(w, again);
    REQUIRE(w.heard(side::source).await_ends(2));
    REQUIRE_OK(w.heard(side::source).ends()[1].second);
    CHECK(w.heard(side::source).never_begun().empty());
}

// Its right was taken back by a person, who says that it cannot run: if it does all the same, it goes.
void removes_what_was_forfeited(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    hand_over(w, m);
    w.disconnect(m.source);
    auto work = m.destination;
    work.forfeited = true;
    REQUIRE_OK(w.at(side::destination).discard(work));
    nothing_left(w, side::destination, work);
    REQUIRE_OK(w.at(side::destination).discard(work));
}

// Nothing of the source's VM is left: there is nothing to keep, and an undo of it ends.
void aborts_without_a_vm(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_OK(w.at(side::source).prove_off(m.source));
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::source).discard(m.source));
    nothing_left(w, side::source, m.source);
    REQUIRE_OK(w.at(side::source).abort_copy(m.source));
    nothing_left(w, side::source, m.source);
}

// An order of an older migration that comes late must not wake a copy whose run-right is elsewhere.
void late_abort_wakes_nothing(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1), older(w, "vm1", id_2);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    auto late = older.destination;
    late.here = side::source;
    refuses(w.at(side::destination).abort_copy(late), certainty::permanent, "not_of_this_job");
    CHECK(see(w, side::destination, "vm1").state == run_state::paused);
    hand_over(w, m);
    CHECK(w.guest_is_whole("vm1"));
}

void follows_after_a_restart(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    w.slow(true);
    begin(w, m);
    reach(w, false);
    w.restart_adapter(side::source);
    REQUIRE_OK(w.at(side::source).start_copy(m.source));
    w.slow(false);
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_OK(w.heard(side::source).ends()[0].second);
    w.restart_adapter(side::source);  // and once it is over
    REQUIRE_OK(w.at(side::source).start_copy(m.source));
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_OK(w.heard(side::source).ends()[0].second);
    w.restart_adapter(side::destination);
    hand_over(w, m);
    w.disconnect(m.source);
    REQUIRE_OK(w.at(side::source).discard(m.source));
    nothing_left(w, side::source, m.source);
    CHECK(w.guest_is_whole("vm1"));
}

void daemon_dies(world& w, side s) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    w.slow(true);
    begin(w, m);
    reach(w, false);
    w.restart_daemon(s);
    REQUIRE(w.heard(side::source).await_ends(1));
    REQUIRE_FALSE(w.heard(side::source).ends()[0].second);
    CHECK(w.heard(side::source).ends()[0].second.error().kind != certainty::permanent);
    undo(w, m);
}
void source_daemon_dies(world& w) {
    daemon_dies(w, side::source);
}
void destination_daemon_dies(world& w) {
    daemon_dies(w, side::destination);
}

void destination_host_dies(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    w.slow(true);
    begin(w, m);
    reach(w, false);
    w.power_loss(side::destination);
    undo(w, m);
}

using sim::copy_fault;
using sim::copy_part;

constexpr const char* part_names[] = {"in the disk part", "in the memory part"};
constexpr const char* fault_names[] = {"its streams are closed", "it is aborted", "the source's libvirtd dies",
                                       "the destination's libvirtd dies", "the source loses its power",
                                       "the destination loses its power", "the source's QEMU dies",
                                       "the destination's QEMU dies"};

void strike(world_of_processes& w, const move& m, copy_fault what) {
    switch (what) {
        case copy_fault::streams_closed: return w.disconnect(m.source);
        case copy_fault::aborted: REQUIRE_OK(w.at(side::source).abort_copy(m.source)); return;
        case copy_fault::source_daemon: return w.restart_daemon(side::source);
        case copy_fault::destination_daemon: return w.restart_daemon(side::destination);
        case copy_fault::source_power: return w.power_loss(side::source);
        case copy_fault::destination_power: return w.power_loss(side::destination);
        case copy_fault::source_qemu: return w.kill_guest(side::source, m.source.vm.name.text);
        case copy_fault::destination_qemu: return w.kill_guest(side::destination, m.source.vm.name.text);
    }
}

std::string both(run_state source, run_state destination) {
    constexpr const char* names[] = {"absent", "litter", "off", "running", "paused", "arriving", "stuck"};
    return names[std::size_t(source)] + std::string(" here, ") + names[std::size_t(destination)] + " there";
}

sim::copy_end kind_of(const result<void>& end) {
    if (end) return sim::copy_end::ok;
    return end.error().kind == certainty::unknown ? sim::copy_end::unknown : sim::copy_end::transient;
}

void calls_fail_while_the_daemon_is_away(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    w.restart_daemon(side::source);
    CHECK(see(w, side::source, "vm1").state == run_state::running);
    refuses(w.at(side::source).prove_off(m.source), certainty::permanent, "still_running");
}

}  // namespace

port::vm_observation see(world& w, side s, const std::string& name) {
    const auto all = w.at(s).observe();
    INFO((all ? "" : all.error().detail));
    REQUIRE(all);
    const auto found = std::ranges::find(*all, vm_name(name),
                                         [](const port::vm_observation& o) { return o.vm.name; });
    return found == all->end() ? port::vm_observation{} : *found;
}

job arrives(world& w) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    begin(w, m);
    REQUIRE(w.heard(side::source).await_ends(1));
    hand_over(w, m);
    w.disconnect(m.source);
    return m.destination;
}

const std::vector<check> hypervisor_contract = {
    {"describes a host", describes_a_host},
    {"observes what nobody registered", observes_what_nobody_registered},
    {"refuses before anything is made", refuses_before_anything_is_made},
    {"stages and discards, again and again", stages_and_discards},
    {"moves a VM by its difference", moves_by_difference},
    {"moves a VM with whole disks", moves_whole_disks},
    {"hands over before the call returns", hands_over_before_the_call_returns},
    {"starts what lost its process", starts_what_lost_its_process},
    {"aborts in the disk part", aborts_in_the_disk_part},
    {"aborts in the memory part", aborts_in_the_memory_part},
    {"drops a whole copy", aborts_a_whole_copy},
    {"lets another's copy be", late_abort_wakes_nothing},
    {"removes a running copy whose right was taken back", removes_what_was_forfeited},
    {"has nothing to keep where the VM is gone", aborts_without_a_vm},
    {"follows a copy after a restart", follows_after_a_restart},
    {"source daemon dies", source_daemon_dies},
    {"destination daemon dies", destination_daemon_dies},
    {"destination host dies", destination_host_dies},
    {"goes on when the daemon is back", calls_fail_while_the_daemon_is_away},
};

std::vector<fault_check> fault_checks() {
    std::vector<fault_check> all;
    for (const auto& row : sim::copy_faults)
        if (row.at <= copy_part::memory)
            all.push_back({std::string(part_names[std::size_t(row.at)]) + " " + fault_names[std::size_t(row.what)], row});
    return all;
}

void becomes_what_the_table_says(world_of_processes& w, const sim::fault_row& row) {
    w.boot("vm1");
    const move m(w, "vm1", id_1);
    w.slow(true);
    begin(w, m);
    reach(w, row.at == copy_part::memory);
    strike(w, m, row.what);
    const auto states = [&] { return both(see(w, side::source, "vm1").state, see(w, side::destination, "vm1").state); };
    const auto expected = both(row.source, row.destination);
    w.heard(side::source).await([&] { return states() == expected; });
    CHECK(states() == expected);
    if (row.what == copy_fault::source_power) return;  // who would tell of its end is gone as well
    REQUIRE(w.heard(side::source).await_ends(1));
    CHECK(kind_of(w.heard(side::source).ends()[0].second) == row.end);
}

}  // namespace caravan::contract

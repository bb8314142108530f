#include "actors/runtime/site.hpp"

namespace caravan::runtime {

namespace {

std::vector<port::van> vans_in(const order& o) {
    std::vector<port::van> all;
    for (const auto& v : o.vans) all.push_back({v.name, v.vni});
    return all;
}

// What a look at the VM's copy says, in the words of the saga's resolver.
act_result look(port::hypervisor& hypervisor, const job& j) {
    const auto all = hypervisor.observe();
    if (!all) return tl::unexpected(all.error());
    const port::vm_observation* found = nullptr;
    for (const auto& v : *all)
        if (v.vm.name == j.vm.name) found = &v;
    using port::run_state;
    if (found && found->held) return tl::unexpected(unknown("guest_does_not_answer", j.vm.name.text));
    if (j.here == side::destination)
        return seen_as(found && found->state == run_state::paused && !found->job_active ? "whole" : "not_whole");
    if (!found || found->state == run_state::absent || found->state == run_state::off || found->state == run_state::litter)
        return seen_as("off");
    const std::string base = found->state == run_state::running ? "running" : "paused";
    return seen_as(found->job_active ? base + "_with_job" : base);
}

bool runs_by_right(const port::vm_observation& v) { return v.state == port::run_state::running; }

bool is_present(const port::vm_observation& v) {
    return v.state != port::run_state::absent && v.state != port::run_state::litter;
}

}  // namespace

agent::agent(caf::actor_system& system, port::link_client& link, agent_ports ports,
             std::function<void(const std::string&)> log, loops& home)
    : site(system, home, link, std::move(log)), ports_(std::move(ports)) {
    auto& h = *ports_.hypervisor;
    auto& n = *ports_.network;
    auto& c = *ports_.channel;
    adapter_acts machine;
    machine.acts = {
        {act::stage, [&h](const order& o) { return as_act(h.stage(o.about)); }},
        {act::discard, [&h](const order& o) { return as_act(h.discard(o.about)); }},
        {act::start_copy, [&h](const order& o) { return as_act(h.start_copy(o.about)); }},
        {act::abort_copy, [&h](const order& o) { return as_act(h.abort_copy(o.about)); }},
        {act::prove_off, [&h](const order& o) { return as_act(h.prove_off(o.about)); }},
        {act::resume, [&h](const order& o) { return as_act(h.resume(o.about)); }},
        {act::observe, [&h](const order& o) { return look(h, o.about); }},
    };
    machine.lasting = act::start_copy;
    add("hypervisor", 4, std::move(machine));
    adapter_acts ports_of_vans;
    ports_of_vans.acts = {
        {act::attach_silent, [&n](const order& o) { return as_act(n.attach_silent(o.about, vans_in(o))); }},
        {act::activate, [&n](const order& o) { return as_act(n.activate(o.about)); }},
        {act::detach, [&n](const order& o) { return as_act(n.detach(o.about)); }},
        {act::ensure_vans, [&n](const order& o) { return as_act(n.ensure(vans_in(o))); }},
    };
    add("network", 1, std::move(ports_of_vans));
    adapter_acts ends;
    ends.acts = {
        {act::open_end, [this, &c](const order& o) -> act_result {
            job completed = o.about;
            if (ports_.complete)
                if (auto filled = ports_.complete(completed); !filled) return tl::unexpected(filled.error());
            if (auto opened = c.open(completed); !opened) return tl::unexpected(opened.error());
            return std::optional<job>(std::move(completed));
        }},
        {act::close_end, [&c](const order& o) { return as_act(c.close(o.about.id)); }},
    };
    add("channel", 2, std::move(ends));
}

std::string agent::hello() {
    looked_ = false;
    const auto host = ports_.hypervisor->describe();
    const auto vms = ports_.hypervisor->observe();
    if (!host || !vms) {
        log_("the hypervisor does not answer: " + (host ? vms.error() : host.error()).detail);
        return {};
    }
    agent_hello h;
    h.has = {host->memory, host->cpus, host->disk_free, host->machines, host->cpu_models, host->base_digests,
             ports_.endpoint, ports_.vxlan_address};
    for (const auto& v : *vms)
        if (is_present(v)) h.vms.push_back({v.vm, true, runs_by_right(v)});
    if (const auto open = ports_.channel->observe())
        for (const auto& one : *open) h.jobs.push_back(one.id);
    return frame_of("agent", h);
}

// A VM's disks grow without libvirt saying so.
std::optional<duration> agent::look_around() {
    constexpr auto between_looks = std::chrono::seconds(60);
    if (!std::exchange(looked_, true)) return between_looks;  // the hello has just told it
    if (const auto vms = ports_.hypervisor->observe())
        for (const auto& v : *vms)
            if (is_present(v)) vm_changed(v);
    return between_looks;
}

void agent::vm_changed(const port::vm_observation& v) {
    send(frame_of("vm", seen_vm{v.vm, is_present(v), runs_by_right(v)}));
}

void agent::copy_progressed(const port::copy_progress& p) {
    send(frame_of("progress", progress{p.id, p.disk_done, p.disk_total, p.memory_done, p.memory_total, p.rate,
                                       p.dirty_rate, p.downtime}));
}

void agent::copy_begun(const migration_id& id) {
    if (const auto actor = actor_of(act::start_copy)) tell_begun(actor, id);
}

void agent::copy_ended(const migration_id& id, const result<void>& how) {
    if (const auto actor = actor_of(act::start_copy)) tell_ended(actor, id, how);
}

void agent::refused(const port::channel_refusal& r) { log_("channel of " + r.id.text + " refused: " + r.reason); }

}  // namespace caravan::runtime

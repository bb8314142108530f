#include "adapters/sim/host/folder_hypervisor.hpp"

#include <algorithm>

#include "adapters/sim/host/folder_body.hpp"

namespace caravan::sim {

using port::run_state;
using guarded = std::lock_guard<std::mutex>;

namespace {
constexpr auto glance = std::chrono::milliseconds(100);  // how often others' changes are looked for
}

// ---- what is there

port::vm_observation folder_hypervisor::body::seen(const vm_record& r) const {
    const bool copying = coming.contains(r.of) || is_leaving(r.of);
    switch (r.state) {
        case vm_state::running: return {r.vm, run_state::running, copying};
        case vm_state::paused: return {r.vm, run_state::paused, copying};
        case vm_state::off: return {r.vm, run_state::off, copying};
        case vm_state::staged: break;
    }
    return {r.vm, copying ? run_state::arriving : run_state::litter, copying};
}

std::vector<port::vm_observation> folder_hypervisor::body::all_seen() const {
    std::vector<port::vm_observation> all;
    for (const auto& r : files.all()) all.push_back(seen(r));
    return all;
}

bool folder_hypervisor::body::become(const vm_name& name, vm_state from, vm_state to) {
    const guarded lock(mutex);
    auto r = files.find(name);
    if (!r || r->state != from) return false;
    r->state = to;
    changed.notify_all();
    return files.put(*r).has_value();
}

// Tells every change, whoever made it.
void folder_hypervisor::body::look(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    auto before = all_seen();
    while (!stop.stop_requested()) {
        changed.wait_for(lock, stop, glance, [] { return false; });
        auto now = all_seen();
        auto news = now;
        std::erase_if(news, [&](const auto& v) { return std::ranges::find(before, v) != before.end(); });
        for (auto& gone : before)
            if (std::ranges::none_of(now, [&](const auto& v) { return v.vm.name == gone.vm.name; }))
                news.push_back({gone.vm, run_state::absent, false});
        before = std::move(now);
        lock.unlock();
        for (const auto& v : news) tell.vm_changed(v);
        lock.lock();
    }
}

// ---- the port

folder_hypervisor::folder_hypervisor(std::unique_ptr<body> from) : body_(std::move(from)) {}
folder_hypervisor::~folder_hypervisor() = default;

result<std::unique_ptr<folder_hypervisor>> folder_hypervisor::open(const folder_host& host,
                                                                   port::hypervisor_listener& tell) {
    auto door = ear::open(vm_files(host.folder).daemon_socket());
    if (!door) return tl::unexpected(door.error());
    auto made = std::make_unique<body>(host, tell, std::move(*door));
    made->begin();
    return std::unique_ptr<folder_hypervisor>(new folder_hypervisor(std::move(made)));
}

void folder_hypervisor::body::begin() {
    porter = std::jthread([this](const std::stop_token& stop) { welcome(stop); });
    watcher = std::jthread([this](const std::stop_token& stop) { look(stop); });
}

folder_hypervisor::body::~body() {
    porter = {};
    for (auto& one : visits) one.servant.request_stop();
    visits.clear();
    for (auto& [id, one] : leaving) one.carrier.request_stop();
    leaving.clear();
    watcher = {};
}

std::string folder_hypervisor::daemon_socket() const { return body_->files.daemon_socket(); }

result<port::host_description> folder_hypervisor::describe() {
    return port::host_description{bytes{64} << 30, 64, {"pc-i440fx-7.2"}, {"qemu64"}, {simulated_base},
                                  body_->files.room()};
}

result<std::vector<port::vm_observation>> folder_hypervisor::observe() {
    const guarded lock(body_->mutex);
    return body_->all_seen();
}

result<void> folder_hypervisor::stage(const job& work) {
    const guarded lock(body_->mutex);
    if (const auto r = body_->files.find(work.vm.name)) {
        if (r->of == work.id) return {};
        return permanent(r->state == vm_state::staged ? "image_exists" : "vm_exists", work.vm.name.text);
    }
    bytes room = body_->files.room();
    const auto take = [&room](bytes wanted) { return wanted <= room && ((room -= wanted), true); };
    bool fits = take(work.vm.memory);
    for (const auto& d : work.vm.disks) {
        if (work.mode == copy_mode::cow && d.base_digest != simulated_base)
            return permanent("no_base_image", d.base_digest);
        fits = fits && take(work.mode == copy_mode::cow ? d.overlay : d.capacity);
    }
    if (!fits) return transient("no_disk_room", work.vm.name.text);
    body_->changed.notify_all();
    return body_->files.put({work.vm, vm_state::staged, work.id});
}

result<void> folder_hypervisor::discard(const job& work) {
    std::unique_lock lock(body_->mutex);
    if (const auto busy = body_->coming.find(work.id); busy != body_->coming.end()) {
        busy->second.request_stop();
        body_->changed.wait(lock, [&] { return !body_->coming.contains(work.id); });
    }
    const auto r = body_->files.find(work.vm.name);
    if (!r) return {};
    if (work.here == side::destination && r->of != work.id && !work.forfeited) return {};  // never this job's
    if (r->state == vm_state::running && !work.forfeited) return permanent("still_running", work.vm.name.text);
    body_->files.remove(*r);
    body_->changed.notify_all();
    return {};
}

result<void> folder_hypervisor::prove_off(const job& work) {
    const guarded lock(body_->mutex);
    auto r = body_->files.find(work.vm.name);
    if (!r || r->state == vm_state::off) return {};
    if (r->state != vm_state::paused) return permanent("still_running", work.vm.name.text);
    r->state = vm_state::off;
    body_->changed.notify_all();
    return body_->files.put(*r);
}

result<void> folder_hypervisor::resume(const job& work) {
    const guarded lock(body_->mutex);
    auto r = body_->files.find(work.vm.name);
    if (r && r->state == vm_state::running) return {};
    if (!r || r->state != vm_state::paused || r->of != work.id)
        return permanent("copy_not_whole", work.vm.name.text);
    r->state = vm_state::running;
    r->of = {};
    body_->changed.notify_all();
    return body_->files.put(*r);
}

}  // namespace caravan::sim

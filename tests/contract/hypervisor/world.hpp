// The world in which the hypervisor port's contract is checked: two hosts of two clouds, and
// between them whatever a copy needs. One world for the simulated hosts, one for libvirt.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "actors/ports/hypervisor.hpp"

namespace caravan::contract {

// What one host's hypervisor told.
class told final : public port::hypervisor_listener {
  public:
    void vm_changed(const port::vm_observation& seen) override {
        add([&] { changes_.push_back(seen); });
    }
    void copy_progressed(const port::copy_progress& now) override {
        add([&] { progress_.push_back(now); });
    }
    void copy_begun(const migration_id& id) override {
        add([&] { begun_.insert(id); });
    }
    void copy_ended(const migration_id& id, const result<void>& end) override {
        add([&] {
            ends_.emplace_back(id, end);
            if (!begun_.erase(id)) never_begun_.push_back(id);
        });
    }

    using ending = std::pair<migration_id, result<void>>;
    std::vector<port::vm_observation> changes() const { return copy_of(changes_); }
    std::vector<port::copy_progress> progress() const { return copy_of(progress_); }
    std::vector<ending> ends() const { return copy_of(ends_); }
    // Those that ended without having begun, or once more.
    std::vector<migration_id> never_begun() const { return copy_of(never_begun_); }

    // Waits until `holds()` is true, looking again whenever something was told.
    template <class F>
    bool await(F holds, std::chrono::milliseconds at_most = std::chrono::seconds(60)) const {
        const auto deadline = std::chrono::steady_clock::now() + at_most;
        while (!holds()) {
            std::unique_lock lock(mutex_);
            if (std::chrono::steady_clock::now() > deadline) return false;
            news_.wait_for(lock, std::chrono::milliseconds(50));
        }
        return true;
    }
    bool await_ends(std::size_t count) const {
        return await([&] { return ends().size() >= count; });
    }

  private:
    template <class F>
    void add(F change) {
        const std::lock_guard lock(mutex_);
        change();
        news_.notify_all();
    }
    template <class T>
    T copy_of(const T& list) const {
        const std::lock_guard lock(mutex_);
        return list;
    }
    mutable std::mutex mutex_;
    mutable std::condition_variable news_;
    std::vector<port::vm_observation> changes_;
    std::vector<port::copy_progress> progress_;
    std::vector<ending> ends_;
    std::set<migration_id> begun_;
    std::vector<migration_id> never_begun_;
};

class world {
  public:
    virtual ~world() = default;
    // The adapters on the source's and on the destination's host, and what they told. References
    // hold until the next restart_adapter of that side.
    virtual port::hypervisor& at(side) = 0;
    virtual told& heard(side) = 0;

    // A VM named `name` runs at the source: one disk with an overlay on a base image that both
    // hosts hold, one nic. It writes memory and disk without rest.
    virtual void boot(const std::string& name) = 0;
    // Streams of the job flow from here on between its sockets; and no longer.
    virtual void connect(const job& at_source, const job& at_destination) = 0;
    virtual void disconnect(const job&) = 0;
    virtual void slow(bool) = 0;  // a copy takes ten seconds or longer

    virtual void restart_adapter(side) = 0;  // the agent dies and is started again
    virtual void restart_daemon(side) = 0;   // libvirtd dies and is started again
    virtual void power_loss(side) = 0;       // the host, and comes back

    // Asks the guest, wherever it runs: is all its memory and disk what it wrote?
    virtual bool guest_is_whole(const std::string& name) = 0;
    // Anything of the VM or job left at that side, in the world's own eyes: processes, files,
    // sockets.
    virtual std::vector<std::string> leftovers(side, const job&) = 0;
};

// One whose guests are processes, which die alone.
class world_of_processes : public world {
  public:
    virtual void kill_guest(side, const std::string& name) = 0;
};

}  // namespace caravan::contract

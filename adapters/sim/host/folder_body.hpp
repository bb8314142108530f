// folder_body: what the two directions of a copy share: the files, and who is copying now. The files
// are the truth; a thread looks at them and tells what changed.
#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/sim/host/folder_hypervisor.hpp"
#include "adapters/sim/host/talk.hpp"
#include "adapters/sim/host/vm_files.hpp"

namespace caravan::sim {

struct folder_hypervisor::body {
    body(const folder_host& from, port::hypervisor_listener& to, ear door)
        : host(from), files(from.folder), tell(to), front(std::move(door)) {}
    ~body();

    void begin();
    port::vm_observation seen(const vm_record&) const;  // locked
    std::vector<port::vm_observation> all_seen() const;
    // The VM's state, if it is what it is thought to be.
    bool become(const vm_name&, vm_state from, vm_state to);

    // leaving.cpp
    struct departure {
        bool over = false;
        std::jthread carrier;
    };
    void depart(const job&, const std::stop_token&);
    result<void> carry(const job&, const std::stop_token&);
    bool is_leaving(const migration_id&) const;  // locked

    // arriving.cpp
    struct reception;
    struct visit {
        bool over = false;
        std::jthread servant;
    };
    void welcome(const std::stop_token&);
    void serve(line from, const std::stop_source&);
    void look(const std::stop_token&);

    const folder_host host;
    const vm_files files;
    port::hypervisor_listener& tell;
    mutable std::mutex mutex;
    std::condition_variable_any changed;  // any of what stands below, or the files
    std::map<migration_id, departure> leaving;
    std::map<migration_id, std::stop_source> coming;
    std::list<visit> visits;
    ear front;
    std::jthread porter, watcher;
};

}  // namespace caravan::sim

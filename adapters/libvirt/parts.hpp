// What libvirt_hypervisor is made of: shared by its sources, seen by nobody else.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/libvirt/connection.hpp"
#include "adapters/libvirt/copy.hpp"
#include "adapters/libvirt/images.hpp"
#include "adapters/libvirt/job_files.hpp"
#include "adapters/libvirt/libvirt_hypervisor.hpp"
#include "adapters/libvirt/looking.hpp"

namespace caravan::libvirt {

struct found {
    connect_handle connect;
    domain_handle domain;  // null: not there
    domain_state state;
};

struct libvirt_hypervisor::parts final : connection::watcher {
    parts(config, port::hypervisor_listener&);
    ~parts() override;
    parts(const parts&) = delete;
    parts& operator=(const parts&) = delete;

    void domain_changed(const std::string& name, const std::string& uuid) override;
    void connected() override;

    result<found> find(const vm_spec&) const;
    void refresh_pool(virConnectPtr) const;
    // What arrived is still here after a loss of power. Transient "not_durable".
    result<void> keep() const;
    own_layout layout_of(const job&) const;

    const config where;
    port::hypervisor_listener& tell;
    base_images bases;
    job_files files;

    // Is the job's copy followed now? Forgets those that have ended.
    bool follows(const migration_id&);

    std::mutex start_mutex;  // start_copy, one at a time
    std::mutex copies_mutex;
    std::map<migration_id, std::unique_ptr<copy>> copies;

  private:
    void tell_changes(const std::stop_token&);
    void tell_one(const std::string& name, const std::string& uuid);

    std::mutex news_mutex_;
    std::condition_variable_any news_;
    std::map<std::string, std::string>
        changed_;  // name → UUID: one entry a VM, however many events
    bool all_changed_ = false;
    std::unique_ptr<connection> link_;

  public:
    connection& link() const noexcept { return *link_; }

  private:
    std::jthread teller_;
};

}  // namespace caravan::libvirt

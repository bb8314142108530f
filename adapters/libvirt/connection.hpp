// connection: this host's libvirtd, held open. One thread reconnects when libvirtd has gone and
// come back (after 0.1 s, then at most every 2 s); libvirt's event loop runs in one thread a
// process.
//
// A call in flight when libvirtd dies answers a failure of kind unknown ("hypervisor_lost"); one
// that begins while it is away: transient "hypervisor_unreachable".
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "adapters/libvirt/handles.hpp"
#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::libvirt {

class connection {
  public:
    // Told from libvirt's event thread: must not call libvirt. `name` is a domain's, and its UUID.
    struct watcher {
        virtual ~watcher() = default;
        virtual void domain_changed(const std::string& name, const std::string& uuid) = 0;
        virtual void connected() = 0;  // anew: anything may have changed meanwhile
    };

    connection(std::string uri, watcher&);  // tries once before it returns
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    result<connect_handle> get() const;
    // One of its own, for a call that takes minutes. libvirt's client lets one waiting thread read for
    // all of a connection, and in 9.0 may fail to wake it for another's call: beside a migration other
    // calls were seen to wait for the next keepalive, 5 s.
    result<connect_handle> another() const;
    bool wait_connected(duration at_most) const;

  private:
    struct sink;  // what libvirt's callbacks hold: outlives us if one of them is under way

    void keep_open(const std::stop_token&);
    bool open();

    std::string uri_;
    std::shared_ptr<sink> sink_;
    mutable std::mutex mutex_;
    mutable std::condition_variable_any changed_;
    connect_handle open_;
    std::jthread keeper_;
};

}  // namespace caravan::libvirt

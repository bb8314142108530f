#include "adapters/libvirt/connection.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "adapters/libvirt/failures.hpp"

namespace caravan::libvirt {
namespace {

using namespace std::chrono_literals;

constexpr int keepalive_seconds = 5;
constexpr unsigned keepalive_count = 3;

// libvirt has one event loop a process, whatever the number of connections.
class event_loop {
  public:
    event_loop() {
        virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});  // failures are answered, not printed
        virEventRegisterDefaultImpl();
        waker_ = virEventAddTimeout(
            -1, [](int, void*) {}, nullptr, nullptr);
        thread_ = std::thread([this] {
            while (!stop_) virEventRunDefaultImpl();
        });
    }
    ~event_loop() {
        stop_ = true;
        virEventUpdateTimeout(waker_, 0);
        thread_.join();
    }
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

  private:
    std::atomic<bool> stop_ = false;
    int waker_ = -1;
    std::thread thread_;
};

}  // namespace

struct connection::sink {
    std::mutex mutex;
    connection* owner = nullptr;  // null once it has gone
    watcher* tell = nullptr;
    bool lost = false;

    using handle = std::shared_ptr<sink>;
    static void release(void* opaque) { delete static_cast<handle*>(opaque); }

    static void closed(virConnectPtr, int, void* opaque) {
        auto& self = **static_cast<handle*>(opaque);
        const std::lock_guard lock(self.mutex);
        if (!self.owner) return;
        const std::lock_guard owners(self.owner->mutex_);
        self.lost = true;
        self.owner->changed_.notify_all();
    }
    static void said(virDomainPtr domain, void* opaque) {
        auto& self = **static_cast<handle*>(opaque);
        char uuid[VIR_UUID_STRING_BUFLEN] = {};
        virDomainGetUUIDString(domain, uuid);
        const std::lock_guard lock(self.mutex);
        if (self.owner) self.tell->domain_changed(virDomainGetName(domain), uuid);
    }
    static int lifecycle(virConnectPtr, virDomainPtr d, int, int, void* opaque) {
        return said(d, opaque), 0;
    }
    static void job_done(virConnectPtr, virDomainPtr d, virTypedParameterPtr, int, void* opaque) {
        said(d, opaque);
    }
};

connection::connection(std::string uri, watcher& tell)
    : uri_(std::move(uri)), sink_(std::make_shared<sink>()) {
    static event_loop loop;
    sink_->owner = this;
    sink_->tell = &tell;
    open();
    keeper_ = std::jthread([this](const std::stop_token& stop) { keep_open(stop); });
}

connection::~connection() {
    keeper_.request_stop();
    keeper_.join();
    const std::lock_guard lock(sink_->mutex);
    sink_->owner = nullptr;
}

bool connection::open() {
    virConnectPtr raw = virConnectOpen(uri_.c_str());
    if (!raw) return false;
    const connect_handle made(raw, [](virConnectPtr c) {
        virConnectUnregisterCloseCallback(c, sink::closed);
        virConnectClose(c);
    });
    {
        const std::lock_guard lock(mutex_);
        sink_->lost = false;
    }
    const auto hold = [this] { return new sink::handle(sink_); };
    virConnectRegisterCloseCallback(raw, sink::closed, hold(), sink::release);
    virConnectSetKeepAlive(raw, keepalive_seconds, keepalive_count);
    virConnectDomainEventRegisterAny(raw, nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                     VIR_DOMAIN_EVENT_CALLBACK(sink::lifecycle), hold(),
                                     sink::release);
    virConnectDomainEventRegisterAny(raw, nullptr, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                     VIR_DOMAIN_EVENT_CALLBACK(sink::job_done), hold(),
                                     sink::release);
    {
        const std::lock_guard lock(mutex_);
        open_ = made;
        changed_.notify_all();
    }
    sink_->tell->connected();
    return true;
}

void connection::keep_open(const std::stop_token& stop) {
    auto wait = 100ms;
    while (!stop.stop_requested()) {
        connect_handle old;
        {
            std::unique_lock lock(mutex_);
            if (open_) changed_.wait(lock, stop, [this] { return sink_->lost; });
            old = std::exchange(open_, nullptr);
        }
        old.reset();  // calls in flight hold it a little longer
        if (stop.stop_requested()) return;
        if (open()) {
            wait = 100ms;
            continue;
        }
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, wait, [] { return false; });
        wait = std::min(wait * 2, std::chrono::milliseconds(2000));
    }
}

result<connect_handle> connection::get() const {
    const std::lock_guard lock(mutex_);
    if (open_ && !sink_->lost) return open_;
    return transient("hypervisor_unreachable", uri_);
}

result<connect_handle> connection::another() const {
    virConnectPtr raw = virConnectOpen(uri_.c_str());
    if (!raw) return transient("hypervisor_unreachable", uri_);
    virConnectSetKeepAlive(raw, keepalive_seconds, keepalive_count);
    return connect_handle(raw, [](virConnectPtr c) { virConnectClose(c); });
}

bool connection::wait_connected(duration at_most) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [this] { return open_ && !sink_->lost; });
}

}  // namespace caravan::libvirt

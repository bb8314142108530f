#include "adapters/van/linux_host_network.hpp"

#include <algorithm>
#include <utility>

#include "adapters/van/frame.hpp"
#include "adapters/van/links.hpp"
#include "adapters/van/silence.hpp"

namespace caravan::van {
namespace {

const device* find(const std::vector<device>& all, const std::string& name) {
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.name == name; });
    return at == all.end() ? nullptr : &*at;
}

std::vector<silent_port> ports_of(const job& job) {
    std::vector<silent_port> ports;
    for (std::size_t i = 0; i < job.vm.nics.size(); ++i)
        ports.push_back({tap_name(job.id, i), job.vm.nics[i].van});
    return ports;
}

result<void> fits(const van_name& van) {
    if (fits_devices(van)) return {};
    return permanent("van_name_too_long",
                     "\"" + van.text +
                         "\" cannot name devices: create the VAN with a name of at most " +
                         std::to_string(van_name_max) + " characters");
}

}  // namespace

linux_host_network::linux_host_network(std::unique_ptr<links> devices,
                                       std::unique_ptr<silence> ports, endpoint own, endpoint proxy)
    : links_(std::move(devices)), silence_(std::move(ports)), own_(own), proxy_(proxy) {}
linux_host_network::~linux_host_network() = default;

result<std::unique_ptr<linux_host_network>> linux_host_network::open(
    const host_settings& settings) {
    const auto proxy = parse_endpoint(settings.proxy_endpoint);
    if (!proxy) return tl::unexpected(proxy.error());
    const auto own = parse_address(settings.own_address, proxy->port);
    if (!own) return tl::unexpected(own.error());
    auto devices = links::open();
    if (!devices) return tl::unexpected(devices.error());
    auto ports = silence::open();
    if (!ports) return tl::unexpected(ports.error());
    return std::unique_ptr<linux_host_network>(
        new linux_host_network(std::make_unique<links>(std::move(*devices)),
                               std::make_unique<silence>(std::move(*ports)), *own, *proxy));
}

result<device> linux_host_network::bridge_of(const port::van& van) {
    const auto name = bridge_name(van.name);
    for (const bool made : {false, true}) {
        const auto all = links_->all();
        if (!all) return tl::unexpected(all.error());
        const auto* bridge = find(*all, name);
        if (bridge != nullptr && bridge->kind != "bridge")
            return permanent("device_taken", name + " is no bridge but " + bridge->kind);
        if (bridge != nullptr) return *bridge;
        if (made) break;
        if (auto done = links_->make_bridge(name); !done) return tl::unexpected(done.error());
    }
    return transient("network_device_failed", name + " vanished");
}

result<void> linux_host_network::ensure_one(const port::van& van) {
    if (auto fitting = fits(van.name); !fitting) return fitting;
    const auto bridge = bridge_of(van);
    if (!bridge) return tl::unexpected(bridge.error());
    const tunnel wanted{van.vni, own_, proxy_, false};
    const auto name = vxlan_name(van.name);
    for (const bool made : {false, true}) {
        const auto all = links_->all();
        if (!all) return tl::unexpected(all.error());
        const auto* vxlan = find(*all, name);
        if (vxlan != nullptr && vxlan->vxlan == wanted && vxlan->master == bridge->index &&
            vxlan->mtu == guest_mtu) {
            if (auto raised = links_->raise(*vxlan); !raised) return raised;
            return links_->raise(*bridge);
        }
        if (made) break;
        // What is otherwise is of an earlier configuration: made anew, in the same bridge.
        if (vxlan != nullptr)
            if (auto removed = links_->remove(*vxlan); !removed) return removed;
        if (auto done = links_->make_vxlan(name, wanted, bridge->index); !done) return done;
    }
    return transient("network_device_failed", name + " is not as it was made");
}

result<void> linux_host_network::ensure(const std::vector<port::van>& vans) {
    const std::lock_guard hold(lock_);
    for (const auto& van : vans)
        if (auto done = ensure_one(van); !done) return done;
    const auto there = observe_all();
    if (!there) return tl::unexpected(there.error());
    for (const auto& van : *there)
        if (std::ranges::find(vans, van.name, &port::van::name) == vans.end())
            if (auto left = leave(van.name); !left) return left;
    return {};
}

// Silence first: when the bridge is there for a tap to be plugged into, its name is known already.
result<void> linux_host_network::attach_silent(const job& job, const std::vector<port::van>& vans) {
    const std::lock_guard hold(lock_);
    for (const auto& van : vans)
        if (auto fitting = fits(van.name); !fitting) return fitting;
    if (auto silenced = silence_->add(ports_of(job)); !silenced) return silenced;
    for (const auto& van : vans)
        if (auto done = ensure_one(van); !done) return done;
    return {};
}

result<void> linux_host_network::activate(const job& job) {
    const std::lock_guard hold(lock_);
    const auto all = links_->all();
    if (!all) return tl::unexpected(all.error());
    std::vector<std::string> names;
    for (const auto& port : ports_of(job)) {
        names.push_back(port.device);
        // A tap that is not there went with its guest's process: libvirt plugs in a new one when the guest is
        // started anew, which waits for us.
        const auto* tap = find(*all, port.device);
        if (tap == nullptr) continue;
        const auto* bridge = find(*all, bridge_name(port.network));
        if (bridge == nullptr || tap->master != bridge->index)
            return transient("port_missing",
                             port.device + " is not plugged into " + bridge_name(port.network));
        if (auto raised = links_->raise(*tap); !raised) return raised;
    }
    return silence_->lift(names);
}

result<void> linux_host_network::detach(const job& job) {
    const std::lock_guard hold(lock_);
    const auto all = links_->all();
    if (!all) return tl::unexpected(all.error());
    std::vector<std::string> names;
    for (const auto& port : ports_of(job)) {
        names.push_back(port.device);
        const auto* tap = find(*all, port.device);
        if (tap == nullptr) continue;
        if (auto removed = links_->remove(*tap); !removed) return removed;
    }
    if (auto lifted = silence_->lift(names); !lifted) return lifted;
    for (const auto& nic : job.vm.nics)
        if (auto left = leave(nic.van); !left) return left;
    return {};
}

// Removes a VAN's devices unless a port is plugged in, or one that is expected is still to come.
result<void> linux_host_network::leave(const van_name& van) {
    const auto all = links_->all();
    if (!all) return tl::unexpected(all.error());
    const auto silent = silence_->all();
    if (!silent) return tl::unexpected(silent.error());
    const auto* bridge = find(*all, bridge_name(van));
    const auto* vxlan = find(*all, vxlan_name(van));
    const bool expected = std::any_of(silent->begin(), silent->end(),
                                      [&](const auto& port) { return port.network == van; });
    const bool used =
        bridge != nullptr && std::any_of(all->begin(), all->end(), [&](const auto& port) {
            return port.master == bridge->index && port.name != vxlan_name(van);
        });
    if (expected || used) return {};
    if (vxlan != nullptr && vxlan->kind == "vxlan")
        if (auto removed = links_->remove(*vxlan); !removed) return removed;
    if (bridge == nullptr || bridge->kind != "bridge") return {};
    return links_->remove(*bridge);
}

result<std::vector<port::van>> linux_host_network::observe() {
    const std::lock_guard hold(lock_);
    return observe_all();
}

result<std::vector<port::van>> linux_host_network::observe_all() const {
    const auto all = links_->all();
    if (!all) return tl::unexpected(all.error());
    std::vector<port::van> found;
    for (const auto& bridge : *all) {
        if (bridge.kind != "bridge" || !bridge.name.starts_with("cv-")) continue;
        const van_name name{bridge.name.substr(3)};
        const auto* vxlan = find(*all, vxlan_name(name));
        if (vxlan != nullptr && vxlan->vxlan && vxlan->master == bridge.index)
            found.push_back({name, vxlan->vxlan->vni});
    }
    std::sort(found.begin(), found.end(),
              [](const port::van& a, const port::van& b) { return a.name.text < b.name.text; });
    return found;
}

}  // namespace caravan::van

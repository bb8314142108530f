#include "adapters/van/links.hpp"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "adapters/van/frame.hpp"

namespace caravan::van {
namespace {

message about(int type, int flags, const ifinfomsg& header) {
    auto made = request(type, flags);
    nlmsg_append(made.get(), const_cast<ifinfomsg*>(&header), sizeof header, NLMSG_ALIGNTO);
    return made;
}

failure refusal(const std::string& what, int error) {
    // Not allowed, or a kernel without bridges or VXLAN: asking again cannot help.
    const bool hopeless = error == EPERM || error == EOPNOTSUPP;
    return {hopeless ? certainty::permanent : certainty::transient, "network_device_failed",
            what + ": " + std::strerror(error)};
}

void put_address(nl_msg* in, const endpoint& at, int v4_attribute, int v6_attribute) {
    const bool v4 = at.v4();
    nla_put(in, v4 ? v4_attribute : v6_attribute, v4 ? 4 : 16, at.ip.data() + (v4 ? 12 : 0));
}

endpoint read_address(nlattr* v4, nlattr* v6) {
    endpoint at;
    if (v6 != nullptr && nla_len(v6) == 16) std::memcpy(at.ip.data(), nla_data(v6), 16);
    if (v4 == nullptr || nla_len(v4) != 4) return at;
    at.ip[10] = at.ip[11] = 0xff;
    std::memcpy(at.ip.data() + 12, nla_data(v4), 4);
    return at;
}

tunnel read_tunnel(nlattr* data) {
    nlattr* found[IFLA_VXLAN_MAX + 1]{};
    nla_parse_nested(found, IFLA_VXLAN_MAX, data, nullptr);
    tunnel made;
    if (found[IFLA_VXLAN_ID] != nullptr) made.vni = nla_get_u32(found[IFLA_VXLAN_ID]);
    made.local = read_address(found[IFLA_VXLAN_LOCAL], found[IFLA_VXLAN_LOCAL6]);
    made.remote = read_address(found[IFLA_VXLAN_GROUP], found[IFLA_VXLAN_GROUP6]);
    if (found[IFLA_VXLAN_PORT] != nullptr)
        made.local.port = made.remote.port = ntohs(nla_get_u16(found[IFLA_VXLAN_PORT]));
    made.learning =
        found[IFLA_VXLAN_LEARNING] != nullptr && nla_get_u8(found[IFLA_VXLAN_LEARNING]) != 0;
    return made;
}

device read_device(nlmsghdr* answer) {
    const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(answer));
    nlattr* found[IFLA_MAX + 1]{};
    nlmsg_parse(answer, sizeof *header, found, IFLA_MAX, nullptr);
    device made;
    made.index = header->ifi_index;
    made.up = (header->ifi_flags & IFF_UP) != 0;
    if (found[IFLA_IFNAME] != nullptr) made.name = nla_get_string(found[IFLA_IFNAME]);
    if (found[IFLA_MASTER] != nullptr)
        made.master = static_cast<int>(nla_get_u32(found[IFLA_MASTER]));
    if (found[IFLA_MTU] != nullptr) made.mtu = nla_get_u32(found[IFLA_MTU]);
    if (found[IFLA_LINKINFO] == nullptr) return made;
    nlattr* info[IFLA_INFO_MAX + 1]{};
    nla_parse_nested(info, IFLA_INFO_MAX, found[IFLA_LINKINFO], nullptr);
    if (info[IFLA_INFO_KIND] != nullptr) made.kind = nla_get_string(info[IFLA_INFO_KIND]);
    if (made.kind == "vxlan" && info[IFLA_INFO_DATA] != nullptr)
        made.vxlan = read_tunnel(info[IFLA_INFO_DATA]);
    return made;
}

// IPv6 would announce the bridge itself (router solicitations, MLD). Where it is not built in, or
// the device has no IPv6 for its small MTU, there is nothing to turn off.
result<void> without_ipv6(const std::string& name) {
    const auto path = "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return {};
    const bool written = fd >= 0 && ::write(fd, "1", 1) == 1;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!written) return tl::unexpected(refusal(path, error));
    return {};
}

result<void> without_offload(const std::string& name) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    for (const std::uint32_t feature : {ETHTOOL_STXCSUM, ETHTOOL_SGSO}) {
        ethtool_value off{feature, 0};
        ifreq about{};
        name.copy(about.ifr_name, IFNAMSIZ - 1);
        about.ifr_data = reinterpret_cast<char*>(&off);
        if (error == 0 && ::ioctl(fd, SIOCETHTOOL, &about) != 0) error = errno;
    }
    if (fd >= 0) ::close(fd);
    if (error != 0) return tl::unexpected(refusal("offload of " + name, error));
    return {};
}

}  // namespace

result<links> links::open() {
    auto socket = netlink::open(NETLINK_ROUTE);
    if (!socket) return tl::unexpected(socket.error());
    return links(std::move(*socket));
}

result<std::vector<device>> links::all() {
    std::vector<device> found;
    auto question = about(RTM_GETLINK, 0, ifinfomsg{});
    const int error = socket_.ask(std::move(question),
                                  [&](nlmsghdr* each) { found.push_back(read_device(each)); });
    if (error != 0) return tl::unexpected(refusal("listing devices", error));
    return found;
}

result<void> links::make_bridge(const std::string& name) {
    auto wish = about(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    auto* in = wish.get();
    nla_put_string(in, IFLA_IFNAME, name.c_str());
    nla_put_u32(in, IFLA_MTU, guest_mtu);
    {
        const nest info(in, IFLA_LINKINFO);
        nla_put_string(in, IFLA_INFO_KIND, "bridge");
        const nest data(in, IFLA_INFO_DATA);
        nla_put_u32(in, IFLA_BR_STP_STATE, 0);
        nla_put_u32(in, IFLA_BR_FORWARD_DELAY, 0);
        nla_put_u8(in, IFLA_BR_MCAST_SNOOPING, 0);
    }
    if (const int error = socket_.tell(std::move(wish)))
        return tl::unexpected(refusal("making bridge " + name, error));
    return without_ipv6(name);
}

result<void> links::make_vxlan(const std::string& name, const tunnel& to, int bridge) {
    auto wish = about(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    auto* in = wish.get();
    nla_put_string(in, IFLA_IFNAME, name.c_str());
    nla_put_u32(in, IFLA_MTU, guest_mtu);
    nla_put_u32(in, IFLA_MASTER, static_cast<std::uint32_t>(bridge));
    {
        const nest info(in, IFLA_LINKINFO);
        nla_put_string(in, IFLA_INFO_KIND, "vxlan");
        const nest data(in, IFLA_INFO_DATA);
        nla_put_u32(in, IFLA_VXLAN_ID, to.vni);
        put_address(in, to.local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6);
        put_address(in, to.remote, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6);
        nla_put_u16(in, IFLA_VXLAN_PORT, htons(to.remote.port));
        nla_put_u8(in, IFLA_VXLAN_LEARNING, to.learning ? 1 : 0);
    }
    if (const int error = socket_.tell(std::move(wish)))
        return tl::unexpected(refusal("making VXLAN device " + name, error));
    if (auto quiet = without_ipv6(name); !quiet) return quiet;
    return without_offload(name);
}

result<void> links::raise(const device& which) {
    ifinfomsg header{};
    header.ifi_index = which.index;
    header.ifi_flags = header.ifi_change = IFF_UP;
    if (const int error = socket_.tell(about(RTM_NEWLINK, 0, header)))
        return tl::unexpected(refusal("raising " + which.name, error));
    return {};
}

result<void> links::remove(const device& which) {
    ifinfomsg header{};
    header.ifi_index = which.index;
    const int error = socket_.tell(about(RTM_DELLINK, 0, header));
    if (error != 0 && error != ENODEV)
        return tl::unexpected(refusal("removing " + which.name, error));
    return {};
}

}  // namespace caravan::van

#include "ops/caravan/config.hpp"

#include <algorithm>

#include "ops/caravan/opening.hpp"
#include "ops/caravan/schema.hpp"
#include "ops/caravan/text.hpp"

namespace caravan::ops {

namespace {

constexpr const char* required = nullptr;

const row peer_of_controller[] = {
    {"cloud", kind::name, required, "name of the peer cloud"},
    {"ca", kind::certificates, required, "PEM, its CA"},
    {"signing", kind::file, required, "PEM, its Ed25519 public key"},
    {"proxy", kind::address, required, "host:port of its proxy, migrations"},
    {"van", kind::address, required, "host:port of its proxy, VAN frames"},
};

const row controller_rows[] = {
    {"cloud", kind::name, required, "name of this cloud"},
    {"data", kind::folder, required, "folder of the journal"},
    {"listen", kind::listens, "127.0.0.1:8443", "IP:port of the gateway, or a list"},
    {"control", kind::listen, required, "IP:port for agents and proxies"},
    {"tls.ca", kind::certificates, required, "PEM, this cloud's CA"},
    {"tls.certificate", kind::certificates, required, "PEM, role controller"},
    {"tls.key", kind::secret_file, required, "PEM, 0600"},
    {"signing_key", kind::secret_file, required, "PEM, Ed25519, 0600"},
    {"tokens", kind::secret_file, "", "YAML list of {token, role, name}, 0600"},
    {"feeds.directory", kind::there_already, required, "folder that the peers reach too"},
    {"peers", kind::list, "", "clouds federated with", peer_of_controller},
};

const row agent_rows[] = {
    {"cloud", kind::name, required, "name of this cloud"},
    {"name", kind::name, required, "name of this host"},
    {"controller", kind::address, required, "host:port of the controller's control"},
    {"listen", kind::listen, required, "IP:port for the own proxy's streams"},
    {"tls.ca", kind::certificates, required, "PEM, this cloud's CA"},
    {"tls.certificate", kind::certificates, required, "PEM, role agent"},
    {"tls.key", kind::secret_file, required, "PEM, 0600"},
    {"hypervisor", kind::choice, "libvirt", "libvirt|simulated"},
    {"libvirt.uri", kind::text, "qemu:///system", "libvirt connection URI"},
    {"libvirt.images", kind::text, "/var/lib/libvirt/images", "folder of disk images"},
    {"libvirt.sockets", kind::text, "/var/lib/libvirt/qemu", "folder of per-migration sockets"},
    {"libvirt.boot", kind::text, "/var/lib/libvirt/boot", "folder of kernels"},
    {"libvirt.emulator", kind::text, "/usr/bin/qemu-system-x86_64", "path"},
    {"libvirt.pool", kind::text, "images", "libvirt storage pool"},
    {"libvirt.processes", kind::text, "/run/libvirt/qemu", "folder of libvirt's NAME.pid"},
    {"libvirt.definitions", kind::text, "/etc/libvirt/qemu", "folder of libvirt's NAME.xml"},
    {"libvirt.domain_type", kind::choice, "kvm", "kvm|qemu"},
    {"simulated.folder", kind::folder, "", "hypervisor simulated: where its VMs are files"},
    {"simulated.rate", kind::rate, "", "a simulated copy goes no faster: 20MB/s"},
    {"vxlan.address", kind::ip, "", "hypervisor libvirt: IP address of this host's VXLAN end"},
    {"vxlan.proxy", kind::ip, "",
     "hypervisor libvirt: IP address of the own proxy's VXLAN end, whose port is 4789"},
};

const row peer_of_proxy[] = {
    {"cloud", kind::name, required, "name of the peer cloud"},
    {"ca", kind::certificates, required, "PEM, its CA"},
};

const row proxy_rows[] = {
    {"cloud", kind::name, required, "name of this cloud"},
    {"name", kind::name, required, "name of this proxy"},
    {"controller", kind::address, required, "host:port of the controller's control"},
    {"listen.site", kind::listen, required, "IP:port for the own agents"},
    {"listen.wan", kind::listen, required, "IP:port for the peers' proxies"},
    {"listen.van", kind::listen, required, "IP:port for VAN frames, DTLS"},
    {"listen.vxlan", kind::listen, required, "IP:port for the own hosts' VXLAN"},
    {"tls.ca", kind::certificates, required, "PEM, this cloud's CA"},
    {"tls.certificate", kind::certificates, required, "PEM, role proxy"},
    {"tls.key", kind::secret_file, required, "PEM, 0600"},
    {"wan.certificate", kind::certificates, "", "PEM, role proxy: what peers see; name nothing inside in it"},
    {"wan.key", kind::secret_file, "", "PEM, 0600"},
    {"wan.key_log", kind::new_file, "",
     "debugging only: a file, made 0600, for the secrets of all WAN connections"},
    {"signing", kind::file, required, "PEM, this cloud's Ed25519 public key"},
    {"stall", kind::duration, "7s", "a channel that is still for so long is closed"},
    {"peers", kind::list, "", "clouds whose proxies may connect", peer_of_proxy},
};

const row token_rows[] = {
    {"token", kind::text, required, "secret, at least 32 hex digits"},
    {"role", kind::choice, required, "viewer|auditor|scheduler|operator"},
    {"name", kind::name, required, "its holder, for the audit log"},
};

const struct {
    const char* process;
    std::span<const row> rows;
} processes[] = {{"controller", controller_rows}, {"agent", agent_rows}, {"proxy", proxy_rows}};

tls::material material_in(const section& from) {
    return {from.text("tls.ca"), from.text("tls.certificate"), from.text("tls.key")};
}

// The keys that one hypervisor needs and the other does not.
std::vector<std::string> missing_for_hypervisor(const section& agent) {
    const auto& hypervisor = agent.text("hypervisor");
    std::vector<std::string> mistakes;
    for (const auto& [with, key] : {std::pair{"simulated", "simulated.folder"},
                                    {"libvirt", "vxlan.address"}, {"libvirt", "vxlan.proxy"}})
        if (hypervisor == with && agent.text(key).empty())
            mistakes.push_back(agent.place("hypervisor") + ": hypervisor " + with + " needs the key \"" + key +
                               "\"");
    return mistakes;
}

port::role role_in(const std::string& word) {
    constexpr const char* words[] = {"viewer", "auditor", "scheduler", "operator"};
    const auto found = std::find(std::begin(words), std::end(words), word);
    return static_cast<port::role>(found - std::begin(words));
}

}  // namespace

result<controller_config> load_controller(const std::string& file) {
    const auto from = read_section(file, controller_rows);
    if (!from) return tl::unexpected(from.error());
    controller_config out;
    out.cloud = cloud_name(from->text("cloud"));
    out.data = from->text("data");
    out.listen = from->texts("listen");
    out.control = from->text("control");
    out.tls = material_in(*from);
    out.signing_key = from->text("signing_key");
    out.feeds_directory = from->text("feeds.directory");
    for (const auto& peer : from->list("peers"))
        out.peers.push_back({cloud_name(peer.text("cloud")), peer.text("ca"), peer.text("signing"),
                             peer.text("proxy"), peer.text("van")});
    if (from->text("tokens").empty()) return out;
    auto tokens = load_tokens(from->text("tokens"));
    if (!tokens) return tl::unexpected(tokens.error());
    out.tokens = std::move(*tokens);
    return out;
}

result<agent_config> load_agent(const std::string& file) {
    const auto from = read_section(file, agent_rows);
    if (!from) return tl::unexpected(from.error());
    if (const auto missing = missing_for_hypervisor(*from); !missing.empty())
        return permanent("bad_config", joined(missing, "\n"));
    agent_config out;
    out.cloud = cloud_name(from->text("cloud"));
    out.name = host_name(from->text("name"));
    out.controller = from->text("controller");
    out.listen = from->text("listen");
    out.tls = material_in(*from);
    out.hypervisor = from->text("hypervisor") == "simulated" ? hypervisor_kind::simulated
                                                             : hypervisor_kind::libvirt;
    out.libvirt = {from->text("libvirt.uri"),  from->text("libvirt.images"),
                   from->text("libvirt.sockets"), from->text("libvirt.boot"),
                   from->text("libvirt.emulator"), from->text("libvirt.pool"),
                   from->text("libvirt.processes"),
                   from->text("libvirt.definitions"), from->text("libvirt.domain_type")};
    out.simulated.folder = from->text("simulated.folder");
    if (const auto& rate = from->text("simulated.rate"); !rate.empty()) out.simulated.rate = *parse_rate(rate);
    out.vxlan = {from->text("vxlan.address"), from->text("vxlan.proxy")};
    return out;
}

result<proxy_config> load_proxy(const std::string& file) {
    const auto from = read_section(file, proxy_rows);
    if (!from) return tl::unexpected(from.error());
    proxy_config out;
    out.cloud = cloud_name(from->text("cloud"));
    out.name = proxy_name(from->text("name"));
    out.controller = from->text("controller");
    out.listen = {from->text("listen.site"), from->text("listen.wan"), from->text("listen.van"),
                  from->text("listen.vxlan")};
    out.tls = material_in(*from);
    out.wan = out.tls;
    if (!from->text("wan.certificate").empty()) out.wan.certificate = from->text("wan.certificate");
    if (!from->text("wan.key").empty()) out.wan.key = from->text("wan.key");
    out.wan.key_log = from->text("wan.key_log");
    out.signing = from->text("signing");
    out.stall = *parse_duration(from->text("stall"));
    for (const auto& peer : from->list("peers")) out.peers[cloud_name(peer.text("cloud"))] = peer.text("ca");
    return out;
}

result<std::string> check_config(const std::string& file, const std::string& process) {
    const auto* best = &processes[0];
    for (const auto& candidate : processes)
        if (process.empty() ? likeness(file, candidate.rows) > likeness(file, best->rows)
                            : process == candidate.process)
            best = &candidate;
    const auto from = read_section(file, best->rows);
    if (!from) return tl::unexpected(from.error());
    if (const auto& tokens = from->text("tokens"); !tokens.empty())
        if (const auto read = load_tokens(tokens); !read) return tl::unexpected(read.error());
    auto mistakes = cannot_open(*from, best->process);
    if (best->rows.data() == agent_rows)
        for (auto& missing : missing_for_hypervisor(*from)) mistakes.push_back(std::move(missing));
    if (!mistakes.empty()) return permanent("bad_config", joined(mistakes, "\n"));
    return "# " + file + ": " + best->process + "\n" + to_yaml(*from, best->rows);
}

result<std::vector<http::token>> load_tokens(const std::string& file) {
    if (const auto own = tls::private_file(file); !own) return tl::unexpected(own.error());
    const auto from = read_list(file, token_rows);
    if (!from) return tl::unexpected(from.error());
    std::vector<http::token> out;
    for (const auto& one : *from) {
        const auto& text = one.text("token");
        if (text.size() < 32 || text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
            return permanent("bad_config", file + ": the token of " + one.text("name") +
                                               " is not 32 or more hex digits: openssl rand -hex 32");
        out.push_back({text, role_in(one.text("role")), one.text("name")});
    }
    return out;
}

std::string docs_of_configuration() {
    std::string out =
        "# Configuration\n\n"
        "Drawn from `ops/caravan/config.cpp`. One YAML file a process; `caravan config check FILE` says what\n"
        "is wrong with one, by file, line and column, opens what it names, and prints what holds. A dotted\n"
        "key is a map in a map: `tls.ca` is `tls: {ca: …}`. Relative paths are beside the file. A key without\n"
        "a default may be absent.\n";
    for (const auto& one : processes)
        out += std::string("\n## ") + one.process + "\n\n" + to_markdown(one.rows);
    return out +
           "\n## The tokens file\n\nThat `tokens` of the controller names: a list of maps with these keys.\n\n" +
           to_markdown(token_rows);
}

}  // namespace caravan::ops

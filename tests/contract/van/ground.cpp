#include "ground.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace caravan::van::test {
namespace {

void agree(const result<void>& answer) {
    if (!answer) throw std::runtime_error(answer.error().reason + ": " + answer.error().detail);
}

}  // namespace

std::string cannot_run() {
    if (::geteuid() != 0) return "network namespaces need root";
    if (!shell("ip netns add cvv-trial")) return "ip netns add does not work here";
    shell("ip netns del cvv-trial");
    return shell("ping -V && openssl version") ? "" : "ping or openssl is missing";
}

bool shell(const std::string& command) {
    return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

void must(const std::string& command) {
    if (!shell(command)) throw std::runtime_error("failed: " + command);
}

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

space::space(const std::string& name) : name_("cvv-" + name) {
    shell("ip netns del " + name_);  // of a run that was killed
    must("ip netns add " + name_);
    ip("link set lo up");
}
space::~space() {
    shell("ip netns del " + name_);
}

void space::inside(const std::function<void()>& work) const {
    std::exception_ptr thrown;
    std::thread([&] {
        const int fd = ::open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || ::setns(fd, CLONE_NEWNET) != 0) std::abort();
        ::close(fd);
        try {
            work();
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (thrown) std::rethrow_exception(thrown);
}

bool space::runs(const std::string& command) const {
    return shell("ip netns exec " + name_ + " " + command);
}
void space::ip(const std::string& arguments) const {
    must("ip -n " + name_ + " " + arguments);
}
bool space::has(const std::string& device) const {
    return shell("ip -n " + name_ + " link show dev " + device);
}

guest::guest(const std::string& name, const space& host, const std::string& named,
             const std::string& bridge, const std::string& mac, const std::string& address)
    : net(name), port(named) {
    must("ip link add eth0 address " + mac + " mtu 1370 netns " + net.name() +
         " type veth peer name " + port + " netns " + host.name());
    net.ip("addr add " + address + "/24 dev eth0");
    net.ip("link set eth0 up");
    if (!bridge.empty()) plug(host, bridge);
}

void guest::plug(const space& host, const std::string& bridge) const {
    host.ip("link set " + port + " master " + bridge + " up");
}

bool guest::pings(const std::string& address, const std::string& options) const {
    return net.runs("ping -n -q " + options + " " + address);
}

pki::pki() {
    std::string pattern = "/tmp/cvv-pki-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    for (const std::string cloud : {"thales", "umea", "mallory"}) {
        must(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
            "'/O=" +
            cloud + "/OU=ca/CN=ca' -keyout " + folder + "/" + cloud + ".ca.key -out " + ca(cloud));
        issue(cloud, cloud, "proxy", cloud);
    }
}
pki::~pki() {
    std::filesystem::remove_all(folder);
}

std::string pki::ca(const std::string& cloud) const {
    return folder + "/" + cloud + ".ca.pem";
}

void pki::issue(const std::string& cloud, const std::string& by, const std::string& role,
                const std::string& file) const {
    const auto at = folder + "/" + file;
    must("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/O=" + cloud +
         "/OU=" + role + "/CN=proxy' -keyout " + at + ".key -out " + at +
         ".csr && openssl x509 -req -days 2 -in " + at + ".csr -CA " + ca(by) + " -CAkey " +
         folder + "/" + by + ".ca.key -CAcreateserial -out " + at + ".pem && chmod 600 " + at +
         ".key");
}

tls::material pki::of(const std::string& cloud) const {
    return {ca(cloud), folder + "/" + cloud + ".pem", folder + "/" + cloud + ".key"};
}

void log_of_peers::peer_changed(const cloud_name&, bool is_up, const std::string&) {
    const std::lock_guard hold(lock_);
    up_ = is_up;
}
void log_of_peers::peer_refused(const std::string&, const failure& why) {
    const std::lock_guard hold(lock_);
    refusals_.push_back(why);
}
bool log_of_peers::up() const {
    const std::lock_guard hold(lock_);
    return up_;
}
std::vector<failure> log_of_peers::refusals() const {
    const std::lock_guard hold(lock_);
    return refusals_;
}

site::site(const std::string& name, const std::string& other, int n, const pki& keys)
    : cloud(name), peer(other), number(n) {
    const auto prefix = std::string(1, name.front());
    proxy = std::make_unique<space>(prefix + "-proxy");
    h1 = std::make_unique<space>(prefix + "-h1");
    h2 = std::make_unique<space>(prefix + "-h2");
    const auto net = "10." + std::to_string(number) + ".0.";
    proxy->ip("link add site type bridge");
    proxy->ip("addr add " + net + "1/24 dev site");
    proxy->ip("link set site up");
    for (const auto& [host, address] : {std::pair{h1.get(), net + "11"}, {h2.get(), net + "12"}}) {
        const auto port = host->name().substr(4);
        must("ip link add eth0 netns " + host->name() + " type veth peer name " + port + " netns " +
             proxy->name());
        proxy->ip("link set " + port + " master site up");
        host->ip("addr add " + address + "/24 dev eth0");
        host->ip("link set eth0 up");
    }
    settings = {net + "1:4789",
                "198.51.100." + std::to_string(number) + ":4790",
                keys.of(name),
                {{peer, keys.ca(other)}}};
    h1->inside([&] { host1 = std::move(linux_host_network::open(host(1)).value()); });
    h2->inside([&] { host2 = std::move(linux_host_network::open(host(2)).value()); });
}

void site::start(const site_settings& with) {
    proxy->inside([&] { network = std::move(dtls_site_network::open(with, peers).value()); });
}

std::string site::host_address(int n) const {
    return "10." + std::to_string(number) + ".0.1" + std::to_string(n);
}
host_settings site::host(int n) const {
    return {host_address(n), settings.vxlan_listen};
}

ground::ground() : a("thales", "umea", 1, keys), b("umea", "thales", 2, keys) {
    must("ip link add wan netns " + a.proxy->name() + " type veth peer name wan netns " +
         b.proxy->name());
    for (const auto* each : {&a, &b}) {
        each->proxy->ip("addr add 198.51.100." + std::to_string(each->number) + "/24 dev wan");
        each->proxy->ip("link set wan up");
    }
    a.start();
    b.start();
}

// A queue that drops everything, rather than a link that is down: nobody is told.
void ground::wan(const char* state) const {
    const bool up = std::string(state) == "up";
    for (const auto* each : {&a, &b})
        each->proxy->runs(
            up ? "nft delete table ip dark"
               : "nft 'add table ip dark; add chain ip dark out { type filter hook output "
                 "priority 0; }; add rule ip dark out oifname wan drop'");
}

std::vector<std::pair<cloud_name, std::string>> ground::peers_of(const site& of) const {
    const auto& other = &of == &a ? b : a;
    return {{other.cloud, other.settings.wan_listen}};
}

void ground::extend(const port::van& van) {
    vans_.push_back(van);
    for (auto* each : {&a, &b}) {
        agree(each->network->extend(van, peers_of(*each)));
        each->h1->inside([&] { agree(each->host1->ensure(vans_)); });
        each->h2->inside([&] { agree(each->host2->ensure(vans_)); });
    }
    if (!eventually([&] { return a.peers.up() && b.peers.up(); }, std::chrono::seconds(10)))
        throw std::runtime_error("the proxies do not find each other");
}

job job_with(const std::string& id, const std::vector<van_name>& vans) {
    job made;
    made.id = migration_id{id};
    for (std::size_t i = 0; i < vans.size(); ++i)
        made.vm.nics.push_back({"52:54:00:00:00:0" + std::to_string(i), vans[i]});
    return made;
}

}  // namespace caravan::van::test

// ground: network namespaces, certificates and two sites to try the overlay on. Needs root.
// Everything is named cvv-…, and goes when the value goes.
//
//   g1 ─ h1 ┐                                            ┌ h1 ─ g1
//           ├ 10.1.0/24 ─ proxy a ══ 198.51.100 ══ proxy b ─ 10.2.0/24 ┤
//   g2 ─ h2 ┘              (a plain veth of MTU 1500)                 └ h2 ─ g2
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/van/dtls_site_network.hpp"
#include "adapters/van/linux_host_network.hpp"

namespace caravan::van::test {

// Why it cannot run here; empty if it can.
std::string cannot_run();
// To be the first line of a test: prints the reason and leaves the test.
#define NEEDS_ROOT()                                                             \
    if (const auto reason = caravan::van::test::cannot_run(); !reason.empty()) { \
        WARN("skipped: " << reason);                                             \
        return;                                                                  \
    }

bool shell(const std::string& command);  // quiet; true if it answered 0
void must(const std::string& command);   // throws with the command
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within);

class space {  // a network namespace, with lo up
  public:
    explicit space(const std::string& name);
    ~space();
    space(const space&) = delete;
    space& operator=(const space&) = delete;
    const std::string& name() const noexcept { return name_; }
    void inside(const std::function<void()>& work) const;  // on a thread of its own
    bool runs(const std::string& command) const;
    void ip(const std::string& arguments) const;  // ip -n NAME …
    bool has(const std::string& device) const;

  private:
    std::string name_;
};

// A guest: a namespace with eth0, whose other end `port` is plugged into a host's bridge.
struct guest {
    guest(const std::string& name, const space& host, const std::string& port,
          const std::string& bridge, const std::string& mac, const std::string& address);
    void plug(const space& host, const std::string& bridge) const;
    bool pings(const std::string& address, const std::string& options = "-c 1 -W 1") const;
    space net;
    std::string port;
};

class pki {  // one CA and one proxy certificate for each cloud, in a folder of its own
  public:
    pki();
    ~pki();
    tls::material of(const std::string& cloud) const;
    std::string ca(const std::string& cloud) const;
    void issue(const std::string& cloud, const std::string& by, const std::string& role,
               const std::string& file) const;
    std::string folder;
};

struct log_of_peers final : site_listener {
    void peer_changed(const cloud_name&, bool is_up, const std::string&) override;
    void peer_refused(const std::string&, const failure&) override;
    bool up() const;
    std::vector<failure> refusals() const;

  private:
    mutable std::mutex lock_;
    bool up_ = false;
    std::vector<failure> refusals_;
};

struct site {
    site(const std::string& cloud, const std::string& peer, int number, const pki&);
    void start(const site_settings&);
    void start() { start(settings); }
    void stop() { network.reset(); }
    host_settings host(int n) const;
    std::string host_address(int n) const;

    cloud_name cloud, peer;
    int number;
    std::unique_ptr<space> proxy, h1, h2;
    site_settings settings;
    log_of_peers peers;
    std::unique_ptr<dtls_site_network> network;
    std::unique_ptr<linux_host_network> host1, host2;
};

struct ground {
    ground();
    void wan(const char* state) const;  // "up", "down"
    std::vector<std::pair<cloud_name, std::string>> peers_of(const site&) const;
    void extend(const port::van&);  // at both sites, and on all hosts
    pki keys;
    site a, b;

  private:
    std::vector<port::van> vans_;
};

job job_with(const std::string& id, const std::vector<van_name>& vans);

}  // namespace caravan::van::test

// config: what each process is told by its file. Read by a table of rows (config.cpp), so that every
// key has a type, a unit, and a default or is required. Paths are absolute once read.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "actors/ports/desk.hpp"
#include "adapters/http/gateway.hpp"
#include "adapters/tls/tls.hpp"
#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::ops {

struct controller_peer {
    cloud_name cloud;
    std::string ca;       // its CA's certificates
    std::string signing;  // its Ed25519 public key: what its tickets are proven with
    std::string proxy;    // "host:port" of its proxy's migration channel
    std::string van;      // "host:port" of its proxy's VAN frames
};

struct controller_config {
    cloud_name cloud;
    std::string data;                 // folder of the journal
    std::vector<std::string> listen;  // the gateway
    std::string control;              // where agents and proxies dial in
    tls::material tls;
    std::string signing_key;
    std::vector<http::token> tokens;  // read from the tokens file
    std::string feeds_directory;
    std::vector<controller_peer> peers;
};

enum class hypervisor_kind : std::uint8_t { libvirt, simulated };

struct agent_config {
    cloud_name cloud;
    host_name name;
    std::string controller;  // "host:port" of its control address
    std::string listen;      // for the own proxy's streams
    tls::material tls;
    hypervisor_kind hypervisor = hypervisor_kind::libvirt;
    struct {
        std::string uri, images, sockets, boot, emulator, pool, processes, definitions, domain_type;
    } libvirt;
    struct {
        std::string folder;  // required where the hypervisor is simulated
        bytes rate = 0;      // bytes/s, 0: no limit
    } simulated;
    struct {
        std::string address, proxy;
    } vxlan;
};

struct proxy_config {
    cloud_name cloud;
    proxy_name name;
    std::string controller;
    struct {
        std::string site, wan, van, vxlan;
    } listen;
    tls::material tls;    // towards the own site
    tls::material wan;    // towards peers, who see its certificate; the same unless configured
    std::string signing;  // public key that the own cloud's tickets are proven with
    duration stall{};  // a channel that moves nothing for so long is closed
    tls::pins peers;
};

// Permanent "no_such_file" or "bad_config"; detail: one line a mistake, with file:line:column.
result<controller_config> load_controller(const std::string& file);
result<agent_config> load_agent(const std::string& file);
result<proxy_config> load_proxy(const std::string& file);

// The effective configuration of whichever process the file is for, as YAML; `process` names it, or is
// empty: then the table that knows most of the file's keys is taken.
result<std::string> check_config(const std::string& file, const std::string& process);

// docs/configuration.md: every key of every file.
std::string docs_of_configuration();

// "- {token: HEX, role: operator, name: lab}" each; the file is 0600, a token at least 32 hex digits.
result<std::vector<http::token>> load_tokens(const std::string& file);

}  // namespace caravan::ops

// gateway: the controller's door to people and programs: HTTPS and WebSocket over TLS 1.3, in front of
// actors/ports/desk.hpp. docs of every path: the contract's HTTP table.
//
// Who calls is told by a bearer token (Authorization, or for browsers a WebSocket subprotocol
// "bearer.TOKEN" beside "caravan.v1") or by a client certificate of the own cloud, whose OU is the
// role. Roles include each other: viewer < auditor < scheduler < operator; routes.cpp says which one a
// path needs. /livez and /readyz need none. Every error is RFC 9457 problem details with `reason`.
//
// What is bounded: connections, header and body sizes, lines, receipts outstanding per stream, frames
// queued per WebSocket, and requests a second per caller (429 with Retry-After). What a slow WebSocket
// reader does not take is coalesced (progress), then replaced by a snapshot, then it is closed (1013).
//
// One thread of its own. The desk must outlive the gateway; callbacks that come late are dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/ports/desk.hpp"
#include "adapters/tls/tls.hpp"
#include "events/result.hpp"

namespace caravan::http {

struct token {
    std::string text;  // secret: kept as its SHA-256 once the gateway is open
    port::role as = port::role::viewer;
    std::string name;  // of its holder, for the audit log
};

struct gateway_limits {
    std::size_t connections = 4096;
    std::size_t event = 1u << 20;           // bytes of one event, or of one line
    std::size_t batch = 16u << 20;          // bytes of one batch
    std::size_t batch_events = 10'000;
    std::size_t receipts = 1024;            // outstanding in one stream
    std::size_t frames = 1024;              // queued in one WebSocket
    std::uint64_t catch_up = 10'000;        // positions a WebSocket may be behind and still recover
    double requests_per_second = 5'000;     // per caller; twice as many at once
    double failures_per_second = 10;        // failed authentications per address
    std::chrono::milliseconds idle{60'000};     // of a connection between two requests
    std::chrono::milliseconds request{30'000};  // to send one whole request, streams apart
    std::chrono::milliseconds doomed{2'000};    // for a slow reader to hear that it is closed
};

struct gateway_config {
    cloud_name cloud;
    std::vector<std::string> listen;  // "127.0.0.1:8443", "[::1]:8443"
    tls::material tls;
    std::vector<token> tokens;
    std::vector<std::string> origins;  // of browser pages besides the gateway's own: "https://h:p"
    gateway_limits limits;
    std::function<void(const std::string&)> notice;  // one line for the log, from the gateway's thread
};

class gateway {
  public:
    // Serves from here on. Permanent "bad_address", "cannot_listen", or what tls:: says of the files.
    static result<std::unique_ptr<gateway>> open(port::desk&, gateway_config);
    ~gateway();
    std::vector<std::uint16_t> ports() const;  // as bound, in the order of `listen`

    struct body;

  private:
    explicit gateway(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

}  // namespace caravan::http

// link: the control connection between a controller and its own cloud's agents and proxies: whole
// text frames (UTF-8 JSON, ≤ 4 MiB), in order, both ways, over WebSocket and mutual TLS 1.3. Devices
// dial; the controller listens. What was sent before a break may or may not have arrived.
#pragma once

#include <cstdint>
#include <string>

#include "events/result.hpp"

namespace caravan::port {

enum class device_kind : std::uint8_t { agent, proxy };

// Who is at the other end, as its certificate says (not as it says).
struct device {
    device_kind kind = device_kind::agent;
    std::string name;  // host or proxy name
    friend auto operator<=>(const device&, const device&) = default;
};

// Called from a thread of the adapter, one call at a time per connection.
class link_listener {
  public:
    virtual ~link_listener() = default;
    virtual void connected(const device&) = 0;  // at a device: the controller is there
    virtual void received(const device&, std::string frame) = 0;
    virtual void disconnected(const device&) = 0;
};

// At the controller. A device that connects twice replaces its older connection (which is told
// disconnected first).
class link_server {
  public:
    virtual ~link_server() = default;
    virtual void listen(link_listener&) = 0;
    // Never blocks. Dropped with a closed connection if the device's queue (1 024 frames) is full.
    virtual void send(const device&, std::string frame) = 0;
};

// At an agent or proxy: dials, and dials again with jittered backoff for ever.
class link_client {
  public:
    virtual ~link_client() = default;
    virtual void listen(link_listener&) = 0;
    virtual void send(std::string frame) = 0;  // never blocks; dropped while disconnected
};

}  // namespace caravan::port

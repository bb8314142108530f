// link over WebSocket (RFC 6455) and mutual TLS 1.3: actors/ports/link.hpp as agents, proxies and
// controllers really speak it.
//
// The server accepts certificates of the own cloud's CA only, and of the roles agent and proxy only; a
// client talks to nobody but its own cloud's controller. Either side pings when it has heard nothing
// for half of `dead_after`, and gives the peer up when it has heard nothing for all of it. Each side
// has one thread of its own, from which the listener is called; it ends with the object, after which
// nothing is called any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/ports/link.hpp"
#include "adapters/tls/tls.hpp"
#include "events/ids.hpp"

namespace caravan::http {

inline constexpr std::size_t link_frame_max = 4u << 20;  // bytes
inline constexpr std::size_t link_queue_max = 1024;      // frames not yet sent, per connection

// One line for the log: who was refused and why, or why a connection broke. From the link's thread.
using link_notice = std::function<void(const std::string&)>;

struct link_server_config {
    cloud_name cloud;    // certificates of any other are refused
    std::string listen;  // "10.1.0.1:7001"
    tls::material tls;
    std::chrono::milliseconds dead_after{5000};
    link_notice notice;
};

class beast_link_server final : public port::link_server {
  public:
    // Binds at once; accepts from listen() on. Permanent "bad_address", "cannot_listen", or what
    // tls:: says about the files.
    static result<std::unique_ptr<beast_link_server>> open(link_server_config);
    ~beast_link_server() override;
    void listen(port::link_listener&) override;
    void send(const port::device&, std::string frame) override;
    std::uint16_t port() const;
    // The listener is not called any more; what is sent is heard by nobody. So that it can go first.
    void stop();

    struct body;  // Boost stays in the source

  private:
    explicit beast_link_server(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

struct link_client_config {
    cloud_name cloud;
    std::string controller;  // "10.1.0.1:7001"
    tls::material tls;
    std::chrono::milliseconds dead_after{5000};
    std::chrono::milliseconds retry_delay_min{100}, retry_delay_max{5000};  // doubled, jittered
    link_notice notice;
};

class beast_link_client final : public port::link_client {
  public:
    static result<std::unique_ptr<beast_link_client>> open(link_client_config);
    ~beast_link_client() override;
    void listen(port::link_listener&) override;
    void send(std::string frame) override;
    void stop();  // as the server's

    struct body;

  private:
    explicit beast_link_client(std::unique_ptr<body>);
    std::unique_ptr<body> body_;
};

}  // namespace caravan::http

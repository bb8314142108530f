// link_connection: one WebSocket over TLS with frames in order both ways, as both ends of a link use it
// after their handshakes. Its send queue is bounded; a full one ends the connection.
#pragma once

#include <deque>
#include <mutex>

#include "adapters/http/link.hpp"
#include "adapters/http/net.hpp"

namespace caravan::http {

class link_connection : public std::enable_shared_from_this<link_connection> {
  public:
    using stream = websocket::stream<tls_stream>;
    link_connection(tls_stream&&, std::chrono::milliseconds dead_after);

    stream& socket() noexcept { return socket_; }

    // From any thread, never blocks.
    void send(std::string frame);
    void close();

    // Carries frames until the connection ends; answers why it did. On the link's thread.
    task<std::string> run(std::function<void(std::string)> received);

  private:
    task<void> write();
    void wake_from_anywhere();
    void cut();  // on the link's thread

    stream socket_;
    asio::steady_timer news_;
    std::mutex mutex_;  // guards the three below: send() comes from any thread
    std::deque<std::string> queue_;
    bool overrun_ = false, closing_ = false;
    bool ended_ = false;
};

}  // namespace caravan::http

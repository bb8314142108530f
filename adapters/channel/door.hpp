// door: where TLS connections come from: a listener, or a dialler. Both tell only of peers that
// have proven who they are; all others are closed and forgotten.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>  // before any Asio header (Boost 1.74 and C++20)

#include "adapters/channel/wire.hpp"

namespace caravan::channel {

struct visitor {
    std::shared_ptr<wire> line;
    tls::identity who;
};

// "host:port", "[::1]:port".
struct address {
    std::string host, port;
};
result<address> read_address(const std::string& endpoint);

class door : public std::enable_shared_from_this<door> {
  public:
    using greet = std::function<void(visitor)>;
    static result<std::shared_ptr<door>> open(boost::asio::io_context&, const std::string& endpoint,
                                              tls::context, std::chrono::milliseconds patience,
                                              greet);
    std::uint16_t port() const;

  private:
    door(boost::asio::io_context& io, tls::context with, std::chrono::milliseconds patience,
         greet to)
        : acceptor_(io),
          pause_(io),
          context_(std::move(with)),
          patience_(patience),
          greet_(std::move(to)) {}
    void accept();

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    tls::context context_;
    std::chrono::milliseconds patience_;
    greet greet_;
    std::size_t strangers_ = 0;  // in their handshake
};

// Exactly one answer; transient "unreachable", or as tls::handshake_failure says.
void dial(boost::asio::io_context&, const std::string& endpoint, SSL_CTX*,
          std::chrono::milliseconds patience, std::function<void(result<visitor>)> done);

}  // namespace caravan::channel

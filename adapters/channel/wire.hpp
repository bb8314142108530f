// wire: one end of a connected stream socket, plain (unix) or TLS (TCP), without blocking.
// Lives on the loop's thread alone.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>  // before any Asio header (Boost 1.74 and C++20)

#include "adapters/channel/pulse.hpp"
#include "adapters/tls/tls.hpp"

namespace caravan::channel {

using socket = boost::asio::generic::stream_protocol::socket;

class wire : public std::enable_shared_from_this<wire> {
  public:
    enum class outcome : std::uint8_t {
        moved,
        wait_read,   // ask again when readable
        wait_write,  // ask again when writable
        ended,       // the other side closed in good order (plain: in any order)
        broken,      // reset, or cut without TLS's close_notify
    };

    explicit wire(socket);          // plain
    wire(socket, tls::connection);  // TLS; handshake() first
    ~wire();

    outcome handshake();
    outcome read(std::span<char> into, std::size_t& got);
    outcome write(std::string_view from, std::size_t& put);
    // Calls once when the wait is over, also for an error or abort(); never from within.
    void when(outcome wait, std::function<void()>);
    // TLS: calls once as soon as the connection is reset, even if nobody reads or writes.
    void when_reset(std::function<void()>);

    // All of `size` bytes or all of `text`, then done(ok). At most one of each at a time.
    void read_exactly(std::size_t size, std::function<void(bool, std::string)> done);
    void write_all(std::string text, std::function<void(bool)> done);

    // Aborts unless called again before; zero: never. For beginnings.
    void give_up_after(std::chrono::milliseconds);

    // In good order: close_notify and FIN, then a full close as soon as the peer has closed too, at
    // the latest after a second (closing with unread bytes would reset what is still on its way).
    void finish();
    void abort();  // at once; TCP resets (RFC 9293 3.10.5), so that the peer learns it at once
    bool closed() const noexcept { return !socket_.is_open(); }

    bool secure() const noexcept { return static_cast<bool>(tls_); }
    pulse health() { return pulse_of(socket_.native_handle()); }
    result<tls::identity> peer() const { return tls::peer_identity(tls_.get()); }
    failure why() const { return tls::handshake_failure(tls_.get()); }

  private:
    outcome after(int returned);
    void drain();

    socket socket_;
    tls::connection tls_;  // destroyed before the socket it writes to
    boost::asio::steady_timer patience_;
    bool peer_ended_ = false, finishing_ = false;
};

}  // namespace caravan::channel

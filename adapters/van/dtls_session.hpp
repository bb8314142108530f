// dtls_session: one DTLS 1.2 association (RFC 6347), apart from any socket: datagrams in, datagrams
// and plain records out. Not for several threads.
//
// A server makes state for nobody who has not shown that it receives at its address: greet()
// answers a ClientHello with a cookie (RFC 6347, 4.2.1) and keeps nothing until it comes back.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "adapters/tls/tls.hpp"
#include "adapters/van/endpoint.hpp"
#include "adapters/van/frame.hpp"

namespace caravan::van {

using send_datagram = std::function<void(const endpoint& to, octets)>;

// What can be read off a datagram without keys (RFC 6347, 4.1).
enum class record : std::uint8_t { client_hello, data, other };
record first_record(octets datagram) noexcept;
// The client's random of a ClientHello: equal in its retransmissions, new in a new life of the
// client.
using hello_random = std::array<std::uint8_t, 32>;
std::optional<hello_random> random_of(octets client_hello) noexcept;

// Bound to the secret that cookies are made of; a context may have one at a time.
void use_cookies(SSL_CTX*);

class dtls_session {
  public:
    enum class state : std::uint8_t { shaking, open, closed };

    static std::unique_ptr<dtls_session> dial(SSL_CTX*, const endpoint& to, send_datagram);
    // Nothing, after having answered with a cookie, unless the hello holds a right one.
    static std::unique_ptr<dtls_session> greet(SSL_CTX*, const endpoint& from, octets hello,
                                               send_datagram);
    ~dtls_session();
    dtls_session(const dtls_session&) = delete;
    dtls_session& operator=(const dtls_session&) = delete;

    state now() const noexcept { return state_; }
    const endpoint& at() const noexcept { return wire_.peer; }
    const SSL* connection() const noexcept { return ssl_.get(); }
    // Why it closed; empty if the peer said goodbye.
    const std::optional<failure>& why() const noexcept { return why_; }

    // Takes a datagram in; `plain` gets each record in it, valid during the call.
    void receive(octets datagram, const std::function<void(octets plain)>& plain);
    bool send(octets plain);  // false: it is not open
    // To be called often: sends a flight again when its time has come (0.4 s, doubling up to 2 s).
    void retransmit();
    void goodbye();

  private:
    struct wire {  // what the BIO talks to
        endpoint peer;
        octets in;
        send_datagram out;
    };
    dtls_session(SSL_CTX*, const endpoint& peer, send_datagram);
    static BIO_METHOD* wire_method();
    static int wire_read(BIO*, char* into, int size);
    static int wire_write(BIO*, const char* from, int size);
    void advance();
    void close_with(failure);

    wire wire_;
    tls::connection ssl_;
    state state_ = state::shaking;
    std::optional<failure> why_;
};

}  // namespace caravan::van

#include "adapters/van/dtls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace caravan::van {
namespace {

// Handshake flights pass any way that IPv6 may take: 1280 − 40 − 8 (RFC 8200).
constexpr long handshake_mtu = 1232;
constexpr unsigned retransmit_first_us = 400'000, retransmit_last_us = 2'000'000;

constexpr std::size_t record_header = 13, handshake_header = 12;
constexpr std::uint8_t type_handshake = 22, type_data = 23, message_client_hello = 1;

unsigned next_timeout(SSL*, unsigned previous) {
    return previous == 0 ? retransmit_first_us : std::min(previous * 2, retransmit_last_us);
}

using cookie_key = std::array<std::uint8_t, 32>;
const cookie_key& secret() {
    static const cookie_key key = [] {
        cookie_key made{};
        RAND_bytes(made.data(), static_cast<int>(made.size()));
        return made;
    }();
    return key;
}

// A cookie is an HMAC of the address it was sent to: whoever returns it receives there.
std::array<std::uint8_t, 32> cookie_for(const endpoint& at) {
    std::array<std::uint8_t, 18> text{};
    std::copy(at.ip.begin(), at.ip.end(), text.begin());
    text[16] = static_cast<std::uint8_t>(at.port >> 8);
    text[17] = static_cast<std::uint8_t>(at.port);
    std::array<std::uint8_t, 32> made{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret().data(), static_cast<int>(secret().size()), text.data(), text.size(),
         made.data(), &size);
    return made;
}

const endpoint& peer_of(SSL* ssl) {
    return *static_cast<const endpoint*>(SSL_get_app_data(ssl));
}

int make_cookie(SSL* ssl, unsigned char* cookie, unsigned* size) {
    const auto made = cookie_for(peer_of(ssl));
    std::copy(made.begin(), made.end(), cookie);
    *size = static_cast<unsigned>(made.size());
    return 1;
}

int check_cookie(SSL* ssl, const unsigned char* cookie, unsigned size) {
    const auto right = cookie_for(peer_of(ssl));
    return size == right.size() && CRYPTO_memcmp(cookie, right.data(), size) == 0;
}

long wire_control(BIO*, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
        case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
            return 1;
        case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
            return 48;
        default:
            return 0;
    }
}

}  // namespace

record first_record(octets datagram) noexcept {
    if (datagram.size() < record_header) return record::other;
    if (datagram[0] == type_data) return record::data;
    const bool in_clear = datagram[3] == 0 && datagram[4] == 0;  // epoch 0
    const bool hello = datagram[0] == type_handshake && in_clear &&
                       datagram.size() > record_header &&
                       datagram[record_header] == message_client_hello;
    return hello ? record::client_hello : record::other;
}

std::optional<hello_random> random_of(octets hello) noexcept {
    constexpr std::size_t at = record_header + handshake_header + 2;  // after client_version
    if (hello.size() < at + sizeof(hello_random)) return std::nullopt;
    hello_random random;
    std::copy_n(hello.begin() + at, random.size(), random.begin());
    return random;
}

void use_cookies(SSL_CTX* context) {
    SSL_CTX_set_cookie_generate_cb(context, make_cookie);
    SSL_CTX_set_cookie_verify_cb(context, check_cookie);
}

BIO_METHOD* dtls_session::wire_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
        BIO_meth_set_read(made, wire_read);
        BIO_meth_set_write(made, wire_write);
        BIO_meth_set_ctrl(made, wire_control);
        return made;
    }();
    return method;
}

int dtls_session::wire_read(BIO* bio, char* into, int size) {
    auto& from = *static_cast<wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (from.in.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const auto length = std::min(from.in.size(), static_cast<std::size_t>(size));
    std::memcpy(into, from.in.data(), length);
    from.in = {};  // what does not fit is lost, as with any datagram
    return static_cast<int>(length);
}

int dtls_session::wire_write(BIO* bio, const char* from, int size) {
    auto& to = *static_cast<wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    to.out(to.peer, {reinterpret_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size)});
    return size;
}

dtls_session::dtls_session(SSL_CTX* context, const endpoint& peer, send_datagram out)
    : wire_{peer, {}, std::move(out)}, ssl_(SSL_new(context)) {
    BIO* bio = BIO_new(wire_method());
    BIO_set_data(bio, &wire_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), &wire_.peer);
    SSL_set_options(ssl_.get(), SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(ssl_.get(), handshake_mtu);
    DTLS_set_timer_cb(ssl_.get(), next_timeout);
}

dtls_session::~dtls_session() = default;

std::unique_ptr<dtls_session> dtls_session::dial(SSL_CTX* context, const endpoint& to,
                                                 send_datagram out) {
    std::unique_ptr<dtls_session> made(new dtls_session(context, to, std::move(out)));
    SSL_set_connect_state(made->ssl_.get());
    made->advance();
    return made;
}

std::unique_ptr<dtls_session> dtls_session::greet(SSL_CTX* context, const endpoint& from,
                                                  octets hello, send_datagram out) {
    std::unique_ptr<dtls_session> made(new dtls_session(context, from, std::move(out)));
    made->wire_.in = hello;
    const std::unique_ptr<BIO_ADDR, decltype(&BIO_ADDR_free)> unused(BIO_ADDR_new(), BIO_ADDR_free);
    ERR_clear_error();
    if (DTLSv1_listen(made->ssl_.get(), unused.get()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    made->advance();  // it is a server by now, with the hello in hand
    return made;
}

void dtls_session::close_with(failure why) {
    why_ = std::move(why);
    state_ = state::closed;
}

void dtls_session::advance() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        state_ = state::open;
        return;
    }
    const int error = SSL_get_error(ssl_.get(), done);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        close_with(tls::handshake_failure(ssl_.get()));
}

void dtls_session::receive(octets datagram, const std::function<void(octets)>& plain) {
    if (state_ == state::closed) return;
    wire_.in = datagram;
    if (state_ == state::shaking) advance();
    if (state_ != state::open) return;
    std::array<std::uint8_t, SSL3_RT_MAX_PLAIN_LENGTH> bytes;
    for (;;) {
        ERR_clear_error();
        const int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        if (size > 0) {
            plain({bytes.data(), static_cast<std::size_t>(size)});
            continue;
        }
        const int error = SSL_get_error(ssl_.get(), size);
        // Forged and damaged records are dropped by OpenSSL itself (RFC 6347, 4.1.2.7).
        if (error == SSL_ERROR_ZERO_RETURN) state_ = state::closed;
        if (error == SSL_ERROR_SSL) close_with(tls::handshake_failure(ssl_.get()));
        return;
    }
}

bool dtls_session::send(octets plain) {
    if (state_ != state::open) return false;
    ERR_clear_error();
    return SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size())) > 0;
}

void dtls_session::retransmit() {
    if (state_ == state::shaking) DTLSv1_handle_timeout(ssl_.get());
}

void dtls_session::goodbye() {
    if (state_ == state::open) SSL_shutdown(ssl_.get());
    state_ = state::closed;
}

}  // namespace caravan::van

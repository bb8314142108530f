#include "adapters/channel/wire.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace caravan::channel {
namespace {

constexpr int read_ahead = 128 << 10;  // bytes that OpenSSL asks of the kernel at once
constexpr auto linger = std::chrono::seconds(1);

wire::outcome plain_outcome(wire::outcome wait) noexcept {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return wait;
    return wire::outcome::ended;  // EPIPE and ECONNRESET: the program at the other end has closed
}

}  // namespace

wire::wire(socket from) : socket_(std::move(from)), patience_(socket_.get_executor()) {
    boost::system::error_code ignored;
    socket_.native_non_blocking(true, ignored);
}

wire::wire(socket from, tls::connection with) : wire(std::move(from)) {
    tls_ = std::move(with);
    SSL_set_read_ahead(tls_.get(), 1);
    SSL_set_default_read_buffer_len(tls_.get(), read_ahead);
}

wire::~wire() {
    abort();
}

wire::outcome wire::after(int returned) {
    switch (SSL_get_error(tls_.get(), returned)) {
        case SSL_ERROR_WANT_READ:
            return outcome::wait_read;
        case SSL_ERROR_WANT_WRITE:
            return outcome::wait_write;
        case SSL_ERROR_ZERO_RETURN:
            peer_ended_ = true;
            return outcome::ended;
        default:
            return outcome::broken;
    }
}

wire::outcome wire::handshake() {
    if (closed()) return outcome::broken;
    ERR_clear_error();
    const int done = SSL_do_handshake(tls_.get());
    return done == 1 ? outcome::moved : after(done);
}

wire::outcome wire::read(std::span<char> into, std::size_t& got) {
    got = 0;
    if (closed()) return outcome::broken;
    if (!tls_) {
        const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
        if (n < 0) return plain_outcome(outcome::wait_read);
        got = static_cast<std::size_t>(n);
        return n == 0 ? outcome::ended : outcome::moved;
    }
    while (got < into.size()) {  // a record at a time
        ERR_clear_error();
        std::size_t n = 0;
        if (SSL_read_ex(tls_.get(), into.data() + got, into.size() - got, &n) != 1) {
            const outcome why = after(0);
            return got > 0 ? outcome::moved : why;
        }
        got += n;
    }
    return outcome::moved;
}

wire::outcome wire::write(std::string_view from, std::size_t& put) {
    put = 0;
    if (closed()) return outcome::broken;
    if (!tls_) {
        const ssize_t n = ::send(socket_.native_handle(), from.data(), from.size(), MSG_NOSIGNAL);
        if (n < 0) return plain_outcome(outcome::wait_write);
        put = static_cast<std::size_t>(n);
        return outcome::moved;
    }
    while (put < from.size()) {
        ERR_clear_error();
        std::size_t n = 0;
        if (SSL_write_ex(tls_.get(), from.data() + put, from.size() - put, &n) != 1) {
            const outcome why = after(0);
            return put > 0 ? outcome::moved : why;
        }
        put += n;
    }
    return outcome::moved;
}

void wire::when(outcome wait, std::function<void()> go) {
    const auto what = wait == outcome::wait_write ? socket::wait_write : socket::wait_read;
    socket_.async_wait(what, [self = shared_from_this(), go = std::move(go)](auto) { go(); });
}

void wire::when_reset(std::function<void()> go) {
    socket_.async_wait(socket::wait_error,
                       [self = shared_from_this(), go = std::move(go)](auto error) {
                           if (error || self->closed() || self->finishing_) return;
                           self->health().gone ? go() : self->when_reset(go);
                       });
}

void wire::read_exactly(std::size_t size, std::function<void(bool, std::string)> done) {
    struct request {
        std::string text;
        std::size_t have = 0;
    };
    auto held = std::make_shared<request>(request{std::string(size, '\0'), 0});
    const auto step = [self = shared_from_this(), held,
                       done = std::move(done)](auto& again) -> void {
        while (held->have < held->text.size()) {
            std::size_t got = 0;
            const outcome now =
                self->read({held->text.data() + held->have, held->text.size() - held->have}, got);
            held->have += got;
            if (now == outcome::ended || now == outcome::broken) return done(false, {});
            if (now != outcome::moved) return self->when(now, [again] { again(again); });
        }
        done(true, std::move(held->text));
    };
    step(step);
}

void wire::write_all(std::string text, std::function<void(bool)> done) {
    struct request {
        std::string text;
        std::size_t put = 0;
    };
    auto held = std::make_shared<request>(request{std::move(text), 0});
    const auto step = [self = shared_from_this(), held,
                       done = std::move(done)](auto& again) -> void {
        while (held->put < held->text.size()) {
            std::size_t put = 0;
            const outcome now = self->write(std::string_view(held->text).substr(held->put), put);
            held->put += put;
            if (now == outcome::ended || now == outcome::broken) return done(false);
            if (now != outcome::moved) return self->when(now, [again] { again(again); });
        }
        done(true);
    };
    step(step);
}

void wire::give_up_after(std::chrono::milliseconds wait) {
    patience_.cancel();
    if (wait.count() == 0) return;
    patience_.expires_after(wait);
    patience_.async_wait([self = shared_from_this()](auto cut) {
        if (!cut) self->abort();
    });
}

void wire::finish() {
    if (closed() || finishing_) return;
    boost::system::error_code ignored;
    if (!tls_) {
        socket_.close(ignored);
        return;
    }
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    if (peer_ended_) {
        socket_.close(ignored);
        return;
    }
    finishing_ = true;
    ::shutdown(socket_.native_handle(), SHUT_WR);
    patience_.expires_after(linger);
    patience_.async_wait([self = shared_from_this()](auto) {
        boost::system::error_code unused;
        self->socket_.close(unused);
    });
    drain();
}

void wire::drain() {
    std::array<char, 16384> sink;
    for (;;) {
        if (closed()) return;
        const ssize_t n = ::recv(socket_.native_handle(), sink.data(), sink.size(), 0);
        if (n > 0) continue;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return when(outcome::wait_read, [self = shared_from_this()] { self->drain(); });
        patience_.cancel();  // whose handler closes
        return;
    }
}

void wire::abort() {
    if (closed()) return;
    if (tls_) {
        const ::linger now{1, 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    boost::system::error_code ignored;
    patience_.cancel();
    socket_.close(ignored);
}

}  // namespace caravan::channel

#include "adapters/channel/door.hpp"

#include <boost/asio/connect.hpp>

namespace caravan::channel {
namespace {

using boost::asio::ip::tcp;
using answer = std::function<void(result<visitor>)>;

constexpr std::size_t strangers_max = 256;
constexpr auto handshake_max = std::chrono::seconds(5);
constexpr auto backstop = std::chrono::seconds(2);  // the kernel gives up after our own timer

// Drives a handshake to its end; a timer cuts a slow one.
struct greeting : std::enable_shared_from_this<greeting> {
    greeting(std::shared_ptr<wire> on, boost::asio::io_context& io, answer to)
        : line(std::move(on)), clock(io), done(std::move(to)) {}

    void start() {
        clock.expires_after(handshake_max);
        clock.async_wait([self = shared_from_this()](auto error) {
            if (!error) self->line->abort();
        });
        step();
    }
    void step() {
        const auto now = line->handshake();
        if (now == wire::outcome::wait_read || now == wire::outcome::wait_write)
            return line->when(now, [self = shared_from_this()] { self->step(); });
        clock.cancel();
        if (now != wire::outcome::moved) {
            line->finish();  // so that our alert, which says why, is not overtaken by a reset
            return tell(tl::unexpected(line->why()));
        }
        auto who = line->peer();
        if (!who) return tell(tl::unexpected(who.error()));
        tell(visitor{line, *who});
    }
    void tell(result<visitor> what) { std::exchange(done, nullptr)(std::move(what)); }

    std::shared_ptr<wire> line;
    boost::asio::steady_timer clock;
    answer done;
};

std::shared_ptr<wire> secure(tcp::socket from, SSL_CTX* with, bool server,
                             std::chrono::milliseconds patience) {
    tune(from.native_handle(), patience + backstop);
    auto made = server ? tls::accept_on(with, from.native_handle())
                       : tls::connect_on(with, from.native_handle());
    return made ? std::make_shared<wire>(socket(std::move(from)), std::move(made)) : nullptr;
}

struct calling : std::enable_shared_from_this<calling> {
    calling(boost::asio::io_context& in, SSL_CTX* use, std::chrono::milliseconds wait, answer to)
        : io(in), names(in), line(in), clock(in), patience(wait), done(std::move(to)) {
        SSL_CTX_up_ref(use);
        with.reset(use);
    }
    void start(const address& to) {
        clock.expires_after(patience);
        clock.async_wait([self = shared_from_this()](auto error) {
            boost::system::error_code ignored;
            if (error) return;
            self->names.cancel();
            self->line.close(ignored);
        });
        names.async_resolve(to.host, to.port, [self = shared_from_this()](auto error, auto found) {
            if (error) return self->fail(error);
            boost::asio::async_connect(self->line, found, [self](auto refused, const auto&) {
                self->clock.cancel();
                refused ? self->fail(refused) : self->greet();
            });
        });
    }
    void greet() {
        auto made = secure(std::move(line), with.get(), false, patience);
        if (!made) return done(transient("no_memory"));
        std::make_shared<greeting>(std::move(made), io, std::move(done))->start();
    }
    void fail(const boost::system::error_code& why) {
        clock.cancel();
        done(transient("unreachable", why.message()));
    }

    boost::asio::io_context& io;
    tls::context with;
    tcp::resolver names;
    tcp::socket line;
    boost::asio::steady_timer clock;
    std::chrono::milliseconds patience;
    answer done;
};

}  // namespace

result<address> read_address(const std::string& endpoint) {
    const auto colon = endpoint.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == endpoint.size())
        return permanent("bad_endpoint", "not host:port: " + endpoint);
    std::string host = endpoint.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return address{host, endpoint.substr(colon + 1)};
}

result<std::shared_ptr<door>> door::open(boost::asio::io_context& io, const std::string& endpoint,
                                         tls::context with, std::chrono::milliseconds patience,
                                         greet to) {
    const auto at = read_address(endpoint);
    if (!at) return tl::unexpected(at.error());
    boost::system::error_code error;
    const auto found = tcp::resolver(io).resolve(at->host, at->port, tcp::resolver::passive, error);
    if (error) return transient("cannot_listen", endpoint + ": " + error.message());
    const std::shared_ptr<door> made(new door(io, std::move(with), patience, std::move(to)));
    const tcp::endpoint here = found.begin()->endpoint();
    made->acceptor_.open(here.protocol(), error);
    if (!error) made->acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) made->acceptor_.bind(here, error);
    if (!error) made->acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error) return transient("cannot_listen", endpoint + ": " + error.message());
    made->accept();
    return made;
}

std::uint16_t door::port() const {
    boost::system::error_code ignored;
    return acceptor_.local_endpoint(ignored).port();
}

// The handlers hold the door weakly: dropping it closes it.
void door::accept() {
    acceptor_.async_accept([held = weak_from_this()](auto error, tcp::socket from) {
        const auto self = held.lock();
        if (!self || error == boost::asio::error::operation_aborted) return;
        auto made = error || self->strangers_ >= strangers_max
                        ? nullptr
                        : secure(std::move(from), self->context_.get(), true, self->patience_);
        if (!made) {  // out of descriptors, or flooded: breathe
            self->pause_.expires_after(std::chrono::milliseconds(50));
            return self->pause_.async_wait([held](auto cut) {
                if (const auto still = held.lock(); still && !cut) still->accept();
            });
        }
        ++self->strangers_;
        auto& io = static_cast<boost::asio::io_context&>(self->acceptor_.get_executor().context());
        std::make_shared<greeting>(std::move(made), io, [held](result<visitor> who) {
            const auto still = held.lock();
            if (!still) return;
            --still->strangers_;
            if (who) still->greet_(std::move(*who));
        })->start();
        self->accept();
    });
}

void dial(boost::asio::io_context& io, const std::string& endpoint, SSL_CTX* with,
          std::chrono::milliseconds patience, std::function<void(result<visitor>)> done) {
    const auto at = read_address(endpoint);
    if (!at) return done(tl::unexpected(at.error()));
    std::make_shared<calling>(io, with, patience, std::move(done))->start(*at);
}

}  // namespace caravan::channel

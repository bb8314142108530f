#include <random>
#include <thread>

#include "adapters/http/address.hpp"
#include "adapters/http/link_connection.hpp"

namespace caravan::http {

namespace {
constexpr auto dial_time_max = std::chrono::seconds(5);
}

struct beast_link_client::body {
    body(link_client_config wanted, address where, tls::context made)
        : config(std::move(wanted)), at(std::move(where)), secure(made.release()) {}
    ~body() { stop(); }
    void stop() {
        io.stop();
        if (thread.joinable()) thread.join();
    }

    task<void> dial_for_ever();
    task<result<std::shared_ptr<link_connection>>> dial();
    task<void> converse(std::shared_ptr<link_connection>);
    void note(const std::string& line) const { if (config.notice) config.notice(line); }

    link_client_config config;
    address at;
    asio::io_context io{1};
    asio::ssl::context secure;
    port::link_listener* listener = nullptr;
    // Who the listener is told is there: the controller, which is no device of a kind.
    const port::device controller{port::device_kind::agent, "controller"};
    std::mutex mutex;  // send() comes from any thread
    std::shared_ptr<link_connection> connection;
    std::thread thread;
};

result<std::unique_ptr<beast_link_client>> beast_link_client::open(link_client_config config) {
    auto at = parse_address(config.controller);
    if (!at) return tl::unexpected(at.error());
    auto context = tls::client_context(config.tls);
    if (!context) return tl::unexpected(context.error());
    auto made = std::make_unique<body>(std::move(config), std::move(*at), std::move(*context));
    return std::unique_ptr<beast_link_client>(new beast_link_client(std::move(made)));
}

beast_link_client::beast_link_client(std::unique_ptr<body> made) : body_(std::move(made)) {}
beast_link_client::~beast_link_client() = default;

void beast_link_client::stop() { body_->stop(); }

void beast_link_client::listen(port::link_listener& listener) {
    body_->listener = &listener;
    asio::co_spawn(body_->io, body_->dial_for_ever(), unattended);
    body_->thread = std::thread([io = &body_->io] { io->run(); });
}

void beast_link_client::send(std::string frame) {
    std::shared_ptr<link_connection> connection;
    {
        const std::scoped_lock hold(body_->mutex);
        connection = body_->connection;
    }
    if (connection) connection->send(std::move(frame));
}

task<void> beast_link_client::body::dial_for_ever() {
    std::minstd_rand random{std::random_device{}()};
    asio::steady_timer pause(io);
    auto delay = config.retry_delay_min;
    std::string said;  // the same failure is noted once, not at each attempt
    for (;;) {
        auto dialled = co_await dial();
        if (dialled) {
            delay = config.retry_delay_min;
            said.clear();
            co_await converse(std::move(*dialled));
        } else if (dialled.error().detail != said) {
            said = dialled.error().detail;
            note("cannot reach the controller at " + to_text(at) + ": " + said);
        }
        // Half to all of the delay, so that a site's devices do not come back all at once.
        std::uniform_int_distribution<std::int64_t> spread(delay.count() / 2, delay.count());
        pause.expires_after(std::chrono::milliseconds(spread(random)));
        error_code woken;
        co_await pause.async_wait(into(woken));
        delay = std::min(delay * 2, config.retry_delay_max);
    }
}

task<result<std::shared_ptr<link_connection>>> beast_link_client::body::dial() {
    error_code ec;
    const auto failed = [&ec](const char* step) {
        return transient("cannot_connect", std::string(step) + ": " + ec.message());
    };
    tcp::resolver resolver(io);
    const auto found = co_await resolver.async_resolve(at.host, std::to_string(at.port), into(ec));
    if (ec) co_return failed("resolve");
    tls_stream stream(io, secure);
    beast::get_lowest_layer(stream).expires_after(dial_time_max);
    co_await beast::get_lowest_layer(stream).async_connect(found, into(ec));
    if (ec) co_return failed("connect");
    co_await stream.async_handshake(asio::ssl::stream_base::client, into(ec));
    if (ec) co_return tl::unexpected(tls::handshake_failure(stream.native_handle()));
    const auto who = tls::peer_identity(stream.native_handle());
    if (!who) co_return tl::unexpected(who.error());
    if (who->role != "controller" || who->cloud != config.cloud)
        co_return permanent("wrong_peer", "there is " + who->role + " " + who->name + " of " +
                                              who->cloud.text + ", not the controller of " +
                                              config.cloud.text);
    auto made = std::make_shared<link_connection>(std::move(stream), config.dead_after);
    co_await made->socket().async_handshake(to_text(at), "/link", into(ec));
    if (ec) co_return failed("WebSocket");
    co_return made;
}

task<void> beast_link_client::body::converse(std::shared_ptr<link_connection> made) {
    {
        const std::scoped_lock hold(mutex);
        connection = made;
    }
    listener->connected(controller);
    const auto why = co_await made->run(
        [this](std::string frame) { listener->received(controller, std::move(frame)); });
    note("connection to the controller ended: " + why);
    {
        const std::scoped_lock hold(mutex);
        connection.reset();
    }
    listener->disconnected(controller);
}

}  // namespace caravan::http

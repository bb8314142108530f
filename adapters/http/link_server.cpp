#include <map>
#include <optional>
#include <thread>

#include "adapters/http/address.hpp"
#include "adapters/http/link_connection.hpp"

namespace caravan::http {

namespace {

constexpr auto greeting_time_max = std::chrono::seconds(10);
constexpr std::size_t handshakes_max = 256;  // at once: strangers cannot pile up

std::optional<port::device_kind> kind_of(const std::string& role) {
    if (role == "agent") return port::device_kind::agent;
    if (role == "proxy") return port::device_kind::proxy;
    return std::nullopt;
}

}  // namespace

struct beast_link_server::body {
    body(link_server_config wanted, tls::context made)
        : config(std::move(wanted)), secure(made.release()), acceptor(io) {}
    ~body() { stop(); }
    void stop() {
        io.stop();
        if (thread.joinable()) thread.join();
    }

    task<void> accept();
    task<void> serve(tcp::socket);
    task<void> converse(std::shared_ptr<link_connection>, port::device);
    void enter(const port::device&, const std::shared_ptr<link_connection>&);
    void leave(const port::device&, const std::shared_ptr<link_connection>&);
    void note(const std::string& line) const { if (config.notice) config.notice(line); }

    link_server_config config;
    asio::io_context io{1};
    asio::ssl::context secure;
    tcp::acceptor acceptor;
    std::size_t handshakes = 0;
    port::link_listener* listener = nullptr;
    std::mutex mutex;  // send() comes from any thread
    std::map<port::device, std::shared_ptr<link_connection>> connections;
    std::thread thread;
};

result<std::unique_ptr<beast_link_server>> beast_link_server::open(link_server_config config) {
    const auto at = parse_listen_address(config.listen);
    if (!at) return tl::unexpected(at.error());
    auto context = tls::server_context(config.tls);
    if (!context) return tl::unexpected(context.error());
    auto made = std::make_unique<body>(std::move(config), std::move(*context));
    error_code ec;
    const tcp::endpoint endpoint(asio::ip::make_address(at->host), at->port);
    made->acceptor.open(endpoint.protocol(), ec);
    if (!ec) made->acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) made->acceptor.bind(endpoint, ec);
    if (!ec) made->acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return permanent("cannot_listen", to_text(*at) + ": " + ec.message());
    return std::unique_ptr<beast_link_server>(new beast_link_server(std::move(made)));
}

beast_link_server::beast_link_server(std::unique_ptr<body> made) : body_(std::move(made)) {}
beast_link_server::~beast_link_server() = default;

void beast_link_server::stop() { body_->stop(); }

std::uint16_t beast_link_server::port() const { return body_->acceptor.local_endpoint().port(); }

void beast_link_server::listen(port::link_listener& listener) {
    body_->listener = &listener;
    asio::co_spawn(body_->io, body_->accept(), unattended);
    body_->thread = std::thread([io = &body_->io] { io->run(); });
}

void beast_link_server::send(const port::device& to, std::string frame) {
    std::shared_ptr<link_connection> connection;
    {
        const std::scoped_lock hold(body_->mutex);
        const auto found = body_->connections.find(to);
        if (found == body_->connections.end()) return;
        connection = found->second;
    }
    connection->send(std::move(frame));
}

task<void> beast_link_server::body::accept() {
    asio::steady_timer pause(io);
    for (;;) {
        error_code ec;
        tcp::socket socket = co_await acceptor.async_accept(into(ec));
        if (!ec && handshakes < handshakes_max) {
            asio::co_spawn(io, serve(std::move(socket)), asio::detached);
        } else if (ec) {  // out of descriptors, mostly: the next one may fare better
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(into(ec));
        }
    }
}

// Handshakes first; what follows is a conversation with a device whose name is proven.
task<void> beast_link_server::body::serve(tcp::socket accepted) {
    error_code ec;
    const auto remote = accepted.remote_endpoint(ec);
    const auto from = to_text({remote.address().to_string(), remote.port()});
    tls_stream stream(std::move(accepted), secure);
    beast::get_lowest_layer(stream).expires_after(greeting_time_max);
    ++handshakes;
    co_await stream.async_handshake(asio::ssl::stream_base::server, into(ec));
    --handshakes;
    if (ec) {
        const auto why = tls::handshake_failure(stream.native_handle());
        note("refused a connection from " + from + ": " + why.reason + ": " + why.detail);
        co_return;
    }
    const auto who = tls::peer_identity(stream.native_handle());
    if (!who) {
        note("refused a connection from " + from + ": " + who.error().detail);
        co_return;
    }
    const auto kind = kind_of(who->role);
    if (!kind || who->cloud != config.cloud) {
        note("refused " + who->role + " " + who->name + " of cloud " + who->cloud.text + " from " +
             from + ": only agents and proxies of " + config.cloud.text + " connect here");
        co_return;
    }
    auto connection = std::make_shared<link_connection>(std::move(stream), config.dead_after);
    co_await connection->socket().async_accept(into(ec));
    if (ec) {
        note("no WebSocket from " + who->role + " " + who->name + ": " + ec.message());
        co_return;
    }
    // Named first: GCC 12 copies an aggregate made inside a co_await bit by bit, and its string dies twice.
    const port::device device{*kind, who->name};
    co_await converse(std::move(connection), device);
}

task<void> beast_link_server::body::converse(std::shared_ptr<link_connection> connection,
                                             port::device device) {
    enter(device, connection);
    const auto why = co_await connection->run([this, &device, &connection](std::string frame) {
        // One that was replaced has been told disconnected: nothing of it is heard any more.
        const auto current = connections.find(device);
        if (current != connections.end() && current->second == connection)
            listener->received(device, std::move(frame));
    });
    note("connection of " + device.name + " ended: " + why);
    leave(device, connection);
}

void beast_link_server::body::enter(const port::device& device,
                                    const std::shared_ptr<link_connection>& connection) {
    std::shared_ptr<link_connection> older;
    {
        const std::scoped_lock hold(mutex);
        older = std::exchange(connections[device], connection);
    }
    if (older) {
        listener->disconnected(device);
        older->close();
    }
    listener->connected(device);
}

void beast_link_server::body::leave(const port::device& device,
                                    const std::shared_ptr<link_connection>& connection) {
    {
        const std::scoped_lock hold(mutex);
        const auto current = connections.find(device);
        if (current == connections.end() || current->second != connection) return;
        connections.erase(current);
    }
    listener->disconnected(device);
}

}  // namespace caravan::http

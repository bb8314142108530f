#include "adapters/http/gateway.hpp"

#include <netinet/tcp.h>
#include <openssl/sha.h>

#include <thread>

#include "adapters/http/address.hpp"
#include "adapters/http/session.hpp"

namespace caravan::http {

namespace {

std::string digest(std::string_view text) {
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

// A peer that vanished is noticed within a minute, also while nothing or everything is being sent.
void set_patience(tcp::socket& socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    using seconds = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
    using user_timeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
    socket.set_option(seconds(20), ignored);
    socket.set_option(user_timeout(60'000), ignored);
}

}  // namespace

core::core(port::desk& served, gateway_config wanted, tls::context made)
    : desk(served),
      config(std::move(wanted)),
      secure(made.release()),
      requests(config.limits.requests_per_second),
      failures(config.limits.failures_per_second),
      epoch(std::to_string(std::chrono::system_clock::now().time_since_epoch() /
                           std::chrono::microseconds(1))) {
    for (const auto& token : config.tokens)
        holders_[digest(token.text)] = port::caller{token.name, token.as};
    config.tokens.clear();
}

std::optional<port::caller> core::holder(std::string_view token) const {
    const auto found = holders_.find(digest(token));
    if (found == holders_.end()) return std::nullopt;
    return found->second;
}

std::shared_ptr<core::seat> core::subscribe(const port::event_filter& wanted,
                                            std::function<void(const port::news&)> tell) {
    std::erase_if(seats, [](const auto& one) { return one.expired(); });
    auto made = std::make_shared<seat>(seat{desk.subscribe(wanted, std::move(tell))});
    seats.push_back(made);
    return made;
}

void core::unsubscribe_all() {
    for (const auto& one : seats)
        if (const auto taken = one.lock()) taken->held.reset();
}

struct gateway::body {
    task<void> accept(tcp::acceptor& from);
    std::shared_ptr<core> shared;
    std::vector<tcp::acceptor> acceptors;
    std::thread thread;
};

result<std::unique_ptr<gateway>> gateway::open(port::desk& desk, gateway_config config) {
    auto context = tls::server_context(config.tls, tls::client_certificate::optional);
    if (!context) return tl::unexpected(context.error());
    auto made = std::make_unique<body>();
    made->shared = std::make_shared<core>(desk, std::move(config), std::move(*context));
    for (const auto& text : made->shared->config.listen) {
        const auto at = parse_listen_address(text);
        if (!at) return tl::unexpected(at.error());
        error_code ec;
        const auto ip = asio::ip::make_address(at->host);
        tcp::acceptor acceptor(made->shared->io);
        acceptor.open(ip.is_v6() ? tcp::v6() : tcp::v4(), ec);
        if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
        if (!ec) acceptor.bind({ip, at->port}, ec);
        if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
        if (ec) return permanent("cannot_listen", text + ": " + ec.message());
        made->acceptors.push_back(std::move(acceptor));
    }
    return std::unique_ptr<gateway>(new gateway(std::move(made)));
}

gateway::gateway(std::unique_ptr<body> made) : body_(std::move(made)) {
    for (auto& acceptor : body_->acceptors)
        asio::co_spawn(body_->shared->io, body_->accept(acceptor), unattended);
    body_->thread = std::thread([shared = body_->shared] { shared->io.run(); });
}

gateway::~gateway() {
    body_->shared->io.stop();
    body_->thread.join();
    body_->shared->unsubscribe_all();
}

std::vector<std::uint16_t> gateway::ports() const {
    std::vector<std::uint16_t> all;
    for (const auto& acceptor : body_->acceptors) all.push_back(acceptor.local_endpoint().port());
    return all;
}

task<void> gateway::body::accept(tcp::acceptor& from) {
    asio::steady_timer pause(shared->io);
    for (;;) {
        error_code ec;
        tcp::socket socket = co_await from.async_accept(into(ec));
        if (ec) {  // out of descriptors, mostly: the next one may fare better
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(into(ec));
        } else if (shared->connections < shared->config.limits.connections) {
            set_patience(socket);
            // The lambda holds it: a coroutine has not begun, nor taken hold of anything, when it is made.
            auto made = std::make_shared<session>(*shared, std::move(socket));
            asio::co_spawn(shared->io, [made] { return made->run(); }, asio::detached);
        }
    }
}

}  // namespace caravan::http

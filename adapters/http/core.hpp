// core: what all connections of a gateway share. Only the gateway and callbacks that the desk holds own
// it, so that a late answer finds a stopped loop rather than none; connections live inside it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "adapters/http/gateway.hpp"
#include "adapters/http/limiter.hpp"
#include "adapters/http/net.hpp"

namespace caravan::http {

struct core : std::enable_shared_from_this<core> {
    core(port::desk& served, gateway_config wanted, tls::context made);

    // The holder of a bearer token; looked up by digest, so that timing tells nothing of the text.
    std::optional<port::caller> holder(std::string_view token) const;
    void note(const std::string& line) const { if (config.notice) config.notice(line); }

    // A subscription that ends with whoever holds the seat, and with the gateway at the latest.
    struct seat {
        std::unique_ptr<port::subscription> held;
    };
    std::shared_ptr<seat> subscribe(const port::event_filter&,
                                    std::function<void(const port::news&)> tell);
    void unsubscribe_all();

    port::desk& desk;
    gateway_config config;
    std::vector<std::weak_ptr<seat>> seats;
    std::size_t connections = 0;
    asio::io_context io{1};
    asio::ssl::context secure;
    limiter requests, failures;
    std::string epoch;  // of this run of the gateway

  private:
    std::unordered_map<std::string, port::caller> holders_;
};

// Awaits an answer that the desk gives by callback from any thread: start(callback).
template <class Answer, class Start>
task<Answer> ask(core& shared, Start start) {
    auto token = asio::use_awaitable;
    return asio::async_initiate<decltype(token), void(Answer)>(
        [at = shared.shared_from_this(), start = std::move(start)](auto handler) mutable {
            auto held = std::make_shared<decltype(handler)>(std::move(handler));
            // Declared before `held`, core outlives the coroutine that `held` may be the last to hold.
            start([at, held](Answer answer) mutable {
                asio::post(at->io, [held, answer = std::move(answer)]() mutable {
                    (*held)(std::move(answer));
                });
            });
        },
        token);
}

}  // namespace caravan::http

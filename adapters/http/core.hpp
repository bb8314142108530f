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

// An answer that the desk gives by callback, from any thread, awaited on the gateway's:
//
//     const auto answer = expect<port::answer>(at_);
//     desk.read(…, answer->taker());
//     const auto found = co_await answer->take();
//
// In steps on purpose: GCC 12 copies what a lambda captured bit by bit when the lambda is made inside a
// co_await, and its strings die twice.
template <class Answer>
class expected_answer : public std::enable_shared_from_this<expected_answer<Answer>> {
  public:
    explicit expected_answer(core& at) : at_(at), here_(at.io) {
        here_.expires_at(asio::steady_timer::time_point::max());
    }
    // Only what the desk holds owns the core: what waits inside it must not.
    std::function<void(Answer)> taker() {
        return [at = at_.shared_from_this(), self = this->shared_from_this()](Answer answer) {
            asio::post(at->io, [self, answer = std::move(answer)]() mutable {
                self->answer_ = std::move(answer);
                self->here_.cancel();
            });
        };
    }
    task<Answer> take() {
        const auto self = this->shared_from_this();
        error_code woken;
        while (!answer_) co_await here_.async_wait(into(woken));
        co_return std::move(*answer_);
    }

  private:
    core& at_;
    asio::steady_timer here_;
    std::optional<Answer> answer_;
};
template <class Answer>
std::shared_ptr<expected_answer<Answer>> expect(core& at) {
    return std::make_shared<expected_answer<Answer>>(at);
}

}  // namespace caravan::http

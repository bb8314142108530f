// session: one HTTPS connection to the gateway, request after request, until one of them becomes a
// WebSocket. Runs on the gateway's thread only.
#pragma once

#include <optional>

#include "adapters/http/core.hpp"
#include "adapters/http/problem.hpp"
#include "adapters/http/query.hpp"
#include "adapters/http/receipts.hpp"

namespace caravan::http {

struct route;

class session : public std::enable_shared_from_this<session> {
  public:
    session(core&, tcp::socket);
    ~session();
    task<void> run();

    // What routes.cpp names. Each answers the request that stands in head_, body included.
    task<void> livez();
    task<void> readyz();
    task<void> metrics();
    task<void> no_console();
    task<void> read_state();
    task<void> read_events();
    task<void> plan();
    task<void> post_events();
    task<void> stream();

  private:
    using head_parser = wire::request_parser<wire::empty_body>;

    task<bool> handshake();
    task<bool> serve_one();           // false: the connection is over
    task<void> dispatch();
    std::optional<problem> admit(const route&);
    std::optional<problem> identify();
    bool origin_is_ours() const;
    std::string bearer() const;

    // Answers; each sets keep_ to whether another request may follow.
    task<void> say(int status, const char* type, std::string text);
    task<void> say(problem);
    task<bool> begin_lines();                     // 200, chunked NDJSON
    task<bool> say_lines(const std::vector<std::string>&);
    task<void> end_lines();
    task<result<std::string>> body(std::size_t size_max);
    task<void> linger();

    task<void> post_one(std::string event);
    task<void> post_batch();
    task<void> post_stream();
    task<void> read_lines(std::shared_ptr<receipts>);
    task<void> follow_events(port::event_filter, bool bounded);
    task<void> notice_departure(std::shared_ptr<asio::steady_timer>);

    core& at_;
    tls_stream stream_;
    beast::flat_buffer buffer_;
    std::string address_;
    std::optional<tls::identity> certificate_;
    std::optional<head_parser> head_;
    query asked_;
    port::caller who_;
    bool keep_ = true, body_read_ = false, departed_ = false, upgraded_ = false;
};

// One path of the contract's table. `pattern` is exact, or ends in "/*": one more segment, a name.
struct route {
    wire::verb method;
    std::string_view pattern;
    std::optional<port::role> least;  // none: anybody
    std::string_view parameters;      // of its query, separated by spaces
    task<void> (session::*answer)();
};

// The route of a request; or null, with the methods that the path knows (empty: no such path).
const route* find_route(wire::verb, std::string_view path, std::string& allowed);

}  // namespace caravan::http

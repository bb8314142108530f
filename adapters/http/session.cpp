#include "adapters/http/session.hpp"

#include "adapters/http/address.hpp"

namespace caravan::http {

namespace {

constexpr std::size_t head_max = 16u << 10;  // bytes of a request's line and headers
constexpr auto handshake_time_max = std::chrono::seconds(10);
constexpr auto linger_time_max = std::chrono::seconds(2);

std::optional<port::role> role_of(std::string_view text) {
    if (text == "viewer") return port::role::viewer;
    if (text == "auditor") return port::role::auditor;
    if (text == "scheduler") return port::role::scheduler;
    if (text == "operator") return port::role::operator_;
    return std::nullopt;
}

const char* name_of(port::role role) {
    constexpr const char* names[] = {"viewer", "auditor", "scheduler", "operator"};
    return names[static_cast<std::size_t>(role)];
}

std::string_view plain(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

session::session(core& at, tcp::socket socket)
    : at_(at), stream_(std::move(socket), at.secure), buffer_(head_max + (64u << 10)) {
    ++at_.connections;
    error_code ec;
    const auto remote = beast::get_lowest_layer(stream_).socket().remote_endpoint(ec);
    if (!ec) address_ = remote.address().to_string();
}

session::~session() { --at_.connections; }

task<void> session::run() {
    const auto self = shared_from_this();
    try {
        if (!co_await handshake()) co_return;
        while (co_await serve_one()) {
        }
        if (!upgraded_) co_await linger();
    } catch (const boost::system::system_error&) {
        // The peer went away in the middle of something: there is nobody to tell.
    }
}

task<bool> session::handshake() {
    error_code ec;
    beast::get_lowest_layer(stream_).expires_after(handshake_time_max);
    co_await stream_.async_handshake(asio::ssl::stream_base::server, into(ec));
    if (ec) {
        const auto why = tls::handshake_failure(stream_.native_handle());
        at_.note("gateway: refused a connection from " + address_ + ": " + why.reason);
        co_return false;
    }
    if (auto who = tls::peer_identity(stream_.native_handle())) certificate_ = std::move(*who);
    co_return true;
}

task<bool> session::serve_one() {
    head_.emplace();
    head_->header_limit(head_max);
    head_->body_limit(UINT64_MAX);  // judged by each form of body (Boost 1.74 takes none for 0)
    body_read_ = false;
    keep_ = true;
    error_code ec;
    beast::get_lowest_layer(stream_).expires_after(at_.config.limits.idle);
    co_await wire::async_read_header(stream_, buffer_, *head_, into(ec));
    if (ec == wire::error::header_limit || ec == wire::error::buffer_overflow) {
        keep_ = false;
        co_await say({431, "header_too_large", "a request's headers are at most 16 KiB"});
    } else if (ec.category() == wire::make_error_code(wire::error::bad_method).category() &&
               ec != wire::error::end_of_stream && ec != wire::error::partial_message) {
        keep_ = false;
        co_await say({400, "bad_request", "this is not HTTP/1.1"});
    }
    if (ec) co_return false;
    keep_ = head_->keep_alive();
    beast::get_lowest_layer(stream_).expires_after(at_.config.limits.request);
    co_await dispatch();
    co_return !upgraded_ && keep_;
}

task<void> session::dispatch() {
    auto target = parse_target(plain(head_->get().target()));
    if (!target) {
        co_await say({400, target.error().reason, target.error().detail});
        co_return;
    }
    asked_ = std::move(*target);
    std::string allowed;
    const auto* found = find_route(head_->get().method(), asked_.path, allowed);
    if (!found && !allowed.empty()) {
        co_await say({405, "method_not_allowed", asked_.path + " knows " + allowed});
    } else if (!found) {
        co_await say({404, "no_such_path", asked_.path + " is not part of this interface"});
    } else if (auto refused = admit(*found)) {
        co_await say(std::move(*refused));
    } else if (auto known = asked_.only(found->parameters); !known) {
        co_await say({400, known.error().reason, known.error().detail});
    } else {
        co_await (this->*found->answer)();
    }
}

std::optional<problem> session::admit(const route& to) {
    if (!origin_is_ours())
        return problem{403, "foreign_origin", "pages of this origin may not call this gateway"};
    if (!to.least) return std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    if (at_.failures.empty(address_, now))
        return problem{429, "too_many_failures", "wrong credentials too often: wait a second"};
    if (auto refused = identify()) {
        at_.failures.take(address_, now);
        return refused;
    }
    if (!at_.requests.take(who_.name, now))
        return problem{429, "rate_limited", who_.name + " asks too often: wait a second"};
    if (who_.as < *to.least)
        return problem{403, "role_too_low",
                       who_.name + " is " + name_of(who_.as) + "; " + asked_.path + " needs " +
                           name_of(*to.least)};
    return std::nullopt;
}

std::optional<problem> session::identify() {
    if (const auto text = bearer(); !text.empty()) {
        auto holder = at_.holder(text);
        if (!holder) return problem{401, "bad_token", "nobody holds this bearer token"};
        who_ = std::move(*holder);
        return std::nullopt;
    }
    if (!certificate_)
        return problem{401, "no_credentials", "send a bearer token or show a client certificate"};
    const auto as = role_of(certificate_->role);
    if (!as || certificate_->cloud != at_.config.cloud)
        return problem{403, "wrong_role",
                       "a certificate for " + certificate_->role + " opens nothing here"};
    who_ = port::caller{certificate_->name, *as};
    return std::nullopt;
}

// Browsers cannot set headers on a WebSocket: there the token is a subprotocol, "bearer.TOKEN".
std::string session::bearer() const {
    const auto& fields = head_->get();
    const auto given = plain(fields[wire::field::authorization]);
    if (given.size() > 7 && beast::iequals(beast::string_view(given.data(), 7), "Bearer "))
        return std::string(given.substr(7));
    for (const auto& protocol : wire::token_list(fields[wire::field::sec_websocket_protocol]))
        if (protocol.starts_with("bearer.")) return protocol.substr(7).to_string();
    return {};
}

bool session::origin_is_ours() const {
    const auto& fields = head_->get();
    if (fields.count(wire::field::origin) == 0) return true;
    const auto origin = fields[wire::field::origin].to_string();
    if (origin == "https://" + fields[wire::field::host].to_string()) return true;
    for (const auto& known : at_.config.origins)
        if (known == origin) return true;
    return false;
}

task<result<std::string>> session::body(std::size_t size_max) {
    const auto too_large = [&] {
        keep_ = false;
        return permanent("too_large", "at most " + std::to_string(size_max) + " bytes");
    };
    // A length that was announced is judged here: Beast judged it with the header, by the header's limit.
    if (head_->content_length().value_or(0) > size_max) co_return too_large();
    if (beast::iequals(head_->get()[wire::field::expect], "100-continue")) {
        wire::response<wire::empty_body> go_on{wire::status::continue_, 11};
        co_await wire::async_write(stream_, go_on, asio::use_awaitable);
    }
    wire::request_parser<wire::string_body> whole{std::move(*head_)};
    whole.body_limit(size_max);
    error_code ec;
    co_await wire::async_read(stream_, buffer_, whole, into(ec));
    head_.emplace();  // what is left of it is not asked any more
    if (ec == wire::error::body_limit) co_return too_large();
    if (ec) throw boost::system::system_error(ec);
    body_read_ = true;
    co_return std::move(whole.get().body());
}

task<void> session::say(problem what) {
    const bool whole = head_ && head_->is_header_done();  // Beast asserts on what it has not read yet
    const bool unread = whole && !body_read_ && (head_->chunked() || head_->content_length().value_or(0));
    if (unread) keep_ = false;  // rather than wade through a body that nobody wanted
    co_await say(what.status, "application/problem+json", to_json(what));
}

task<void> session::say(int status, const char* type, std::string text) {
    wire::response<wire::string_body> response{wire::int_to_status(unsigned(status)), 11};
    response.set(wire::field::content_type, type);
    response.set(wire::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    if (status == 401) response.set(wire::field::www_authenticate, "Bearer");
    if (status == 429 || status == 503) response.set(wire::field::retry_after, "1");
    response.body() = std::move(text);
    response.keep_alive(keep_);
    response.prepare_payload();
    beast::get_lowest_layer(stream_).expires_after(at_.config.limits.request);
    co_await wire::async_write(stream_, response, asio::use_awaitable);
}

task<bool> session::begin_lines() {
    wire::response<wire::empty_body> response{wire::status::ok, 11};
    response.set(wire::field::content_type, "application/x-ndjson");
    response.set(wire::field::cache_control, "no-store");
    response.keep_alive(keep_);
    response.chunked(true);
    wire::response_serializer<wire::empty_body> serializer{response};
    error_code ec;
    beast::get_lowest_layer(stream_).expires_never();
    co_await wire::async_write_header(stream_, serializer, into(ec));
    co_return !ec;
}

task<bool> session::say_lines(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) {
        text += line;
        text += '\n';
    }
    error_code ec;
    if (!text.empty())
        co_await asio::async_write(stream_, wire::make_chunk(asio::const_buffer(text.data(), text.size())),
                                   into(ec));
    co_return !ec;
}

task<void> session::end_lines() {
    co_await asio::async_write(stream_, wire::make_chunk_last(), asio::use_awaitable);
}

// Closing with unread bytes would reset the connection, and the answer might never be seen.
task<void> session::linger() {
    error_code ec;
    auto& lowest = beast::get_lowest_layer(stream_);
    lowest.expires_after(linger_time_max);
    co_await stream_.async_shutdown(into(ec));
    lowest.socket().shutdown(tcp::socket::shutdown_send, ec);
    char scratch[4096];
    std::size_t left = 256u << 10;
    while (!ec && left > 0) {
        const auto n = co_await lowest.async_read_some(asio::buffer(scratch), into(ec));
        left -= std::min(left, n);
    }
}

task<void> session::livez() { co_await say(200, "text/plain", "alive\n"); }

task<void> session::readyz() {
    if (at_.desk.ready())
        co_await say(200, "text/plain", "ready\n");
    else
        co_await say({503, "not_ready", "the journal is being read, or cannot be written: see the controller's log"});
}

task<void> session::metrics() {
    co_await say(200, "text/plain; version=0.0.4; charset=utf-8", at_.desk.metrics());
}

task<void> session::no_console() {
    co_await say({404, "no_console", "the console is not part of this build; the interface is under /v1"});
}

task<void> session::read_state() {
    const auto path = asked_.path.substr(3);  // without /v1
    const auto when = path == "/state" ? asked_.text("at") : std::string();
    const auto answer = expect<port::answer>(at_);
    at_.desk.read(who_, path, when, answer->taker());
    auto found = co_await answer->take();
    if (found.status == 200)
        co_await say(200, "application/json", std::move(found.json));
    else
        co_await say({found.status, found.reason, found.detail});
}

task<void> session::plan() {
    auto request = co_await body(at_.config.limits.event);
    if (!request) {
        co_await say({413, request.error().reason, request.error().detail});
        co_return;
    }
    const auto answer = expect<port::answer>(at_);
    at_.desk.plan(who_, *request, answer->taker());
    auto found = co_await answer->take();
    if (found.status == 200)
        co_await say(200, "application/json", std::move(found.json));
    else
        co_await say({found.status, found.reason, found.detail});
}

}  // namespace caravan::http

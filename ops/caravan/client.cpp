#include "ops/caravan/client.hpp"

#include <openssl/x509v3.h>

#include <optional>

#include "adapters/http/address.hpp"
#include "adapters/http/net.hpp"
#include "adapters/tls/anchors.hpp"

namespace caravan::ops {

namespace asio = http::asio;
namespace beast = http::beast;
namespace wire = http::wire;
using http::error_code;
using http::tls_stream;

namespace {

constexpr auto connect_time_max = std::chrono::seconds(5);
constexpr auto answer_time_max = std::chrono::seconds(30);

// tls:: contexts are for mutual TLS of the house; a person with a token shows no certificate.
result<void> trust(asio::ssl::context& secure, const endpoint& to) {
    error_code ec;
    secure.set_verify_mode(asio::ssl::verify_peer, ec);
    if (to.ca.empty())
        secure.set_default_verify_paths(ec);
    else if (const auto read = tls::read_certificates(to.ca); !read)
        return permanent("ca_unreadable", read.error().detail);
    else
        secure.load_verify_file(to.ca, ec);
    if (ec)
        return permanent("ca_unreadable", to.ca + " holds no certificate of an authority: " + ec.message());
    if (to.certificate.empty()) return {};
    if (const auto kept = tls::private_file(to.key); !kept)
        return kept.error().reason == "key_exposed" ? kept
                                                    : permanent("certificate_unreadable", kept.error().detail);
    secure.use_certificate_chain_file(to.certificate, ec);
    if (!ec) secure.use_private_key_file(to.key, asio::ssl::context::pem, ec);
    if (ec)
        return permanent("certificate_unreadable", to.certificate + " and " + to.key + ": " + ec.message());
    return {};
}

std::string role_of(SSL* connection) {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(connection), X509_free);
    char text[64] = "";
    if (shown)
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_organizationalUnitName, text,
                                  sizeof text);
    return text;
}

}  // namespace

struct client::body {
    explicit body(endpoint where) : to(std::move(where)) {}

    // Runs what `start` begins until it has called back, or the time is up.
    template <class Start>
    error_code within(std::chrono::milliseconds time_max, Start start) {
        std::optional<error_code> outcome;
        start([&outcome](error_code ec, auto&&...) { outcome = ec; });
        io.restart();
        const auto until = std::chrono::steady_clock::now() + time_max;
        while (!outcome && (time_max.count() == 0 || std::chrono::steady_clock::now() < until))
            time_max.count() == 0 ? io.run_one() : io.run_one_until(until);
        if (outcome) return *outcome;
        beast::get_lowest_layer(*stream).close();
        while (!outcome) io.run_one();
        return beast::error::timeout;
    }

    wire::request<wire::string_body> blank(wire::verb method, const std::string& path) const {
        wire::request<wire::string_body> request{method, path, 11};
        request.set(wire::field::host, http::to_text(at));
        request.set(wire::field::user_agent, "caravan");
        if (!to.token.empty()) request.set(wire::field::authorization, "Bearer " + to.token);
        return request;
    }
    result<void> connect();
    result<void> send(const wire::request<wire::string_body>&);
    result<response> exchange(wire::verb, const std::string& path, const std::string& type,
                              const std::string& body);
    result<response> read(std::chrono::milliseconds silence_max,
                          const std::function<bool(std::string_view)>* each);
    tl::unexpected<failure> unreachable(const std::string& why) {
        stream.reset();
        return transient("unreachable", to.url + ": " + why);
    }

    endpoint to;
    http::address at;
    asio::io_context io{1};
    asio::ssl::context secure{asio::ssl::context::tls_client};
    std::optional<tls_stream> stream;
    beast::flat_buffer buffer;
};

result<client> client::make(endpoint to) {
    auto made = std::make_unique<body>(std::move(to));
    auto rest = made->to.url;
    if (!rest.starts_with("https://"))
        return permanent("bad_url", "\"" + rest + "\" is no URL of a controller: https://HOST:PORT");
    rest = rest.substr(8, rest.find('/', 8) - 8);
    if (rest.find(':', rest.find(']') == std::string::npos ? 0 : rest.find(']')) == std::string::npos)
        rest += ":443";
    auto at = http::parse_address(rest);
    if (!at) return permanent("bad_url", at.error().detail);
    made->at = std::move(*at);
    if (auto trusted = trust(made->secure, made->to); !trusted) return tl::unexpected(trusted.error());
    return client(std::move(made));
}

client::client(std::unique_ptr<body> made) : body_(std::move(made)) {}
client::client(client&&) noexcept = default;
client::~client() = default;
const std::string& client::url() const { return body_->to.url; }

result<void> client::body::connect() {
    if (stream) return {};
    http::tcp::resolver resolver(io);
    error_code ec;
    const auto found = resolver.resolve(at.host, std::to_string(at.port), ec);
    if (ec) return unreachable(ec.message());
    stream.emplace(io, secure);
    buffer.clear();
    if (to.ca.empty()) stream->set_verify_callback(asio::ssl::host_name_verification(at.host), ec);
    SSL_set_tlsext_host_name(stream->native_handle(), at.host.c_str());
    ec = within(connect_time_max, [&](auto done) {
        beast::get_lowest_layer(*stream).async_connect(found, std::move(done));
    });
    if (ec) return unreachable(ec.message());
    ec = within(connect_time_max, [&](auto done) {
        stream->async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
    if (ec) {
        const auto verdict = SSL_get_verify_result(stream->native_handle());
        if (verdict == X509_V_OK) return unreachable("TLS: " + ec.message());
        stream.reset();
        return permanent("server_untrusted", to.url + ": " + X509_verify_cert_error_string(verdict));
    }
    if (const auto role = role_of(stream->native_handle()); !to.ca.empty() && role != "controller") {
        stream.reset();
        return permanent("server_untrusted", to.url + " is a \"" + role + "\", not a controller");
    }
    return {};
}

result<void> client::body::send(const wire::request<wire::string_body>& request) {
    // A connection that was idle may have been closed meanwhile: noticed here or at the first byte read.
    if (auto there = connect(); !there) return there;
    const auto ec = within(answer_time_max, [&](auto done) {
        wire::async_write(*stream, request, std::move(done));
    });
    if (ec) return unreachable(ec.message());
    return {};
}

result<response> client::body::read(std::chrono::milliseconds silence_max,
                                    const std::function<bool(std::string_view)>* each) {
    wire::response_parser<wire::string_body> parser;
    parser.body_limit(UINT64_MAX);  // lines are taken as they come (Boost 1.74 takes none for 0)
    auto ec = within(answer_time_max, [&](auto done) {
        wire::async_read_header(*stream, buffer, parser, std::move(done));
    });
    if (ec) return unreachable(ec == wire::error::end_of_stream ? "closed" : ec.message());
    const int status = parser.get().result_int();
    auto& text = parser.get().body();
    bool wanted = true;
    while (!parser.is_done() && wanted) {
        ec = within(each && status == 200 ? silence_max : answer_time_max, [&](auto done) {
            wire::async_read_some(*stream, buffer, parser, std::move(done));
        });
        if (ec) return unreachable(ec == beast::error::timeout ? "silent for too long" : ec.message());
        if (!each || status != 200) continue;
        std::size_t from = 0;
        for (auto end = text.find('\n'); wanted && end != std::string::npos; end = text.find('\n', from)) {
            wanted = (*each)(std::string_view(text).substr(from, end - from));
            from = end + 1;
        }
        text.erase(0, from);
    }
    const bool again = parser.is_done() && parser.keep_alive();
    response out{status, std::move(text)};
    if (!again) stream.reset();
    return out;
}

result<response> client::body::exchange(wire::verb method, const std::string& path,
                                        const std::string& type, const std::string& text) {
    auto request = blank(method, path);
    if (!type.empty()) request.set(wire::field::content_type, type);
    request.body() = text;
    request.prepare_payload();
    const bool reused = stream.has_value();
    auto sent = send(request);
    auto answer = sent ? read(answer_time_max, nullptr) : tl::unexpected(sent.error());
    // Events carry their id, so that sending one again is safe: it is a duplicate then.
    if (answer || !reused || answer.error().kind != certainty::transient) return answer;
    sent = send(request);
    return sent ? read(answer_time_max, nullptr) : tl::unexpected(sent.error());
}

result<response> client::get(const std::string& path) {
    return body_->exchange(wire::verb::get, path, "", "");
}

result<response> client::post(const std::string& path, const std::string& type, const std::string& text) {
    return body_->exchange(wire::verb::post, path, type, text);
}

result<response> client::lines(const std::string& path, std::chrono::milliseconds silence_max,
                               const std::function<bool(std::string_view)>& each) {
    body_->stream.reset();
    const auto request = body_->blank(wire::verb::get, path);
    if (auto sent = body_->send(request); !sent) return tl::unexpected(sent.error());
    return body_->read(silence_max, &each);
}

}  // namespace caravan::ops

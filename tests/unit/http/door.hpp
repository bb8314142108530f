// A gateway over a fake desk, and ways to knock at it: whole requests, raw bytes, WebSockets.
#pragma once

#include <catch2/catch.hpp>

#include "adapters/http/net.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "adapters/http/gateway.hpp"
#include "tests/unit/http/fake_desk.hpp"
#include "tests/unit/http/folder.hpp"

namespace caravan::test {

namespace asio = http::asio;
namespace beast = http::beast;
namespace wire = http::wire;
using http::error_code;

inline std::string token_of(const std::string& role) {
    return std::string(31, 'a') + (role == "viewer" ? "1" : role == "auditor" ? "2" : role == "scheduler" ? "3" : "4");
}

struct door {
    explicit door(http::gateway_limits limits = {}) {
        http::gateway_config config;
        config.cloud = cloud_name("thales");
        config.listen = {"127.0.0.1:0", "127.0.0.1:0"};
        config.tls = clouds().material("thales", "controller");
        config.limits = limits;
        using enum port::role;
        for (const auto& [as, name] : {std::pair{viewer, "viewer"}, {auditor, "auditor"},
                                       {scheduler, "scheduler"}, {operator_, "operator"}})
            config.tokens.push_back({token_of(name), as, std::string("test-") + name});
        auto made = http::gateway::open(desk, std::move(config));
        REQUIRE(made);
        gateway = std::move(*made);
    }
    fake_desk desk;
    std::unique_ptr<http::gateway> gateway;
};

// A connection, with or without a certificate.
struct knock {
    explicit knock(door& at, const tls::material* own = nullptr, std::size_t which = 0)
        : stream(io, secure) {
        secure.load_verify_file(clouds().material("thales", "controller").ca);
        if (own) {
            SSL_use_certificate_chain_file(stream.native_handle(), own->certificate.c_str());
            SSL_use_PrivateKey_file(stream.native_handle(), own->key.c_str(), SSL_FILETYPE_PEM);
        }
        auto& socket = beast::get_lowest_layer(stream).socket();
        socket.connect({asio::ip::make_address("127.0.0.1"), at.gateway->ports()[which]});
        stream.handshake(asio::ssl::stream_base::client);
    }
    wire::response<wire::string_body> ask(const wire::request<wire::string_body>& request) {
        // What is refused by its announced length is answered before all of it is written.
        boost::system::error_code cut_short;
        wire::write(stream, request, cut_short);
        return hear();
    }
    wire::response<wire::string_body> hear() {
        wire::response_parser<wire::string_body> parser;
        parser.body_limit(64u << 20);
        wire::read(stream, buffer, parser);
        return parser.release();
    }
    asio::io_context io;
    asio::ssl::context secure{asio::ssl::context::tls_client};
    http::tls_stream stream;
    beast::flat_buffer buffer;
};

inline wire::request<wire::string_body> request(wire::verb method, const std::string& path,
                                                const std::string& role, const std::string& type = "",
                                                const std::string& body = "") {
    wire::request<wire::string_body> made{method, path, 11};
    made.set(wire::field::host, "127.0.0.1");
    if (!role.empty()) made.set(wire::field::authorization, "Bearer " + token_of(role));
    if (!type.empty()) made.set(wire::field::content_type, type);
    made.body() = body;
    made.prepare_payload();
    return made;
}

inline std::string member(const std::string& json, const std::string& key) {
    const auto parsed = json_document::parse(json, json.size());
    REQUIRE(parsed);
    const auto found = parsed->root().at(key);
    if (!found) return {};
    return found->as_text() ? std::string(*found->as_text()) : found->dump();
}

inline std::string event(const std::string& id, const std::string& subject = "sge-1") {
    return "{\"specversion\":\"1.0\",\"type\":\"caravan.vm.migrate\",\"source\":\"/schedulers/sge\",\"id\":\"" +
           id + "\",\"subject\":\"" + subject + "\",\"data\":{\"to\":\"umea\"}}";
}

template <class Condition>
bool eventually(Condition holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace caravan::test

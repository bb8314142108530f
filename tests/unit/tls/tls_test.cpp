#include "adapters/tls/tls.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "tests/unit/tls/pki.hpp"

using namespace caravan;

namespace {

struct met {
    result<tls::identity> server_saw = permanent("none"), client_saw = permanent("none");
};

// A handshake over a socket pair, and one byte each way: in TLS 1.3 a client learns only by reading
// that it was refused.
met meet(SSL_CTX* server, SSL_CTX* client) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    met seen;
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to closed sockets
    const auto run = [](tls::connection line, int end, result<tls::identity>& saw) {
        char byte = '!';
        const bool first = SSL_is_server(line.get());
        const bool good =
            SSL_do_handshake(line.get()) == 1 && (!first || SSL_write(line.get(), &byte, 1) == 1) &&
            SSL_read(line.get(), &byte, 1) == 1 && (first || SSL_write(line.get(), &byte, 1) == 1);
        saw = good ? tls::peer_identity(line.get())
                   : tl::unexpected(tls::handshake_failure(line.get()));
        ::close(end);
    };
    std::thread other([&] { run(tls::connect_on(client, ends[1]), ends[1], seen.client_saw); });
    run(tls::accept_on(server, ends[0]), ends[0], seen.server_saw);
    other.join();
    return seen;
}

}  // namespace

TEST_CASE("tls: both ends learn cloud, role and name") {
    test::pki keys;
    const auto server = tls::server_context(keys.issue("umea", "proxy", "p1"));
    const auto client = tls::client_context(keys.issue("umea", "agent", "h1"));
    REQUIRE(server);
    REQUIRE(client);
    const met seen = meet(server->get(), client->get());
    REQUIRE(seen.server_saw == tls::identity{cloud_name{"umea"}, "agent", "h1"});
    REQUIRE(seen.client_saw == tls::identity{cloud_name{"umea"}, "proxy", "p1"});
}

TEST_CASE("tls: another cloud's CA is refused by name, by either end") {
    test::pki keys;
    const auto server = tls::server_context(keys.issue("umea", "proxy", "p1"));
    const auto client = tls::client_context(keys.issue("thales", "agent", "h1"),
                                            {{cloud_name{"umea"}, keys.ca("umea")}});
    const met seen = meet(server->get(), client->get());
    REQUIRE_FALSE(seen.server_saw);
    CHECK(seen.server_saw.error().reason == "certificate_untrusted");
    CHECK(seen.server_saw.error().detail.find("another CA") != std::string::npos);
    REQUIRE_FALSE(seen.client_saw);
    CHECK(seen.client_saw.error().reason == "certificate_untrusted");
}

TEST_CASE("tls: a pinned cloud cannot speak for another") {
    test::pki keys;
    const tls::pins peers{{cloud_name{"thales"}, keys.ca("thales")},
                          {cloud_name{"oslo"}, keys.ca("oslo")}};
    const auto server = tls::server_context(keys.issue("umea", "proxy", "p1"), peers);
    const tls::pins umea{{cloud_name{"umea"}, keys.ca("umea")}};
    const auto honest = tls::client_context(keys.issue("thales", "proxy", "p1"), umea);
    const auto forged = tls::client_context(keys.forge("oslo", "thales", "proxy", "p1"), umea);
    REQUIRE(meet(server->get(), honest->get()).server_saw);
    const auto seen = meet(server->get(), forged->get()).server_saw;
    REQUIRE_FALSE(seen);
    CHECK(seen.error().reason == "certificate_untrusted");
}

TEST_CASE("tls: a client without a certificate passes only where it is optional") {
    test::pki keys;
    const auto mine = keys.issue("umea", "controller", "c1");
    const tls::context bare(SSL_CTX_new(TLS_client_method()));
    const auto strict = tls::server_context(mine);
    const auto open = tls::server_context(mine, tls::client_certificate::optional);
    CHECK(meet(strict->get(), bare.get()).server_saw.error().reason == "no_certificate");
    CHECK(meet(open->get(), bare.get()).server_saw.error().reason == "no_certificate");
    CHECK(meet(open->get(), bare.get()).server_saw.error().detail ==
          "the peer showed no certificate");
}

TEST_CASE("tls: files that will not do are refused with what to do") {
    test::pki keys;
    auto mine = keys.issue("umea", "agent", "h1");
    ::chmod(mine.key.c_str(), 0640);
    const auto exposed = tls::server_context(mine);
    REQUIRE_FALSE(exposed);
    CHECK(exposed.error().reason == "key_exposed");
    CHECK(exposed.error().detail ==
          "key file " + mine.key + " is readable by others: chmod 600 " + mine.key);
    ::chmod(mine.key.c_str(), 0600);
    REQUIRE(tls::server_context(mine));

    const auto old = tls::client_context(keys.issue("umea", "agent", "h1", -60));
    CHECK(old.error().reason == "certificate_expired");
    const auto foreign = tls::client_context({keys.ca("oslo"), mine.certificate, mine.key});
    CHECK(foreign.error().reason == "certificate_untrusted");
    const auto mixed =
        tls::client_context({mine.ca, mine.certificate, keys.issue("umea", "agent", "h2").key});
    CHECK(mixed.error().reason == "bad_certificate");
    CHECK(tls::client_context({mine.ca, mine.certificate, "/nowhere"}).error().reason ==
          "no_such_file");
    CHECK(tls::client_context({mine.ca, "/nowhere", mine.key}).error().reason == "no_such_file");
}

TEST_CASE("tls: a key log has every connection's secrets, and nobody else may read it") {
    test::pki keys;
    auto from = keys.issue("umea", "proxy", "p1");
    from.key_log = from.key + ".log";
    const auto server = tls::server_context(from);
    const auto client = tls::client_context(keys.issue("umea", "agent", "h1"));
    REQUIRE(server);
    for (const std::size_t connections : {1u, 2u}) {
        REQUIRE(meet(server->get(), client->get()).server_saw);
        std::ifstream log(from.key_log);
        std::set<std::string> randoms, labels;
        for (std::string label, random, secret; log >> label >> random >> secret;) {
            labels.insert(label);
            randoms.insert(random);
            CHECK(random.size() == 64);
        }
        CHECK(randoms.size() == connections);
        CHECK(labels.contains("CLIENT_TRAFFIC_SECRET_0"));
        CHECK(labels.contains("SERVER_TRAFFIC_SECRET_0"));
    }
    CHECK(tls::private_file(from.key_log));
    ::chmod(from.key_log.c_str(), 0644);
    CHECK(tls::server_context(from).error().reason == "key_exposed");
    from.key_log = "/nowhere/keys";
    CHECK(tls::server_context(from).error().reason == "no_such_file");
}

#include <catch2/catch.hpp>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fstream>

#include "ops/caravan/config.hpp"
#include "tests/unit/http/folder.hpp"

using namespace caravan;
using namespace caravan::test;

namespace {

struct site : folder {
    site() {
        REQUIRE(ops::pki_init(cloud_name("thales"), path.string()));
        REQUIRE(ops::pki_issue(path.string(), {.role = "controller", .name = "c", .addresses = {}}));
        write("tokens.yaml", "- {token: 0123456789abcdef0123456789abcdef, role: operator, name: lab}\n", 0600);
    }
    std::string write(const std::string& name, const std::string& text, unsigned mode = 0644) {
        std::ofstream(path / name) << text;
        std::filesystem::permissions(path / name, std::filesystem::perms(mode));
        return *this / name;
    }
    std::string text(const std::string& name) const {
        std::ifstream from(path / name);
        return {std::istreambuf_iterator<char>(from), {}};
    }
    // Signs the certificate anew, with an end that is past.
    void expire(const std::string& name) const {
        const auto read = [&](const std::string& file) { return BIO_new_file((path / file).c_str(), "r"); };
        auto* from = read(name);
        auto* key_from = read("ca.key");
        auto* certificate = PEM_read_bio_X509(from, nullptr, nullptr, nullptr);
        auto* ca = PEM_read_bio_PrivateKey(key_from, nullptr, nullptr, nullptr);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
        X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
        X509_sign(certificate, ca, EVP_sha256());
        auto* to = BIO_new_file((path / name).c_str(), "w");
        PEM_write_bio_X509(to, certificate);
        for (auto* bio : {from, key_from, to}) BIO_free(bio);
        X509_free(certificate);
        EVP_PKEY_free(ca);
    }
    const std::string tls = "tls: {ca: ca.pem, certificate: c.pem, key: c.key}\n";
    const std::string controller = "cloud: thales\ndata: data\ncontrol: 127.0.0.1:7001\n" + tls +
                                   "signing_key: signing.key\nfeeds: {directory: .}\n";
};

std::string mistakes(const result<ops::controller_config>& read) {
    REQUIRE_FALSE(read);
    return read.error().detail;
}

}  // namespace

TEST_CASE("a controller's file becomes a struct, with paths beside the file and defaults") {
    site at;
    const auto read = ops::load_controller(at.write("c.yaml", at.controller +
        "tokens: tokens.yaml\npeers:\n  - {cloud: umea, ca: ca.pem, signing: signing.pub, "
        "proxy: \"1.2.3.4:5\", van: \"1.2.3.4:6\"}\n"));
    REQUIRE(read);
    CHECK(read->cloud.text == "thales");
    CHECK(read->data == at / "data");
    CHECK(read->listen == std::vector<std::string>{"127.0.0.1:8443"});
    CHECK(read->tls.key == at / "c.key");
    REQUIRE(read->peers.size() == 1);
    CHECK(read->peers[0].signing == at / "signing.pub");
    REQUIRE(read->tokens.size() == 1);
    CHECK(read->tokens[0].as == port::role::operator_);
    const auto many = ops::load_controller(at.write("d.yaml", at.controller + "listen: [\"127.0.0.1:1\", \"[::1]:2\"]\n"));
    REQUIRE(many);
    CHECK(many->listen.size() == 2);
}

TEST_CASE("agents and proxies have theirs") {
    site at;
    const auto agent = ops::load_agent(at.write("a.yaml", "cloud: thales\nname: h1\ncontroller: 1.1.1.1:1\n"
        "listen: 1.1.1.1:2\n" + at.tls + "hypervisor: simulated\nsimulated: {folder: host, rate: 20MB/s}\n"
        "vxlan: {address: 10.1.0.11, proxy: 10.1.0.1}\n"));
    REQUIRE(agent);
    CHECK(agent->hypervisor == ops::hypervisor_kind::simulated);
    CHECK(agent->simulated.folder == at / "host");
    CHECK(agent->simulated.rate == 20'000'000);
    CHECK(agent->libvirt.uri == "qemu:///system");
    const auto nowhere = ops::load_agent(at.write("b.yaml", "cloud: thales\nname: h1\ncontroller: 1.1.1.1:1\n"
        "listen: 1.1.1.1:2\n" + at.tls + "hypervisor: simulated\nsimulated: {rate: fast}\n"));
    REQUIRE_FALSE(nowhere);
    CHECK_THAT(nowhere.error().detail, Catch::Contains("b.yaml:") && Catch::Contains("20MiB/s"));
    const auto agent_with = [&](const std::string& rest) {
        const auto read = ops::load_agent(at.write("c.yaml", "cloud: thales\nname: h1\ncontroller: 1.1.1.1:1\n"
                                                             "listen: 1.1.1.1:2\n" + at.tls + rest));
        return read ? std::string() : read.error().detail;
    };
    CHECK_THAT(agent_with("hypervisor: simulated\n"),
               Catch::Contains("c.yaml:6:13: hypervisor simulated needs the key \"simulated.folder\""));
    CHECK_THAT(agent_with("simulated: {rate: 0MB/s}\n"),
               Catch::Contains("c.yaml:6:19: simulated.rate: \"0MB/s\" is nothing"));
    CHECK_THAT(agent_with(""),
               Catch::Contains("c.yaml:1:1: hypervisor libvirt needs the key \"vxlan.address\""));
    CHECK_THAT(agent_with("vxlan: {address: h1, proxy: 10.1.0.1}\n"),
               Catch::Contains("c.yaml:6:18: vxlan.address: \"h1\" is not an IP address"));
    CHECK(agent->vxlan.proxy == "10.1.0.1");
    const auto proxy = ops::load_proxy(at.write("p.yaml", "cloud: thales\nname: p1\ncontroller: 1.1.1.1:1\n"
        "listen: {site: 1.1.1.1:2, wan: 1.1.1.1:3, van: 1.1.1.1:4, vxlan: 1.1.1.1:5}\n" + at.tls +
        "signing: signing.pub\nstall: 500ms\nwan: {key_log: wan.log}\npeers: [{cloud: umea, ca: ca.pem}]\n"));
    REQUIRE(proxy);
    CHECK(proxy->wan.key_log == at / "wan.log");
    CHECK(proxy->tls.key_log.empty());
    CHECK(proxy->stall == std::chrono::milliseconds(500));
    CHECK(proxy->peers.at(cloud_name("umea")) == at / "ca.pem");
}

TEST_CASE("every mistake is told at its place") {
    site at;
    const struct { std::string text, says; } table[] = {
        {at.controller + "lisen: 127.0.0.1:1\n", ":7:1: unknown key \"lisen\": did you mean \"listen\"?"},
        {at.controller + "listen: 127.0.0.1\n", ":7:9: listen: \"127.0.0.1\" is not host:port"},
        {at.controller + "listen: 127.0.0.1:70000\n", ":7:9: listen: \"127.0.0.1:70000\" is not host:port"},
        {at.controller + "listen: 127.0.0.1:0\n", ":7:9: listen: \"127.0.0.1:0\" names no port"},
        {at.controller + "listen: localhost:8443\n", ":7:9: listen: \"localhost\" is not an IP address"},
        {at.controller + "peers: [{ca: signing.pub}]\n", ":7:14: ca: no certificate in"},
        {at.controller + "listen: []\n", ":7:9: listen is an empty list"},
        {at.controller + "cloud: twice\n", ":7:1: cloud stands here twice"},
        {at.controller + "tokens: none.yaml\n", ":7:9: tokens: there is no readable file"},
        {at.controller + "tokens: ca.pem\n", ":7:9: tokens: key file"},
        {at.controller + "peers: 7\n", ":7:8: peers is a list"},
        {at.controller + "peers: [{cloud: umea}]\n", ":7:9: missing key \"proxy\""},
        {at.controller + "peers: [{cloud: UMEA}]\n", ":7:17: cloud: \"UMEA\" is no name"},
        {"feeds: {directory: nowhere}\n", ":1:20: feeds.directory: there is no folder"},
        {"cloud: thales\ntls: 7\n", ":2:6: tls is a map of keys"},
        {"tls: {ca: ca.pem}\n", ":1:6: missing key \"tls.key\""},
        {"", ":1:1: a map of keys is expected"},
        {"- 1\n", ":1:1: a map of keys is expected"},
        {"a: [\n", ":2:1: "},
        {"a: \"\\q\"\n", ":1:"},
    };
    for (const auto& row : table) {
        const auto told = mistakes(ops::load_controller(at.write("x.yaml", row.text)));
        INFO(told);
        CHECK(told.find(at / "x.yaml" + row.says) != std::string::npos);
    }
    const auto both = mistakes(ops::load_controller(at.write("x.yaml", at.controller + "lisen: 1\npers: 2\n")));
    CHECK(both.find("\"listen\"") != std::string::npos);
    CHECK(both.find("\"peers\"") != std::string::npos);
    CHECK(ops::load_controller("/nowhere.yaml").error().reason == "no_such_file");
    const auto stall = ops::load_proxy(at.write("p.yaml", "stall: 7\n"));
    CHECK(stall.error().detail.find(":1:8: stall: \"7\" is no duration") != std::string::npos);
    const auto none = ops::load_proxy(at.write("p.yaml", "stall: 0s\nwan: {key_log: nowhere/wan.log}\n"));
    CHECK_THAT(none.error().detail, Catch::Contains(":1:8: stall: \"0s\" is nothing"));
    CHECK_THAT(none.error().detail, Catch::Contains(":2:16: wan.key_log:"));
}

TEST_CASE("what a file names is opened by the check, and what is wrong told at its key") {
    site at;
    const auto issue = [&](const std::string& role, const std::string& name) {
        REQUIRE(ops::pki_issue(at.path.string(), {.role = role, .name = name, .addresses = {}}));
    };
    issue("agent", "h1");
    issue("proxy", "p1");
    issue("proxy", "edge");
    issue("controller", "old");
    at.expire("old.pem");
    REQUIRE(ops::pki_init(cloud_name("umea"), at / "umea"));
    REQUIRE(ops::pki_issue(at / "umea", {.role = "controller", .name = "c", .addresses = {}}));
    const auto told = [&](const std::string& text, const char* process) {
        const auto shown = ops::check_config(at.write("x.yaml", text), process);
        return shown ? "all is well" : shown.error().detail;
    };
    const auto controller = [&](const std::string& certificate, const std::string& key,
                                const std::string& rest = "") {
        return told("cloud: thales\ndata: data\ncontrol: 127.0.0.1:7001\nsigning_key: signing.key\n"
                    "feeds: {directory: .}\ntls: {ca: ca.pem, certificate: " + certificate + ", key: " + key + "}\n" +
                    rest, "controller");
    };
    CHECK(controller("c.pem", "c.key").starts_with("all is well"));
    CHECK_THAT(controller("c.pem", "h1.key"),
               Catch::Contains("x.yaml:6:") && Catch::Contains(": tls.key:") && Catch::Contains("does not go with"));
    CHECK_THAT(controller("h1.pem", "h1.key"),
               Catch::Contains(":6:32: tls.certificate:") && Catch::Contains("--role controller"));
    CHECK_THAT(controller("old.pem", "old.key"),
               Catch::Contains(":6:32: tls.certificate:") && Catch::Contains("expired") && Catch::Contains("pki issue"));
    at.write("stranger.pem", at.text("umea/c.pem"));
    CHECK_THAT(controller("stranger.pem", "c.key"),
               Catch::Contains(":6:32: tls.certificate:") && Catch::Contains("of umea"));
    CHECK_THAT(told("cloud: thales\ndata: data\ncontrol: 127.0.0.1:7001\nsigning_key: c.key\n"
                    "feeds: {directory: .}\n" + at.tls, "controller"),
               Catch::Contains(":4:14: signing_key: no Ed25519 key"));
    const auto peer = [](const std::string& cloud, const std::string& signing) {
        return "  - {signing: " + signing + ", cloud: " + cloud +
               ", ca: ca.pem, proxy: \"1.2.3.4:5\", van: \"1.2.3.4:6\"}\n";
    };
    CHECK_THAT(controller("c.pem", "c.key", "peers:\n" + peer("umea", "ca.pem")),
               Catch::Contains(":8:15: signing: no Ed25519 key"));
    CHECK_THAT(controller("c.pem", "c.key", "peers:\n" + peer("umea", "signing.pub") + peer("umea", "signing.pub")),
               Catch::Contains(":9:35: cloud: umea"));
    CHECK_THAT(controller("c.pem", "c.key", "peers:\n" + peer("thales", "signing.pub")),
               Catch::Contains("this cloud itself"));

    const auto proxy = [&](const std::string& wan, const std::string& signing) {
        return told("cloud: thales\nname: p1\ncontroller: 1.1.1.1:1\nlisten: {site: 1.1.1.1:2, wan: 1.1.1.1:3, "
                    "van: 1.1.1.1:4, vxlan: 1.1.1.1:5}\ntls: {ca: ca.pem, certificate: p1.pem, key: p1.key}\n"
                    "wan: {" + wan + "}\nsigning: " + signing + "\n", "proxy");
    };
    CHECK(proxy("certificate: edge.pem, key: edge.key", "signing.pub").starts_with("all is well"));
    CHECK_THAT(proxy("certificate: edge.pem", "signing.pub"), Catch::Contains(": wan.key:"));
    CHECK_THAT(proxy("certificate: edge.pem, key: edge.key", "ca.pem"),
               Catch::Contains(":7:10: signing: no Ed25519 key"));

    CHECK_THAT(told("cloud: thales\nname: h1\ncontroller: 1.1.1.1:1\nlisten: 1.1.1.1:2\n"
                    "tls: {ca: ca.pem, certificate: h1.pem, key: h1.key}\nvxlan: {address: 10.1.0.2, proxy: 10.1.0.1}\n"
                    "libvirt: {images: /nowhere, emulator: /none}\n", "agent"),
               Catch::Contains(":7:19: libvirt.images: there is no folder /nowhere") &&
                   Catch::Contains(":7:39: libvirt.emulator: there is no program /none"));
}

TEST_CASE("the effective configuration reads back as the same") {
    site at;
    const auto shown = ops::check_config(at.write("c.yaml", at.controller), "");
    REQUIRE(shown);
    CHECK(shown->find("c.yaml: controller") != std::string::npos);
    CHECK(shown->find("listen: 127.0.0.1:8443") != std::string::npos);
    const auto again = ops::load_controller(at.write("again.yaml", *shown));
    REQUIRE(again);
    CHECK(again->data == at / "data");
    CHECK_FALSE(ops::check_config(at / "c.yaml", "proxy"));
}

TEST_CASE("docs/configuration.md is as the tables of keys are") {
    const auto path = std::string(DOCS) + "/configuration.md";
    if (std::getenv("CARAVAN_REGENERATE")) std::ofstream(path) << ops::docs_of_configuration();
    std::ifstream from(path);
    INFO("CARAVAN_REGENERATE=1 test_cli writes it anew");
    const bool same = std::string(std::istreambuf_iterator<char>(from), {}) == ops::docs_of_configuration();
    CHECK(same);
}

TEST_CASE("tokens are secrets of some length, for known roles, in a file of one's own") {
    site at;
    const auto read = [&](const std::string& text, unsigned mode = 0600) {
        return ops::load_tokens(at.write("t.yaml", text, mode));
    };
    CHECK(read("- {token: 0123456789abcdef0123456789abcdef, role: viewer, name: a}\n"));
    CHECK(read("- {token: short, role: viewer, name: a}\n").error().detail.find("openssl rand") != std::string::npos);
    CHECK_FALSE(read("- {token: 0123456789abcdef0123456789abcdef, role: king, name: a}\n"));
    CHECK_FALSE(read("- {token: 0123456789abcdef0123456789abcdef, role: viewer}\n"));
    CHECK_FALSE(read("token: x\n"));
    CHECK(read("- {token: 0123456789abcdef0123456789abcdef, role: viewer, name: a}\n", 0644).error().reason ==
          "key_exposed");
}

TEST_CASE("an authority is made once, issues, and is not overwritten") {
    folder at;
    CHECK(ops::pki_init(cloud_name("Bad Name"), at / "x").error().reason == "bad_name");
    REQUIRE(ops::pki_init(cloud_name("thales"), at / "pki"));
    CHECK(ops::pki_init(cloud_name("thales"), at / "pki").error().reason == "already_there");
    for (const char* key : {"ca.key", "signing.key"}) CHECK(tls::private_file(at / "pki/" + key));
    const auto issue = [&](ops::certificate_request wanted) { return ops::pki_issue(at / "pki", wanted); };
    REQUIRE(issue({.role = "agent", .name = "h1", .addresses = {"10.1.0.11", "::1", "h1.example"}}));
    CHECK(issue({.role = "agent", .name = "h1", .addresses = {}}).error().reason == "already_there");
    CHECK(issue({.role = "king", .name = "h2", .addresses = {}}).error().reason == "bad_role");
    CHECK(issue({.role = "agent", .name = "../h2", .addresses = {}}).error().reason == "bad_name");
    CHECK(issue({.role = "agent", .name = "h2", .addresses = {"1.2.3"}}).error().reason == "bad_address");
    CHECK(issue({.role = "agent", .name = "h2", .addresses = {"a,IP:1.2.3.4"}}).error().reason == "bad_address");
    const auto who = tls::own_identity(at / "pki/h1.pem");
    REQUIRE(who);
    CHECK(*who == tls::identity{cloud_name("thales"), "agent", "h1"});
    CHECK(tls::private_file(at / "pki/h1.key"));
    CHECK(tls::server_context({at / "pki/ca.pem", at / "pki/h1.pem", at / "pki/h1.key"}));
    const auto shown = ops::pki_show(at / "pki/h1.pem");
    REQUIRE(shown);
    CHECK(shown->find("role:        agent") != std::string::npos);
    CHECK(shown->find("h1.example") != std::string::npos);
    CHECK(ops::pki_show(at / "pki/signing.pub")->find("ED25519") != std::string::npos);
    CHECK(ops::pki_show(at / "nothing").error().reason == "no_such_file");
}

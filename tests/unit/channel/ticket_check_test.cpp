#include "adapters/channel/ticket_check.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "events/json.hpp"
#include "tests/unit/tls/pki.hpp"

using namespace caravan;
using namespace caravan::channel;
using namespace std::chrono_literals;

namespace {

struct desk {
    test::pki keys;
    test::pki::pair files = keys.ticket_keys("umea");
    ed25519_key signing = *load_signing_key(files.signing);
    ed25519_key verifying = *load_verifying_key(files.verifying);
    instant now{std::chrono::seconds(1'800'000'000)};
    ticket what{migration_id{"01J"},
                cloud_name{"thales"},
                cloud_name{"umea"},
                vm_name{"sge-1"},
                "uuid-1",
                {"vda"},
                false,
                1000,
                now + 60s};
    signed_ticket shown = *sign_ticket(what, signing);
    leave known{shown, false, what.vm, what.vm_uuid, 0};
    stranger who{what.from, what.id, shown};

    std::string reason() {
        const auto got = check_ticket(who, known, verifying, now);
        return got ? "" : got.error().reason;
    }
    void reissue() { known.given = who.shown = shown = *sign_ticket(what, signing); }
};

}  // namespace

TEST_CASE("ticket: a good one is read") {
    desk d;
    REQUIRE(check_ticket(d.who, d.known, d.verifying, d.now) == d.what);
    REQUIRE(d.shown.body == to_json(d.what));
    REQUIRE(d.shown.signature.size() == 128);
}

TEST_CASE("ticket: each reason to refuse") {
    desk d;
    SECTION("never opened") {
        d.known.given = {};
        CHECK(d.reason() == "ticket_unknown");
    }
    SECTION("forgotten after its deadline") {
        d.known.given = {};
        d.now = d.what.deadline;
        CHECK(d.reason() == "ticket_expired");
        d.who.shown.body[10] ^= 1;
        CHECK(d.reason() == "ticket_unknown");
    }
    SECTION("another one of ours, about another VM") {
        d.what.vm = vm_name{"sge-2"};
        d.who.shown = *sign_ticket(d.what, d.signing);
        CHECK(d.reason() == "wrong_vm");
    }
    SECTION("another one of ours") {
        d.what.budget = 2000;
        d.who.shown = *sign_ticket(d.what, d.signing);
        CHECK(d.reason() == "ticket_unknown");
    }
    SECTION("shown under another id") {
        d.who.id = migration_id{"02J"};
        CHECK(d.reason() == "ticket_unknown");
    }
    SECTION("a changed byte") {
        d.who.shown.body[10] ^= 1;
        CHECK(d.reason() == "ticket_forged");
    }
    SECTION("no signature") {
        d.who.shown.signature.clear();
        CHECK(d.reason() == "ticket_forged");
    }
    SECTION("another key") {
        const auto other = d.keys.ticket_keys("oslo");
        d.known.given = d.who.shown = *sign_ticket(d.what, *load_signing_key(other.signing));
        CHECK(d.reason() == "ticket_forged");
    }
    SECTION("closed") {
        d.known.revoked = true;
        CHECK(d.reason() == "ticket_revoked");
    }
    SECTION("another cloud shows it") {
        d.who.cloud = cloud_name{"oslo"};
        CHECK(d.reason() == "wrong_peer");
    }
    SECTION("another VM") {
        d.known.vm = vm_name{"sge-2"};
        CHECK(d.reason() == "wrong_vm");
    }
    SECTION("another UUID") {
        d.known.vm_uuid = "uuid-2";
        CHECK(d.reason() == "wrong_vm");
    }
    SECTION("at its deadline") {
        d.now = d.what.deadline;
        CHECK(d.reason() == "ticket_expired");
    }
    SECTION("just before") {
        d.now = d.what.deadline - 1us;
        CHECK(d.reason().empty());
    }
    SECTION("spent") {
        d.known.spent = 1000;
        CHECK(d.reason() == "over_budget");
    }
    SECTION("one byte left") {
        d.known.spent = 999;
        CHECK(d.reason().empty());
    }
    SECTION("no budget") {
        d.what.budget = 0;
        d.reissue();
        CHECK(d.reason() == "over_budget");
    }
}

TEST_CASE("ticket: keys are 0600, and Ed25519") {
    desk d;
    ::chmod(d.files.signing.c_str(), 0644);
    CHECK(load_signing_key(d.files.signing).error().reason == "key_exposed");
    CHECK(load_verifying_key("/nowhere").error().reason == "no_such_file");
    CHECK(load_signing_key(d.keys.issue("umea", "proxy", "p").key).error().reason == "bad_key");
    CHECK(load_verifying_key(d.keys.ca("umea")).error().reason == "bad_key");
}

// Migrations that two real libvirtds (9.0, QEMU 7.2) made through two of these gates, replayed.
#include <catch2/catch.hpp>
#include <random>

#include "adapters/channel/gate/cookie.hpp"
#include "adapters/channel/gate/rules.hpp"
#include "tests/unit/gate/scene.hpp"

using namespace scene;

namespace {

outcome replay(const std::string& name, const std::function<std::size_t(std::size_t)>& chunk = {}) {
    const bool disk = name == "disk";
    return through_both(recorded(name), policy_at(place::source, disk),
                        policy_at(place::destination, disk), chunk);
}
std::string joined(const talk& t) {
    std::string out;
    for (const said& s : t) out += (s.way == direction::call ? ">" : "<") + s.frame;
    return out;
}
template <class M>
M message_in(const talk& t, std::int32_t procedure, direction way) {
    for (const said& s : t) {
        if (s.way == way && head_of(s.frame).procedure == procedure) {
            return std::get<M>(decode(M{}, body_of(s.frame)));
        }
    }
    throw std::runtime_error("not in the talk");
}
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}
std::int64_t number_in(const std::string& xml, const std::string& element) {
    return std::stoll(xml.substr(xml.find("<" + element + ">") + element.size() + 2));
}

}  // namespace

TEST_CASE("real migrations pass, whole, and nothing inside crosses") {
    const auto* name = GENERATE("inc", "disk", "abort", "refused");
    CAPTURE(name);
    const auto raw = recorded(name);
    const auto run = replay(name);
    CHECK_FALSE(run.at_source);
    CHECK_FALSE(run.at_destination);
    CHECK(run.wire.size() == raw.size());
    CHECK(run.out.size() == raw.size());
    CHECK(run.answers.empty());
    for (const auto& inside : insides) {
        INFO(inside);
        CHECK_FALSE(has(joined(run.wire), inside));
    }
    CHECK(has(joined(raw), insides[0]));  // what was searched for was there before the gates
    const bool finished = std::string(name) == "inc" || std::string(name) == "disk";
    CHECK(run.destination_ready == finished);
}

TEST_CASE("what crosses is, to the byte, what it was when this test was written") {
    const auto* name = GENERATE("inc", "abort");
    CAPTURE(name);
    CHECK(joined(replay(name).wire) == bytes_of(std::string(name) + ".wire"));
}

TEST_CASE("chunking changes nothing") {
    const auto whole = replay("abort");
    std::mt19937 random(GENERATE(range(1u, 40u)));
    const auto run = replay("abort", [&](std::size_t left) {
        return 1 + random() % std::min<std::size_t>(left, random() % 4 == 0 ? 4096 : 33);
    });
    CHECK(joined(run.wire) == joined(whole.wire));
    CHECK(joined(run.out) == joined(whole.out));
    CHECK(run.inside == whole.inside);
}

TEST_CASE("sockets are neutral between the clouds and own within them") {
    const auto run = replay("inc");
    const auto crossing = message_in<prepare_call>(run.wire, 303, direction::call);
    const auto arrived = message_in<prepare_call>(run.out, 303, direction::call);
    const auto value = [](const prepare_call& m, std::string_view field) {
        for (const auto& p : m.params) {
            if (p.field == field) return p.text;
        }
        return std::string("missing");
    };
    CHECK(value(crossing, "migrate_uri") == "unix:///caravan/01jd7caravan0000000000gate1-mem.sock");
    CHECK(value(crossing, "disks_uri") == "unix:///caravan/01jd7caravan0000000000gate1-nbd.sock");
    CHECK(value(arrived, "migrate_uri") == policy_at(place::destination).own_mem_uri);
    CHECK(value(arrived, "disks_uri") == policy_at(place::destination).own_nbd_uri);
    CHECK(has(value(crossing, "destination_xml"), "<emulator>/caravan/emulator<"));
    CHECK(value(arrived, "destination_xml") == policy_at(place::destination).own_live_xml);
    const auto finish = message_in<finish_call>(run.out, 306, direction::call).cookie.bytes;
    CHECK(has(finish, "secret-b"));
    CHECK_FALSE(has(finish, "/caravan/"));
}

TEST_CASE("without own XML at the destination the judged neutral one passes") {
    auto destination = policy_at(place::destination);
    destination.own_live_xml.clear(), destination.own_persistent_xml.clear();
    const auto run = through_both(recorded("inc"), policy_at(place::source), destination);
    CHECK_FALSE(run.at_destination);
    const auto finish = message_in<finish_call>(run.out, 306, direction::call).cookie.bytes;
    CHECK(has(finish, "<source file=\"/caravan/disk/vda\"/>"));
}

TEST_CASE("cookies name no host: constants on the wire and at both ends") {
    const auto run = replay("inc");
    for (const auto* t : {&run.wire, &run.out}) {
        for (const auto& cookie :
             {message_in<prepare_call>(*t, 303, direction::call).cookie.bytes,
              message_in<prepare_reply>(*t, 303, direction::reply).cookie.bytes,
              message_in<finish_call>(*t, 306, direction::call).cookie.bytes,
              message_in<finish_reply>(*t, 306, direction::reply).cookie.bytes}) {
            CHECK(has(cookie, "<hostname>-</hostname>"));
            CHECK(has(cookie, "<hostuuid>00000000-0000-0000-0000-000000000000</hostuuid>"));
            CHECK(cookie.back() == '\0');
        }
    }
}

TEST_CASE("times cross relative to the gates' own opening, and durations survive") {
    const auto run = replay("inc");
    const auto finish = [](const talk& t) {
        return message_in<finish_call>(t, 306, direction::call).cookie.bytes;
    };
    const auto raw = finish(recorded("inc")), wire = finish(run.wire), out = finish(run.out);
    const auto opened_a = policy_at(place::source).opened_ms;
    const auto opened_b = policy_at(place::destination).opened_ms;
    for (const auto* moment : {"started", "stopped", "sent"}) {
        CHECK(number_in(wire, moment) == number_in(raw, moment) - opened_a + neutral_opened_ms);
        CHECK(number_in(out, moment) == number_in(raw, moment) - opened_a + opened_b);
    }
    CHECK(number_in(out, "downtime") == number_in(raw, "downtime"));
    const auto back = [](const talk& t) {
        return message_in<finish_reply>(t, 306, direction::reply).cookie.bytes;
    };
    CHECK(number_in(back(run.out), "sent") ==
          number_in(back(recorded("inc")), "sent") - opened_b + opened_a);
}

TEST_CASE("graphics of the destination is dropped") {
    auto heard = recorded("inc");
    for (said& s : heard) {
        if (s.way != direction::reply || head_of(s.frame).procedure != 303) continue;
        s.frame = edit<prepare_reply>(s.frame, [](prepare_reply& m) {
            replace(m.cookie.bytes, "</hostuuid>",
                    "</hostuuid><graphics type='spice' port='5900' listen='10.2.0.11'>"
                    "<cert info='subject' value='CN=b1'/></graphics>");
        });
    }
    const auto run = through_both(heard, policy_at(place::source), policy_at(place::destination));
    CHECK_FALSE(run.at_destination);
    CHECK(run.destination_ready);
    CHECK_FALSE(has(joined(run.wire), "graphics"));
}

TEST_CASE("the source's limit of speed is nobody else's business") {
    auto heard = recorded("inc");
    for (said& s : heard) {
        if (s.way != direction::call || head_of(s.frame).procedure != 303) continue;
        s.frame = edit<prepare_call>(s.frame, [](prepare_call& m) {
            m.params.push_back({"bandwidth", typed_param::number_kind, 20, ""});
        });
    }
    const auto run = through_both(heard, policy_at(place::source), policy_at(place::destination));
    CHECK_FALSE(run.at_source);
    CHECK_FALSE(has(joined(run.wire), "bandwidth"));
}

TEST_CASE("an abort's code 93 passes, an error's text stays inside") {
    const auto aborted = replay("abort");
    const auto told = message_in<error_reply>(aborted.out, 306, direction::reply);
    CHECK(told.code == 93);
    CHECK(has(aborted.inside, "migration successfully aborted"));

    auto heard = recorded("refused");
    for (said& s : heard) {
        if (head_of(s.frame).outcome == 0) continue;
        s.frame = edit<error_reply>(s.frame, [](error_reply& e) {
            e.message = "cannot open /var/lib/libvirt/images/secret-b/vm1.qcow2 as 64055:64055";
            e.text2 = e.message, e.text3 = "b1.inside.cloud-b.example", e.number1 = 13;
            e.vm = domain_name{"other", {}, 7}, e.network = network_name{"br-guest", {}};
        });
    }
    const auto run = through_both(heard, policy_at(place::source), policy_at(place::destination));
    CHECK_FALSE(run.at_destination);
    const auto said_to_a = message_in<error_reply>(run.out, 303, direction::reply);
    CHECK(said_to_a.code == 84);
    CHECK(said_to_a.level == 2);
    CHECK(said_to_a.message == "the other cloud's hypervisor answered with error 84/10");
    CHECK_FALSE((said_to_a.text1 || said_to_a.text2 || said_to_a.text3 || said_to_a.vm ||
                 said_to_a.network));
    CHECK(said_to_a.number1 == -1);
    CHECK(has(run.inside, "secret-b"));
    CHECK(has(run.inside, "b1.inside.cloud-b.example"));
    CHECK_FALSE(run.destination_ready);
}

TEST_CASE("the destination's count of domains does not cross") {
    CHECK(message_in<finish_reply>(replay("inc").wire, 306, direction::reply).domain.id == 1);
}

TEST_CASE("keepalive passes both ways") {
    const auto wire = replay("abort").wire;
    unsigned calls = 0, replies = 0;
    for (const said& s : wire) {
        if (head_of(s.frame).program == program_keepalive)
            ++(s.way == direction::call ? calls : replies);
    }
    CHECK(calls == 3);
    CHECK(replies == 3);
}

TEST_CASE("the flags are libvirt's own words") {
    CHECK(exact_flags(false) == 0x400ab);
    CHECK(exact_flags(true) == 0x4006b);
}

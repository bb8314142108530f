// Which calls pass, when, and what a caller hears that may not.
#include "adapters/channel/gate/procedures.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/gate/scene.hpp"

using namespace scene;

namespace {

gate after(std::size_t frames) {
    gate g(place::destination, policy_at(place::destination));
    const auto honest = arriving_at(place::destination);
    for (std::size_t i = 0; i < frames; ++i) {
        if (g.take(honest[i].way, honest[i].frame).refused) throw std::runtime_error("refused");
    }
    return g;
}
// Where in the honest talk a call stands.
std::size_t index_of(std::int32_t procedure, direction way = direction::call) {
    const auto honest = arriving_at(place::destination);
    for (std::size_t i = 0; i < honest.size(); ++i) {
        if (honest[i].way == way && head_of(honest[i].frame).procedure == procedure) return i;
    }
    throw std::runtime_error("not in the talk");
}
std::string reason(const verdict& v) {
    return v.refused ? v.refused->reason : "passed";
}
constexpr std::uint32_t serial = 1000;

}  // namespace

TEST_CASE("every procedure but eight is refused, answered, and named") {
    unsigned refused = 0;
    for (std::int32_t number = 0; number <= 500; ++number) {
        if (find_procedure(number) != nullptr) continue;
        auto g = after(index_of(303));
        const auto v = g.take(direction::call, make_call(number, serial, nothing{}));
        REQUIRE(reason(v) == "procedure_refused");
        REQUIRE(v.forward.empty());
        const header h = head_of(v.answer);
        REQUIRE(h.procedure == number);
        REQUIRE(h.serial == serial);
        REQUIRE(h.type == 1);
        REQUIRE(h.outcome == 1);
        const auto e = std::get<error_reply>(decode(error_reply{}, body_of(v.answer)));
        REQUIRE(e.message == "refused by the gate: procedure_refused");
        ++refused;
    }
    CHECK(refused == 501 - procedures().size());
    CHECK(procedures().size() == 8);
}

TEST_CASE("virsh behind a gate: it may greet, and then nothing") {
    struct wish {
        const char* what;
        std::int32_t procedure;
    };
    const auto w = GENERATE(wish{"node info", 6}, wish{"capabilities", 7}, wish{"host name", 59},
                            wish{"look up a domain", 23}, wish{"list all domains", 273},
                            wish{"undefine", 231}, wish{"destroy", 12}, wish{"define", 350},
                            wish{"domain XML", 14}, wish{"system info", 203});
    CAPTURE(w.what);
    auto g = after(index_of(303));
    CHECK(reason(g.take(direction::call, make_call(w.procedure, serial, nothing{}))) ==
          "procedure_refused");
}

TEST_CASE("calls come in order, each as often as it may, one answer before the next step") {
    const auto honest = arriving_at(place::destination);
    const auto frame = [&](std::int32_t procedure) {
        return with_head(honest[index_of(procedure)].frame, [](header& h) { h.serial = serial; });
    };
    const auto try_at = [&](std::size_t index, std::int32_t procedure) {
        auto g = after(index);
        return reason(g.take(direction::call, frame(procedure)));
    };
    const auto end = honest.size();
    SECTION("too early") {
        CHECK(try_at(0, 303) == "wrong_order");
        CHECK(try_at(0, 306) == "wrong_order");
        CHECK(try_at(0, 360) == "wrong_order");
        CHECK(try_at(index_of(303), 306) == "wrong_order");
        CHECK(try_at(index_of(1) + 1, 303) == "wrong_order");    // opening, not open
        CHECK(try_at(index_of(303) + 1, 306) == "wrong_order");  // preparing, not prepared
    }
    SECTION("twice") {
        CHECK(try_at(index_of(1, direction::reply) + 1, 1) == "wrong_order");
        CHECK(try_at(index_of(303) + 1, 303) == "wrong_order");
        CHECK(try_at(index_of(303, direction::reply) + 1, 303) == "wrong_order");
        CHECK(try_at(index_of(306) + 1, 306) == "wrong_order");
        CHECK(try_at(index_of(306, direction::reply) + 1, 306) == "wrong_order");
        CHECK(try_at(2, 66) == "wrong_order");
    }
    SECTION("after the end") {
        for (const procedure& p : procedures()) CHECK(try_at(end, p.number) == "wrong_order");
    }
    SECTION("a failed Prepare opens no Finish") {
        const auto refused = arriving_at(place::destination, "refused");
        gate g(place::destination, policy_at(place::destination));
        for (const said& s : refused) {
            if (head_of(s.frame).procedure == 361) break;
            REQUIRE_FALSE(g.take(s.way, s.frame).refused);
        }
        CHECK(reason(g.take(direction::call, frame(306))) == "wrong_order");
    }
    SECTION("a serial that is still open") {
        auto g = after(index_of(303) + 1);
        const auto open = head_of(honest[index_of(303)].frame).serial;
        CHECK(reason(g.take(direction::call, make_call(361, open, nothing{}))) == "wrong_order");
    }
    SECTION("features for ever") {
        auto g = after(index_of(303));
        std::string last = "passed";
        unsigned asked = 0;
        for (; last == "passed" && asked < 100; ++asked) {
            last = reason(g.take(direction::call, make_call(60, serial + asked, feature_call{4})));
        }
        CHECK(last == "wrong_order");
        CHECK(asked <= 16);
    }
}

TEST_CASE("keepalive is a ping or a pong and nothing else") {
    const auto ping = [](const std::function<void(header&)>& change) {
        header h;
        h.program = program_keepalive, h.version = 1, h.procedure = 1, h.type = 2;
        change(h);
        auto g = after(0);
        return reason(g.take(direction::call, encode(h, nothing{})));
    };
    CHECK(ping([](header&) {}) == "passed");
    CHECK(ping([](header& h) { h.procedure = 2; }) == "passed");
    CHECK(ping([](header& h) { h.procedure = 3; }) == "wrong_keepalive");
    CHECK(ping([](header& h) { h.type = 0; }) == "wrong_keepalive");
    CHECK(ping([](header& h) { h.version = 2; }) == "wrong_keepalive");
    CHECK(ping([](header& h) { h.serial = 7; }) == "wrong_keepalive");
    CHECK(ping([](header& h) { h.outcome = 1; }) == "wrong_keepalive");
    header h;
    h.program = program_keepalive, h.version = 1, h.procedure = 1, h.type = 2;
    auto g = after(0);
    CHECK(reason(g.take(direction::call, encode(h, feature_call{1}))) == "wrong_keepalive");
}

TEST_CASE("a cancelled Finish needs no persistent XML and makes nobody ready") {
    auto honest = arriving_at(place::source, "abort");
    gate g(place::source, policy_at(place::source));
    bool ready = false;
    for (said& s : honest) {
        if (s.way == direction::reply && head_of(s.frame).procedure == 306) {
            // Even if the destination says it went well.
            finish_reply m;
            m.domain.name = "vm1";
            m.domain.uuid = {0x5e,       char(0x9c), 0x1a, 0x52, 0x7d, 0x1f, 0x4c,       0x37,
                             char(0x9a), 0x46,       0x2b, 0x0f, 0x6f, 0x1d, char(0x9c), 0x01};
            s.frame = make_reply(306, head_of(s.frame).serial, m);
        }
        const auto v = g.take(s.way, s.frame);
        REQUIRE(reason(v) == "passed");
        ready |= v.destination_ready;
    }
    CHECK_FALSE(ready);
}

TEST_CASE("only the source's gate tells that the destination is ready") {
    for (const auto where : {place::source, place::destination}) {
        gate g(where, policy_at(where));
        bool ready = false;
        for (const said& s : arriving_at(where)) ready |= g.take(s.way, s.frame).destination_ready;
        CHECK(ready == (where == place::source));
    }
}

TEST_CASE("from a Finish call to its reply, and only at the source, the gate says that a guest waits") {
    for (const auto where : {place::source, place::destination}) {
        gate g(where, policy_at(where));
        for (const said& s : arriving_at(where)) {
            const bool call = head_of(s.frame).procedure == 306 && s.way == direction::call;
            CHECK(g.take(s.way, s.frame).finishing == (call && where == place::source));
        }
    }
    gate g(place::source, policy_at(place::source));
    for (const said& s : arriving_at(place::source, "abort"))  // a cancelled one keeps nobody waiting
        CHECK_FALSE(g.take(s.way, s.frame).finishing);
}

TEST_CASE("a gate keeps one unfinished frame and passes nothing of it on") {
    gate g(place::destination, policy_at(place::destination));
    header h;
    h.length = frame_size_max, h.program = program_remote, h.version = 1, h.procedure = 303;
    xdr::writer w;
    w(h);
    CHECK(g.take(direction::call, w.bytes()).forward.empty());
    const std::string filler(1 << 20, 'x');
    for (int i = 0; i < 3; ++i) {
        const auto v = g.take(direction::call, filler);
        CHECK(v.forward.empty());
        CHECK_FALSE(v.refused);
    }
    CHECK(reason(g.take(direction::call, filler)) == "wrong_order");  // complete: now it is judged
}

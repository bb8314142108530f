// Bytes from whoever wishes us ill: an answer or an error, never a crash, never bytes of another size.
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/events/examples.hpp"
#include "tests/fuzz/events/judge.hpp"

using namespace caravan;

namespace {

bool readable(const std::string& text) { return json_document::parse(text).has_value(); }

}  // namespace

TEST_CASE("hostile JSON is refused with a place") {
    const std::string deep(100'000, '['), deeper = std::string(100'000, '{');
    for (const auto& bad : {deep, deeper, std::string("{\"a\":") + std::string(5'000, '9') + "}",
                            std::string("{\"a\":\"\xff\"}"), std::string("{\"a\":\"\xed\xa0\x80\"}"),
                            std::string("{\"a\":\"\xc0\xaf\"}"), std::string("{\"a\":\"\\ud800\"}"),
                            std::string("{\"a\":1}\0{}", 10), std::string("{\"a\":\"\n\"}"), std::string("{\"a\":01}"),
                            std::string("{a:1}"), std::string("{} {}"), std::string("nul"), std::string(" ")}) {
        const auto parsed = json_document::parse(bad);
        INFO(bad.substr(0, 40));
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().reason == "malformed");
        CHECK_FALSE(parsed.error().detail.empty());
    }
    CHECK(json_document::parse("[1]", 2).error().detail == "longer than 2 bytes");
    CHECK(readable("{\"a\":1,\"a\":2}"));
}

TEST_CASE("a text that is not UTF-8 is mended when written, so that it can be read again") {
    const auto back = [](std::string reason) {
        event e;
        e.what = fact(vm::fact(vm::move_abandoned{migration_id("m"), std::move(reason)}));
        const auto read = decode(encode(e).shared);
        REQUIRE(read);
        return std::get<vm::move_abandoned>(std::get<vm::fact>(read->what)).reason;
    };
    CHECK(back("whole è 漢 😀") == "whole è 漢 😀");
    CHECK(back("a\xff" "b") == "a\uFFFD" "b");
    CHECK(back("è\xe6\xbc") == "è\uFFFD\uFFFD");
    CHECK(back("\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("an event cut at any byte is refused") {
    for (const auto& e : test::examples()) {
        const auto bytes = encode(e.what);
        for (std::size_t n = 0; n < bytes.shared.size(); ++n)
            if (decode(std::string_view(bytes.shared).substr(0, n), bytes.inside)) FAIL(bytes.shared.substr(0, n));
        for (std::size_t n = 1; n < bytes.inside.size(); ++n)
            if (decode(bytes.shared, std::string_view(bytes.inside).substr(0, n))) FAIL(bytes.inside.substr(0, n));
    }
}

TEST_CASE("an event that is not of a known kind is refused by name") {
    event e;
    e.what = fact(vm::fact(vm::vanished{}));
    auto text = encode(e).shared;
    const std::string name = "caravan.vm.vanished\",\"subject";
    text.replace(text.find(name), name.size(), "caravan.vm.sang\",\"subject");
    CHECK(decode(text).error().reason == "unknown_type");
    CHECK(decode("[]").error().reason == "malformed");
    CHECK(decode("{}").error().detail == "/time: wants an RFC 3339 time");
    CHECK(decode(R"({"time":"2026-11-22T10:00:00Z","source":"umea"})").error().detail == "/source: wants /clouds/NAME");
    CHECK(decode(R"({"time":"2026-11-22T10:00:00Z","source":"/clouds/umea"})").error().detail == "/data: is missing");
}

TEST_CASE("ten thousand mutations of every kind of event") {
    std::mt19937_64 dice(1);
    const auto all = test::examples();
    for (int round = 0; round < 10'000; ++round) {
        auto text = encode(all[dice() % all.size()].what).shared;
        for (auto n = dice() % 4 + 1; n > 0; --n) {
            const auto at = dice() % text.size();
            switch (dice() % 5) {
                case 0: text[at] = static_cast<char>(dice()); break;
                case 1: text.erase(at, dice() % 8); break;
                case 2: text.insert(at, text.substr(dice() % text.size(), dice() % 40)); break;
                case 3: text[at] = "{}[]\",:\\0-9eE.tfn"[dice() % 17]; break;
                default: text.insert(at, std::to_string(dice())); break;
            }
            if (text.empty()) text = "{";
        }
        const auto wrong = test::judge(text);
        INFO(text);
        REQUIRE(wrong == "");
    }
}

// The hash chain against vectors computed apart (Python's hashlib), and what it notices.
#include "events/chain.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace caravan;

namespace {

std::string counting(std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += static_cast<char>(i);
    return out;
}

struct event {
    std::string shared, salt, inside, link, feed_link;
};

// Golden: never change these. Journals and feeds of every release are verified by them.
std::vector<event> golden() {
    return {
        {R"({"a":1})", "", "", "e900fea20c0f6ccd4dd143e454d28e7615c3153e7b0a29165f00cbc95326aaff",
         "46426333c3717c14f84a3ad37f229fef9334f7298e19ea3cd9acae85e06268e4"},
        {R"({"b":2})", counting(16), R"({"host":"h1"})",
         "8682982a6c24c01b2b33868536e61ce5ae660a943b881e8073bcf1bb037cba3f",
         "066874ff671d95f34edd9914dcbab698db3e2397708f57c5589e776a8d587503"},
        {R"({"name":"åäö"})", std::string(16, '\0'), "{}",
         "c762bfe27297b4b37e610c72a12c9f835ecee888e2e104af820a42ec6fd91636",
         "57b637adc722e41696a3cbcd75364d43add3c6eb0614d5d71d06ab29b6196c77"},
    };
}

std::vector<chain::item> items(std::vector<event>& events) {
    std::vector<chain::item> out;
    for (auto& e : events) {
        e.link = *chain::unhex(e.link);
        out.push_back({e.shared, e.salt, e.inside, e.link});
    }
    return out;
}

}  // namespace

TEST_CASE("links are the golden ones") {
    std::string link, feed_link;
    for (const auto& e : golden()) {
        link = chain::next_link(link, e.shared, e.salt, e.inside);
        feed_link = chain::next_feed_link(feed_link, e.shared);
        CHECK(chain::hex(link) == e.link);
        CHECK(chain::hex(feed_link) == e.feed_link);
    }
}

TEST_CASE("an empty previous link is the origin") {
    CHECK(chain::next_link("", "x", "", "") == chain::next_link(chain::origin(), "x", "", ""));
    CHECK(chain::next_feed_link("", "x") == chain::next_feed_link(chain::origin(), "x"));
}

TEST_CASE("any change names the first bad position") {
    auto events = golden();
    auto chained = items(events);
    CHECK_FALSE(chain::first_broken("", chained));

    SECTION("shared bytes") {
        chained[1].shared = R"({"b":3})";
    }
    SECTION("inside bytes") {
        chained[1].inside = R"({"host":"h2"})";
    }
    SECTION("salt") {
        chained[1].salt = chained[2].salt;
    }
    SECTION("link") {
        chained[1].link = chained[2].link;
    }
    SECTION("order") {
        std::swap(chained[1], chained[2]);
    }
    SECTION("one missing") {
        chained.erase(chained.begin() + 1);
    }
    CHECK(chain::first_broken("", chained) == 1u);
}

TEST_CASE("a chain begun elsewhere is broken at its first") {
    auto events = golden();
    CHECK(chain::first_broken(chain::sha256("elsewhere"), items(events)) == 0u);
}

TEST_CASE("an inside half can be erased and the chain stays whole") {
    auto events = golden();
    auto chained = items(events);
    const std::string kept = chain::inside_digest(chained[1].salt, chained[1].inside);
    chained[1].salt = kept;
    chained[1].inside = {};
    CHECK_FALSE(chain::first_broken("", chained));
}

TEST_CASE("the shared half is proven without the inside half") {
    auto events = golden();
    const auto chained = items(events);
    const std::string leaf = chain::leaf(chain::sha256(chained[1].shared),
                                         chain::inside_digest(chained[1].salt, chained[1].inside));
    CHECK(chain::sha256(std::string(chained[0].link) + leaf) == chained[1].link);
}

TEST_CASE("hex is read back, and nothing else is") {
    CHECK(chain::hex(chain::sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(chain::unhex("00ff").value() == std::string("\0\xff", 2));
    CHECK_FALSE(chain::unhex("0"));
    CHECK_FALSE(chain::unhex("0G"));
    CHECK_FALSE(chain::unhex("FF"));
}

TEST_CASE("continuity of a feed is judged by name") {
    const std::string first = chain::next_feed_link("", "one");
    const std::string second = chain::next_feed_link(first, "two");
    const chain::feed_point seen{1, "incarnation-a", first};
    const auto verdict = [&](const chain::feed_point& next, const char* bytes) {
        const auto judged = chain::follows(seen, next, bytes);
        return judged ? std::string{} : judged.error().reason;
    };
    CHECK(chain::follows({}, {1, "incarnation-a", first}, "one"));
    CHECK(verdict({2, "incarnation-a", second}, "two").empty());
    CHECK(verdict({3, "incarnation-a", second}, "two") == "feed_gap");
    CHECK(verdict({1, "incarnation-a", first}, "one") == "feed_fork");
    CHECK(verdict({2, "incarnation-a", second}, "other") == "feed_fork");
    CHECK(verdict({2, "incarnation-b", second}, "two") == "feed_rewound");
    CHECK(chain::follows({}, {2, "incarnation-a", second}, "two").error().reason == "feed_gap");
}

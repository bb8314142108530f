// Every fact type: there and back, what is inside stays inside, and bytes that must never change.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "tests/unit/events/examples.hpp"

using namespace caravan;
using caravan::test::examples;

namespace {

// All that `old` has, `now` has too, with the same values: fields are only ever added.
bool keeps(const json_value& old, const json_value& now) {
    if (old.what() != now.what()) return false;
    if (old.what() == json_value::kind::object) {
        for (const auto& [key, value] : old.members()) {
            const auto found = now.at(key);
            if (!found || !keeps(value, *found)) return false;
        }
        return true;
    }
    if (old.what() != json_value::kind::array) return old.dump() == now.dump();
    const auto a = old.items(), b = now.items();
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!keeps(a[i], b[i])) return false;
    return true;
}

bool keeps(const std::string& old, const std::string& now) {
    if (old.empty()) return true;
    const auto a = json_document::parse(old), b = json_document::parse(now);
    return a && b && keeps(a->root(), b->root());
}

// The file has two lines an event: its shared bytes, its inside bytes or {}.
std::vector<event_bytes> golden() {
    std::vector<event_bytes> all;
    std::ifstream file(GOLDEN);
    for (std::string shared, inside; std::getline(file, shared) && std::getline(file, inside);)
        all.push_back({shared, inside == "{}" ? "" : inside});
    return all;
}

}  // namespace

TEST_CASE("every fact type comes back from its bytes as it was") {
    std::set<std::string_view> names;
    for (const auto& e : examples()) {
        const auto bytes = encode(e.what);
        INFO(bytes.shared << "\n" << bytes.inside);
        CHECK(names.insert(type_of(e.what.what).name).second);
        const auto back = decode(bytes.shared, bytes.inside);
        REQUIRE(back);
        CHECK(type_of(back->what).name == type_of(e.what.what).name);
        const auto again = encode(*back);
        CHECK(again.shared == bytes.shared);
        CHECK(again.inside == bytes.inside);
    }
    CHECK(names.size() > 40);
}

TEST_CASE("what is inside is in no shared byte, of no fact type") {
    std::size_t planted = 0;
    for (const auto& e : examples()) {
        const auto bytes = encode(e.what);
        for (const auto& secret : e.planted) {
            ++planted;
            INFO(secret << " in " << bytes.shared);
            CHECK(bytes.shared.find(secret) == std::string::npos);
        }
        CHECK(bytes.shared.find("INSIDE-") == std::string::npos);
        // Nothing shared is in the inside half: it can be erased without a loss to anybody else.
        if (const auto hidden = bytes.inside.empty() ? nullptr : &bytes.inside) CHECK(hidden->find("shared-") == hidden->npos);
    }
    CHECK(planted > 20);
}

TEST_CASE("every released event is still read, and still says what it said") {
    std::map<std::string_view, event_bytes> last;
    std::ofstream more;
    if (std::getenv("CARAVAN_REGENERATE")) more.open(GOLDEN, std::ios::app);
    auto kept = golden();
    for (const auto& bytes : kept) {
        INFO(bytes.shared);
        const auto e = decode(bytes.shared, bytes.inside);
        REQUIRE(e);
        const auto now = encode(*e);
        CHECK(keeps(bytes.shared, now.shared));
        CHECK(keeps(bytes.inside, now.inside));
        last[type_of(e->what).name] = bytes;
    }
    for (const auto& e : examples()) {
        const auto bytes = encode(e.what);
        const auto& was = last[type_of(e.what.what).name];
        if (was.shared == bytes.shared && was.inside == bytes.inside) continue;
        INFO("not in golden/facts.jsonl as it is now; if a field or a type was added, CARAVAN_REGENERATE=1 appends it");
        if (more.is_open()) more << bytes.shared << "\n" << (bytes.inside.empty() ? "{}" : bytes.inside) << "\n";
        else CHECK(was.shared == bytes.shared);
    }
}

// A deterministic stand-in for the fuzzer (tests/fuzz/gate): the recorded migrations, spoilt at
// random a few thousand times. The judge is the same.
#include <catch2/catch.hpp>
#include <random>

#include "tests/fuzz/gate/judge.hpp"
#include "tests/unit/gate/scene.hpp"

namespace {

using dice = std::mt19937;

std::string spoilt(std::string corpus, const std::string& other, dice& r) {
    const auto at = [&](const std::string& s) { return s.empty() ? 0 : r() % s.size(); };
    const char interesting[] = {0, 1, 2, 3, '<', '>', '&', '/', '\'', '"', 127, char(0xff)};
    for (unsigned times = 1 + r() % 4; times > 0 && !corpus.empty(); --times) {
        const auto here = at(corpus), size = r() % 64;
        switch (r() % 6) {
            case 0:
                corpus[here] = static_cast<char>(r());
                break;
            case 1:
                corpus[here] = interesting[r() % sizeof interesting];
                break;
            case 2:
                corpus.erase(here, size);
                break;
            case 3:
                corpus.insert(here, corpus.substr(at(corpus), size));
                break;
            case 4:
                corpus.insert(here, other.substr(at(other), size));
                break;
            case 5:
                corpus = corpus.substr(0, here) + other.substr(at(other));
                break;
        }
    }
    return corpus;
}

}  // namespace

TEST_CASE("spoilt migrations never crash a gate nor get past it") {
    const std::string recordings[] = {
        scene::bytes_of("inc.frames"), scene::bytes_of("abort.frames"),
        scene::bytes_of("refused.frames"), scene::bytes_of("inc.wire")};
    dice r(2026);
    scene::judged total;
    for (int i = 0; i < 3000; ++i) {
        const auto input = spoilt(recordings[r() % 4], recordings[r() % 4], r);
        const auto seen = scene::judge(input);
        INFO("iteration " << i << ": " << seen.broken);
        REQUIRE(seen.broken.empty());
        total.forwarded += seen.forwarded, total.refused += seen.refused;
    }
    // Both outcomes were met, so the judge has judged something.
    CHECK(total.forwarded > 10'000);
    CHECK(total.refused > 1'000);
}

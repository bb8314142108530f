#include "tests/fuzz/gate/judge.hpp"

#include <algorithm>
#include <cstring>

#include "tests/unit/gate/scene.hpp"

namespace scene {
namespace {

// Reads frames without the code under test.
std::uint32_t word(std::string_view frame, std::size_t index) {
    std::uint32_t x = 0;
    for (std::size_t i = 0; i < 4; ++i)
        x = x << 8 | static_cast<unsigned char>(frame[4 * index + i]);
    return x;
}

std::string broken_by(std::string_view out, direction way) {
    constexpr std::uint32_t allowed[] = {66, 60, 1, 360, 303, 306, 361, 2};
    while (!out.empty()) {
        if (out.size() < 28 || word(out, 0) < 28 || word(out, 0) > out.size())
            return "not whole frames";
        const auto program = word(out, 1), procedure = word(out, 3), type = word(out, 4);
        if (word(out, 0) > 4u << 20 || word(out, 2) != 1) return "length or version";
        if (program == 0x6b656570) {
            if ((procedure != 1 && procedure != 2) || type != 2 || word(out, 0) != 28)
                return "keepalive";
        } else if (program != 0x20008086 ||
                   std::count(std::begin(allowed), std::end(allowed), procedure) == 0) {
            return "a procedure that is not on the list";
        } else if (type != (way == direction::call ? 0u : 1u)) {
            return "a type that does not go this way";
        }
        out.remove_prefix(word(out, 0));
    }
    return {};
}

std::string marker_in(const std::string& out) {
    for (const auto& marker : insides) {
        if (out.find(marker) != out.npos) return "an inside name leaves: " + marker;
    }
    return {};
}

const policy& policy_of(place where) {
    static const policy source = policy_at(place::source),
                        destination = policy_at(place::destination);
    return where == place::source ? source : destination;
}

void alone(place where, const talk& heard, judged& seen) {
    gate g(where, policy_of(where));
    bool closed = false;
    for (const said& s : heard) {
        const auto v = g.take(s.way, s.frame);
        seen.forwarded += !v.forward.empty(), seen.refused += v.refused && !closed;
        const bool leaves = (s.way == direction::call) == (where == place::source);
        if (closed && !(v.forward + v.answer).empty()) seen.broken = "bytes after a refusal";
        if (auto why = broken_by(v.forward, s.way); !why.empty()) seen.broken = why;
        if (s.way == direction::reply && !v.answer.empty()) seen.broken = "a reply was answered";
        if (leaves && !marker_in(v.forward).empty()) seen.broken = marker_in(v.forward);
        if (closed && !v.refused) seen.broken = "a closed gate opened";
        closed = v.refused.has_value();
    }
}

// In a row, honest gates never refuse each other: what one lets out, the other lets in.
void in_a_row(const talk& heard, judged& seen) {
    gate a(place::source, policy_of(place::source)),
        b(place::destination, policy_of(place::destination));
    for (const said& s : heard) {
        const bool call = s.way == direction::call;
        const auto first = (call ? a : b).take(s.way, s.frame);
        const auto second = (call ? b : a).take(s.way, first.forward);
        if (auto why = marker_in(first.forward); !why.empty()) seen.broken = why;
        if (auto why = broken_by(second.forward, s.way); !why.empty()) seen.broken = why;
        if (second.refused)
            seen.broken =
                "gates disagree: " + second.refused->reason + " " + second.refused->detail;
        if (first.refused || second.refused) return;
    }
}

}  // namespace

judged judge(std::string_view corpus) {
    judged seen;
    const auto heard = split(corpus);
    alone(place::source, heard, seen);
    alone(place::destination, heard, seen);
    in_a_row(heard, seen);
    return seen;
}

}  // namespace scene

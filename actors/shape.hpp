// shape: what all aggregates and sagas have in common.
//
//   decision decide(const state&, const command&, const context&);   facts, or a refusal with its reason
//   void     evolve(state&, const fact&, instant at);                cannot fail; never reads a clock
//   effects  pending(const state&);                                  what this state waits for, as data
//
// All three are pure. decide never runs on replay; pending is asked after each commit and after
// recovery, and every effect in it may be carried out twice: it carries its idempotency key.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "events/fact.hpp"

namespace caravan {

// A named no, told to whoever asked.
struct refusal {
    std::string reason;  // snake_case, stable: "vm_already_moving"
    std::string detail;  // one sentence for a person
    friend bool operator==(const refusal&, const refusal&) = default;
};

// A fact about to be written: to the own stream, unless `stream` names a new one (its first event).
struct said {
    fact what;
    cloud_name audience{};  // the peer that is told; empty: nobody; "*": every peer
    stream_id stream{};
};

using decision = tl::expected<std::vector<said>, refusal>;

inline tl::unexpected<refusal> refuse(std::string reason, std::string detail = {}) {
    return tl::unexpected(refusal{std::move(reason), std::move(detail)});
}
inline decision nothing() { return std::vector<said>{}; }  // already so: asked twice, done once

template <class... Fact>
decision facts(Fact... what) {
    std::vector<said> all;
    (all.push_back(said{fact(std::move(what))}), ...);
    return all;
}

// All that a decision may know beside its state.
struct context {
    instant now{};
    cloud_name own;
    cloud_name from{};  // the peer who says it; empty: this cloud itself
};

// ---- effects, as data

struct tell {  // a command to another aggregate of this cloud
    stream_id to;
    command what;
};
struct errand {  // an op to be performed at this side (sagas/deeds.hpp says by whom)
    asking key;
    job about;
    instant not_before{};
};
struct wake {  // a command to oneself, at a time
    instant at{};
    command what;
};
using effect = std::variant<tell, errand, wake>;
using effects = std::vector<effect>;

template <class... Visitors>
struct overloaded : Visitors... {
    using Visitors::operator()...;
};
template <class... Visitors>
overloaded(Visitors...) -> overloaded<Visitors...>;

}  // namespace caravan

// scene: two gates between what two real libvirtds once said to each other (data/*.frames: frames
// as they came out of the libvirtds, each after '>' for a call or '<' for a reply), for tests to
// replay and to spoil.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adapters/channel/gate/procedures.hpp"

namespace scene {

using namespace caravan::gate;

struct said {
    direction way;
    std::string frame;
};
using talk = std::vector<said>;

std::string bytes_of(const std::string& data_file);
talk split(std::string_view corpus);
talk recorded(const std::string& name);  // "inc", "disk", "abort", "refused"

inline constexpr const char* vm_uuid = "5e9c1a52-7d1f-4c37-9a46-2b0f6f1d9c01";
policy policy_at(place, bool whole_disk = false);
inline const std::vector<std::string> insides = {"a1.inside.cloud-a.example",
                                                 "aaaaaaaa-0000-4000-8000-00000000000a",
                                                 "b1.inside.cloud-b.example",
                                                 "bbbbbbbb-0000-4000-8000-00000000000b",
                                                 "/var/lib/libvirt",
                                                 "br-guest",
                                                 "secret-b"};

// The two gates in a row. `wire` is what crossed between them, `out` what came out at the far end.
struct outcome {
    talk wire, out;
    std::optional<refusal> at_source, at_destination;
    std::string answers, inside;
    bool destination_ready = false;
};
// `chunk(left)` says how many bytes to hand over next.
outcome through_both(const talk&, const policy& source, const policy& destination,
                     const std::function<std::size_t(std::size_t)>& chunk = {});

// What an honest run brings to one place's gate: at the source A's raw calls and B's gated replies,
// at the destination A's gated calls and B's raw replies.
talk arriving_at(place, const std::string& name = "inc");

header head_of(const std::string& frame);
std::string body_of(const std::string& frame);
std::string with_head(const std::string& frame, const std::function<void(header&)>& change);
std::string make_call(std::int32_t procedure, std::uint32_t serial, const message&);
std::string make_reply(std::int32_t procedure, std::uint32_t serial, const message&);

// Decodes, changes and encodes a frame whose message is an M.
template <class M>
std::string edit(const std::string& frame, const std::function<void(M&)>& change) {
    message m = decode(M{}, body_of(frame));
    change(std::get<M>(m));
    return encode(head_of(frame), m);
}
// Edits by text, of whichever message carries a cookie or a destination_xml.
using spoil = std::function<std::string(const said&)>;
spoil in_cookie(std::string from, std::string to);
spoil in_xml(std::string from, std::string to);

void replace(std::string& in, const std::string& from, const std::string& to);  // must be there

}  // namespace scene

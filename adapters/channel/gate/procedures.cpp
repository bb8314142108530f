#include "adapters/channel/gate/procedures.hpp"

namespace caravan::gate {
namespace {

// The order that libvirt keeps: 66 60 1 60 60 360 60 60 60 303 306 361 2.
const procedure table[] = {
    // clang-format off
    {66,  "AUTH_LIST",                         stage::greeting, stage::greeting, {},              1,  nothing{},      auth_reply{}},
    {60,  "CONNECT_SUPPORTS_FEATURE",          stage::greeting, stage::opened,   {},              16, feature_call{}, feature_reply{}},
    {1,   "CONNECT_OPEN",                      stage::greeting, stage::greeting, stage::opened,   1,  open_call{},    nothing{}},
    {360, "CONNECT_REGISTER_CLOSE_CALLBACK",   stage::opened,   stage::opened,   {},              1,  nothing{},      nothing{}},
    {303, "DOMAIN_MIGRATE_PREPARE3_PARAMS",    stage::opened,   stage::opened,   stage::prepared, 1,  prepare_call{}, prepare_reply{}},
    {306, "DOMAIN_MIGRATE_FINISH3_PARAMS",     stage::prepared, stage::prepared, stage::finished, 1,  finish_call{},  finish_reply{}},
    {361, "CONNECT_UNREGISTER_CLOSE_CALLBACK", stage::opened,   stage::finished, {},              1,  nothing{},      nothing{}},
    {2,   "CONNECT_CLOSE",                     stage::greeting, stage::finished, stage::closed,   1,  nothing{},      nothing{}},
    // clang-format on
};

}  // namespace

std::span<const procedure> procedures() {
    return table;
}

const procedure* find_procedure(std::int32_t number) {
    for (const procedure& p : table) {
        if (p.number == number) return &p;
    }
    return nullptr;
}

message decode(const message& blank, std::string_view body) {
    message out = blank;
    xdr::reader read(body);
    std::visit([&](auto& m) { read(m); }, out);
    read.end();
    return out;
}

std::string encode(header h, message m) {
    xdr::writer body, frame;
    std::visit([&](auto& fields_of) { body(fields_of); }, m);
    h.length = static_cast<std::uint32_t>(header_size + body.bytes().size());
    if (h.length > frame_size_max) throw refusal{"too_large", "frame after rewriting"};
    frame(h);
    return frame.bytes() + body.bytes();
}

}  // namespace caravan::gate

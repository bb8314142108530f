// proxy: the facts and commands of one site proxy (stream "proxy/NAME").
#pragma once

#include <string>
#include <variant>

#include "events/describe.hpp"
#include "events/ids.hpp"

namespace caravan::proxy {

// ---- facts
struct came_online {
    std::string site_endpoint;   // where own agents' streams arrive
    std::string vxlan_address;   // where own hosts' VXLAN arrives
};
struct went_offline {};
struct channel_refused {  // by its gate or a ticket's check; what was asked is never done
    migration_id migration;
    std::string reason;
    std::string detail;
};
struct channel_closed {
    migration_id migration;
    std::string reason;
};

template <class F>
void describe(F& f, came_online& x) {
    f.inside("site_endpoint", x.site_endpoint, "host:port on the site");
    f.inside("vxlan_address", x.vxlan_address, "VXLAN endpoint");
}
template <class F>
void describe(F&, went_offline&) {}
template <class F>
void describe(F& f, channel_refused& x) {
    f.field("migration", x.migration, "migration");
    f.field("reason", x.reason, "named reason");
    f.inside("detail", x.detail, "what was seen");
}
template <class F>
void describe(F& f, channel_closed& x) {
    f.field("migration", x.migration, "migration");
    f.field("reason", x.reason, "named reason");
}

// ---- commands
struct hello { std::string site_endpoint, vxlan_address; };
struct lose {};
struct note_refusal { migration_id migration; std::string reason, detail; };
struct note_close { migration_id migration; std::string reason; };


using fact = std::variant<came_online, went_offline, channel_refused, channel_closed>;
using command = std::variant<hello, lose, note_refusal, note_close>;

}  // namespace caravan::proxy

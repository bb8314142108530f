#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/proxy/state.hpp"

namespace caravan::runtime {

namespace {
struct proxy_kind {
    using state = proxy::state;
    using command = proxy::command;
    using fact = proxy::fact;
    static bool finished(const state&) { return false; }
    static std::string saga_of(const stream_id&, const state&) { return {}; }
};
}  // namespace

caf::actor spawn_proxy(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<proxy_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

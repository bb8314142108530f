#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/host/state.hpp"

namespace caravan::runtime {

namespace {
struct host_kind {
    using state = host::state;
    using command = host::command;
    using fact = host::fact;
    static bool finished(const state&) { return false; }
    static std::string saga_of(const stream_id&, const state&) { return {}; }
};
}  // namespace

caf::actor spawn_host(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<host_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

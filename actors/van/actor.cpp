#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/van/state.hpp"

namespace caravan::runtime {

namespace {
struct van_kind {
    using state = van::state;
    using command = van::command;
    using fact = van::fact;
    static bool finished(const state&) { return false; }
    static std::string saga_of(const stream_id&, const state&) { return {}; }
};
}  // namespace

caf::actor spawn_van(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<van_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

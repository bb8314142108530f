#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/cloud/state.hpp"

namespace caravan::runtime {

namespace {
struct cloud_kind {
    using state = cloud::state;
    using command = cloud::command;
    using fact = cloud::fact;
    static constexpr bool foretells = true;
    static bool finished(const state&) { return false; }
    static std::string saga_of(const stream_id&, const state&) { return {}; }
};
}  // namespace

caf::actor spawn_cloud(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<cloud_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

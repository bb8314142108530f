#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/sagas/state.hpp"

namespace caravan::runtime {

namespace {
struct migration_kind {
    using state = migration::state;
    using command = migration::command;
    using fact = migration::fact;
    static bool finished(const state& s) { return over(s) || s.now == migration::phase::absent; }
    static std::string saga_of(const stream_id& stream, const state&) { return std::string(subject_of(stream)); }
};
}  // namespace

caf::actor spawn_migration(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<migration_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

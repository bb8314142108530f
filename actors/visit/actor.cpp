#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/visit/state.hpp"

namespace caravan::runtime {

namespace {
struct visit_kind {
    using state = visit::state;
    using command = visit::command;
    using fact = visit::fact;
    static bool finished(const state& s) {
        using enum visit::phase;
        return s.now == absent || s.now == settled || s.now == freed;
    }
    static std::string saga_of(const stream_id& stream, const state&) { return std::string(subject_of(stream)); }
};
}  // namespace

caf::actor spawn_visit(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<visit_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

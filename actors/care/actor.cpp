#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/care/state.hpp"

namespace caravan::runtime {

namespace {
struct care_kind {
    using state = care::state;
    using command = care::command;
    using fact = care::fact;
    static bool finished(const state& s) { return s.now == care::phase::well; }
    static std::string saga_of(const stream_id&, const state&) { return {}; }
};
}  // namespace

caf::actor spawn_care(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<care_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

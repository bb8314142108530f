#include "actors/runtime/kinds.hpp"
#include "actors/runtime/entity.hpp"
#include "actors/vm/state.hpp"

namespace caravan::runtime {

namespace {
struct vm_kind {
    using state = vm::state;
    using command = vm::command;
    using fact = vm::fact;
    static bool finished(const state&) { return false; }
    static std::string saga_of(const stream_id&, const state& s) { return s.move.text; }
};
}  // namespace

caf::actor spawn_vm(shell& home, const stream_id& stream) {
    return home.system.spawn<entity<vm_kind>, caf::lazy_init>(std::ref(home), stream);
}

}  // namespace caravan::runtime

// ThreadSanitizer does not see how the distribution's CAF, which is not instrumented, hands things from one
// thread to another. Here it is told: what was done before a message was enqueued happened before it is
// consumed, or thrown away at the actor's end; an actor consumes one message after another; and what was done
// with it before a reference to it was dropped, strong or weak, happened before it is destroyed.
// Nothing else is, so that races in what actors share beside their messages are found.
//
// Linked into tests under ThreadSanitizer only; these functions take the place of CAF's and call them.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <caf/all.hpp>

#define ENQUEUE "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE"
#define CONSUME "_ZN3caf15scheduled_actor7consumeERNS_15mailbox_elementE"
#define CLEANUP "_ZN3caf15scheduled_actor7cleanupEONS_5errorEPNS_14execution_unitE"
#define RELEASE_WEAK "_ZN3caf26intrusive_ptr_release_weakEPNS_19actor_control_blockE"
#define RELEASE "_ZN3caf21intrusive_ptr_releaseEPNS_19actor_control_blockE"

extern "C" {
void caravan_enqueue(caf::scheduled_actor*, caf::mailbox_element_ptr, caf::execution_unit*) __asm__(ENQUEUE);
caf::invoke_message_result caravan_consume(caf::scheduled_actor*, caf::mailbox_element&) __asm__(CONSUME);
bool caravan_cleanup(caf::scheduled_actor*, caf::error&&, caf::execution_unit*) __asm__(CLEANUP);
void caravan_release(caf::actor_control_block*) __asm__(RELEASE);
void caravan_release_weak(caf::actor_control_block*) __asm__(RELEASE_WEAK);

void caravan_enqueue(caf::scheduled_actor* self, caf::mailbox_element_ptr what, caf::execution_unit* by) {
    static const auto cafs = reinterpret_cast<decltype(&caravan_enqueue)>(::dlsym(RTLD_NEXT, ENQUEUE));
    __tsan_release(what.get());
    __tsan_release(self);  // not its control block, which consuming acquires: messages do not order one another
    cafs(self, std::move(what), by);
}

caf::invoke_message_result caravan_consume(caf::scheduled_actor* self, caf::mailbox_element& what) {
    static const auto cafs = reinterpret_cast<decltype(&caravan_consume)>(::dlsym(RTLD_NEXT, CONSUME));
    __tsan_acquire(&what);
    __tsan_acquire(self->ctrl());
    const auto how = cafs(self, what);
    __tsan_release(self->ctrl());
    return how;
}

bool caravan_cleanup(caf::scheduled_actor* self, caf::error&& why, caf::execution_unit* by) {
    static const auto cafs = reinterpret_cast<decltype(&caravan_cleanup)>(::dlsym(RTLD_NEXT, CLEANUP));
    __tsan_acquire(self);
    return cafs(self, std::move(why), by);
}

void caravan_release(caf::actor_control_block* actor) {
    static const auto cafs = reinterpret_cast<decltype(&caravan_release)>(::dlsym(RTLD_NEXT, RELEASE));
    __tsan_release(actor);
    __tsan_acquire(actor);
    cafs(actor);
}

void caravan_release_weak(caf::actor_control_block* actor) {
    static const auto cafs = reinterpret_cast<decltype(&caravan_release_weak)>(::dlsym(RTLD_NEXT, RELEASE_WEAK));
    __tsan_release(actor);
    __tsan_acquire(actor);
    cafs(actor);
}
}

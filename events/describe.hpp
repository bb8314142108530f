// describe(f, x) lists the fields of a struct once. The JSON writer and reader, docs/events.md and the
// privacy filter are all visitors F of that one list.
//
//   template <class F> void describe(F& f, started& x) {
//       f.field("vm", x.vm, "VM");            // shared: may leave the cloud
//       f.inside("host", x.host, "host");     // inside: never leaves the cloud
//   }
//
// Visitors that only read cast constness away in one place (as_mutable) and do not write.
#pragma once

#include <type_traits>

namespace caravan {

template <class T>
T& as_mutable(const T& x) noexcept {
    return const_cast<T&>(x);
}

// A probe that does nothing: used to ask whether describe(f, x) exists for a type.
struct silent_visitor {
    template <class T>
    void field(const char*, T&, const char*) {}
    template <class T>
    void inside(const char*, T&, const char*) {}
};

template <class T>
concept described = requires(silent_visitor& f, T& x) { describe(f, x); };

}  // namespace caravan

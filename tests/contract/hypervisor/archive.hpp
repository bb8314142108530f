// Values as bytes between two processes of one test, by describe(). Native byte order.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "actors/ports/hypervisor.hpp"

namespace caravan::port {

template <class F>
void describe(F& f, host_description& x) {
    f.field("", x.memory, ""), f.field("", x.cpus, ""), f.field("", x.machines, "");
    f.field("", x.cpu_models, ""), f.field("", x.base_digests, ""), f.field("", x.disk_free, "");
}
template <class F>
void describe(F& f, vm_observation& x) {
    f.field("", x.vm, ""), f.field("", x.state, ""), f.field("", x.job_active, "");
    f.field("", x.held, "");
}
template <class F>
void describe(F& f, copy_progress& x) {
    f.field("", x.id, ""), f.field("", x.disk_done, ""), f.field("", x.disk_total, "");
    f.field("", x.memory_done, ""), f.field("", x.memory_total, ""), f.field("", x.rate, "");
    f.field("", x.dirty_rate, ""), f.field("", x.downtime, "");
}

}  // namespace caravan::port

namespace caravan {

template <class F>
void describe(F& f, failure& x) {
    f.field("", x.kind, ""), f.field("", x.reason, ""), f.field("", x.detail, "");
}

}  // namespace caravan

namespace caravan::contract {

// Writes to, or reads from, `bytes`; reading past the end leaves zeroes.
template <bool writing>
struct archive {
    std::string bytes;
    std::size_t at = 0;

    template <class T>
    void field(const char*, T& x, const char*) {
        value(x);
    }
    template <class T>
    void inside(const char*, T& x, const char*) {
        value(x);
    }

    void raw(void* to, std::size_t size) {
        if (writing) {
            bytes.append(static_cast<const char*>(to), size);
        } else if (at + size <= bytes.size()) {
            std::memcpy(to, bytes.data() + at, size);
            at += size;
        }
    }
    template <class T>
    void list(T& x) {
        auto size = static_cast<std::uint32_t>(x.size());
        raw(&size, sizeof size);
        if (!writing) x.resize(size);
    }
    void value(std::string& x) {
        list(x);
        raw(x.data(), x.size());
    }
    template <class T>
    void value(std::vector<T>& x) {
        list(x);
        for (auto& each : x) value(each);
    }
    template <class Tag>
    void value(name<Tag>& x) {
        value(x.text);
    }
    template <class Tag>
    void value(counter<Tag>& x) {
        value(x.value);
    }
    template <class T>
    void value(result<T>& x) {
        bool ok = x.has_value();
        value(ok);
        failure f = ok ? failure{} : writing ? x.error() : failure{};
        if (!ok) {
            value(f);
            if (!writing) x = tl::unexpected(f);
        } else {
            if (!writing) x = result<T>();
            if constexpr (!std::is_void_v<T>) value(*x);
        }
    }
    template <class T>
    void value(T& x) {
        if constexpr (described<T>) {
            describe(*this, x);
        } else {
            static_assert(std::is_trivially_copyable_v<T>);
            raw(&x, sizeof x);
        }
    }
};

template <class... T>
std::string pack(const T&... x) {
    archive<true> a;
    (a.value(as_mutable(x)), ...);
    return a.bytes;
}
template <class... T>
void unpack(const std::string& from, T&... x) {
    archive<false> a{from};
    (a.value(x), ...);
}

}  // namespace caravan::contract

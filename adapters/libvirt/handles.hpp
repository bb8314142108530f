// libvirt's objects, freed by scope.
#pragma once

#include <libvirt/libvirt.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace caravan::libvirt {

using connect_handle = std::shared_ptr<virConnect>;

struct free_domain {
    void operator()(virDomainPtr d) const noexcept { virDomainFree(d); }
};
using domain_handle = std::unique_ptr<virDomain, free_domain>;

struct free_pool {
    void operator()(virStoragePoolPtr p) const noexcept { virStoragePoolFree(p); }
};
using pool_handle = std::unique_ptr<virStoragePool, free_pool>;

struct free_memory {
    void operator()(void* p) const noexcept { std::free(p); }
};
using c_text = std::unique_ptr<char, free_memory>;

inline std::string text_of(c_text text) {
    return text ? std::string(text.get()) : std::string();
}

}  // namespace caravan::libvirt

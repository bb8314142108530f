#include "adapters/libvirt/libvirt_hypervisor.hpp"

#include <algorithm>
#include <pugixml.hpp>

#include "adapters/libvirt/failures.hpp"
#include "adapters/libvirt/parts.hpp"

namespace caravan::libvirt {
namespace {

using namespace std::chrono_literals;

// All domains, active and not.
result<std::vector<domain_handle>> all_domains(virConnectPtr connect) {
    virDomainPtr* list = nullptr;
    const int count = virConnectListAllDomains(connect, &list, 0);
    if (count < 0) return last_failure("list domains");
    std::vector<domain_handle> domains;
    for (int i = 0; i < count; ++i) domains.emplace_back(list[i]);
    std::free(list);
    return domains;
}

port::vm_observation litter_of(const job_record& record) {
    port::vm_observation left;
    left.vm.name = record.vm;
    left.vm.uuid = record.uuid;
    left.state = port::run_state::litter;
    return left;
}

std::vector<std::string> machines_of(const std::string& capabilities) {
    pugi::xml_document document;
    document.load_string(capabilities.c_str());
    std::vector<std::string> machines;
    for (const auto& m :
         document.select_nodes("/capabilities/guest[os_type='hvm']/arch[@name='x86_64']/machine"))
        machines.emplace_back(m.node().text().get());
    std::ranges::sort(machines);
    machines.erase(std::unique(machines.begin(), machines.end()), machines.end());
    return machines;
}

std::vector<std::string> models_of(const std::string& domain_capabilities) {
    pugi::xml_document document;
    document.load_string(domain_capabilities.c_str());
    std::vector<std::string> models;
    for (const auto& m :
         document.select_nodes("/domainCapabilities/cpu/mode[@name='custom']/model[@usable='yes']"))
        models.emplace_back(m.node().text().get());
    return models;
}

}  // namespace

libvirt_hypervisor::parts::parts(config c, port::hypervisor_listener& listener)
    : where(std::move(c)),
      tell(listener),
      bases(where.images),
      files(where.images, where.sockets),
      link_(std::make_unique<connection>(where.uri, *this)),
      teller_([this](const std::stop_token& stop) { tell_changes(stop); }) {}

libvirt_hypervisor::parts::~parts() {
    teller_.request_stop();
    teller_.join();
    copies.clear();
    link_.reset();
}

void libvirt_hypervisor::parts::domain_changed(const std::string& name, const std::string& uuid) {
    const std::lock_guard lock(news_mutex_);
    changed_[name] = uuid;
    news_.notify_all();
}

void libvirt_hypervisor::parts::connected() {
    const std::lock_guard lock(news_mutex_);
    all_changed_ = true;
    news_.notify_all();
}

void libvirt_hypervisor::parts::tell_changes(const std::stop_token& stop) {
    for (;;) {
        std::unique_lock lock(news_mutex_);
        if (!news_.wait(lock, stop, [this] { return all_changed_ || !changed_.empty(); })) return;
        auto names = std::exchange(changed_, {});
        const bool all = std::exchange(all_changed_, false);
        lock.unlock();
        if (const auto connect = link_->get(); all && connect)
            if (const auto domains = all_domains(connect->get()))
                for (const auto& d : *domains) names.try_emplace(virDomainGetName(d.get()));
        for (const auto& [name, uuid] : names) tell_one(name, uuid);
    }
}

void libvirt_hypervisor::parts::tell_one(const std::string& name, const std::string& uuid) {
    {
        const std::lock_guard lock(copies_mutex);
        for (const auto& [id, one] : copies)
            if (one->work().vm.name.text == name) one->nudge();
    }
    vm_spec asked;
    asked.name = vm_name(name);
    const auto connect = link_->get();
    if (!connect) return;  // all are told anew once it is back
    const auto domain = find_domain(*connect, asked);
    if (!domain) return;
    if (*domain) {
        if (const auto seen = observe_domain(domain->get(), bases)) tell.vm_changed(*seen);
        return;
    }
    port::vm_observation gone;
    gone.vm.name = asked.name;
    gone.vm.uuid = uuid;
    const auto records = files.all();
    if (std::ranges::count(records, asked.name, &job_record::vm))
        gone.state = port::run_state::litter;
    tell.vm_changed(gone);
}

bool libvirt_hypervisor::parts::follows(const migration_id& id) {
    const std::lock_guard lock(copies_mutex);
    std::erase_if(copies, [](const auto& c) { return c.second->ended(); });
    return copies.contains(id);
}

result<found> libvirt_hypervisor::parts::find(const vm_spec& vm) const {
    auto connect = link_->get();
    if (!connect) return tl::unexpected(connect.error());
    auto domain = find_domain(*connect, vm);
    if (!domain) return tl::unexpected(domain.error());
    found it{*std::move(connect), *std::move(domain), {}};
    if (!it.domain) return it;
    const auto state = look(it.domain.get());
    if (!state) return tl::unexpected(state.error());
    it.state = *state;
    return it;
}

libvirt_hypervisor::libvirt_hypervisor(config c, port::hypervisor_listener& listener)
    : parts_(std::make_unique<parts>(std::move(c), listener)) {}

libvirt_hypervisor::~libvirt_hypervisor() = default;

job_sockets libvirt_hypervisor::sockets_of(const migration_id& id) const {
    return parts_->files.sockets_of(id);
}

result<port::host_description> libvirt_hypervisor::describe() {
    const auto connect = parts_->link().get();
    if (!connect) return tl::unexpected(connect.error());
    virNodeInfo node{};
    if (virNodeGetInfo(connect->get(), &node) < 0) return last_failure("node");
    c_text host(virConnectGetCapabilities(connect->get()));
    const auto& where = parts_->where;
    c_text guest(virConnectGetDomainCapabilities(connect->get(), where.emulator.c_str(), "x86_64",
                                                 nullptr, where.domain_type.c_str(), 0));
    if (!host || !guest) return last_failure("capabilities");
    std::error_code gone;
    const auto space = std::filesystem::space(where.images, gone);
    return port::host_description{bytes{node.memory} << 10,
                                  node.cpus,
                                  machines_of(text_of(std::move(host))),
                                  models_of(text_of(std::move(guest))),
                                  parts_->bases.digests(),
                                  gone ? 0 : space.available};
}

result<std::vector<port::vm_observation>> libvirt_hypervisor::observe() {
    const auto connect = parts_->link().get();
    if (!connect) return tl::unexpected(connect.error());
    const auto domains = all_domains(connect->get());
    if (!domains) return tl::unexpected(domains.error());
    std::vector<port::vm_observation> seen;
    for (const auto& domain : *domains) {
        auto one = observe_domain(domain.get(), parts_->bases);
        if (one)
            seen.push_back(*std::move(one));
        else if (one.error().reason != "no_such_vm")  // went away while we looked
            return tl::unexpected(one.error());
    }
    for (const auto& record : parts_->files.all())
        if (std::ranges::none_of(seen, [&](const auto& o) { return o.vm.name == record.vm; }))
            seen.push_back(litter_of(record));
    return seen;
}

}  // namespace caravan::libvirt

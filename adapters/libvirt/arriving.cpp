// The destination's half of a copy, and the removal of what either side no longer needs.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "adapters/libvirt/failures.hpp"
#include "adapters/libvirt/parts.hpp"
#include "adapters/van/names.hpp"

namespace fs = std::filesystem;

namespace caravan::libvirt {
namespace {

using namespace std::chrono_literals;

constexpr auto removal_wait_max = 10s;
constexpr auto removal_poll = 20ms;
constexpr unsigned undefine_flags =
    VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
    VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM;

bool listed(const std::vector<job_record>& all, const migration_id& id) {
    return std::ranges::count(all, id, &job_record::id) != 0;
}

bytes room_needed(const job& work) {
    bytes sum = 0;
    for (const auto& disk : work.vm.disks)
        sum += work.mode == copy_mode::cow ? disk.overlay : disk.capacity;
    return sum;
}

// Makes or makes anew the overlays; in disk mode libvirt itself creates the files, in the pool.
result<void> make_disks(const job& work, const own_layout& own, base_images& bases) {
    for (const auto& disk : work.vm.disks) {
        const auto& file = own.disks.at(disk.target);
        std::error_code ignored;
        fs::remove(file, ignored);
        if (work.mode == copy_mode::disk) continue;
        const auto base = bases.find(disk.base_digest);
        if (!base) return permanent("no_base_image", disk.base_digest);
        if (auto made = create_overlay(file, *base, disk.capacity); !made) return made;
    }
    return {};
}

// The files that go with a VM that leaves: its disks and console in our folder, no base image.
std::vector<fs::path> files_of(const domain_view& view, const fs::path& images) {
    std::vector<fs::path> files;
    const auto add = [&](const fs::path& file) {
        if (file.parent_path() == images && !is_base_image(file)) files.push_back(file);
    };
    for (const auto& disk : view.disks) add(disk.file);
    add(view.console);
    return files;
}

// Destroys and undefines, as often as libvirtd, still busy with the end of a copy, says "not now".
result<void> remove_domain(bool also_running, const std::function<result<found>()>& find) {
    const auto deadline = std::chrono::steady_clock::now() + removal_wait_max;
    for (;;) {
        const auto it = find();
        if (!it) return tl::unexpected(it.error());
        if (!it->domain) return {};
        if (it->state.running() && !also_running) return permanent("still_running");
        result<void> done;
        if (it->state.active() && virDomainDestroy(it->domain.get()) < 0)
            done = last_failure("destroy");
        else if (it->state.persistent &&
                 virDomainUndefineFlags(it->domain.get(), undefine_flags) < 0)
            done = last_failure("undefine");
        if (std::chrono::steady_clock::now() > deadline)
            return done ? unknown("still_there") : done;
        if (!done) std::this_thread::sleep_for(removal_poll);
    }
}

}  // namespace

own_layout libvirt_hypervisor::parts::layout_of(const job& work) const {
    const fs::path images = where.images, boot = where.boot;
    const auto& name = work.vm.name.text;
    own_layout own{
        where.emulator, boot / "vmlinuz", boot / "initrd", images / (name + ".console"), {}, {}};
    for (const auto& disk : work.vm.disks)
        own.disks[disk.target] = images / (name + "-" + disk.target + ".qcow2");
    for (std::size_t i = 0; i < work.vm.nics.size(); ++i)
        own.nics.push_back({van::bridge_name(work.vm.nics[i].van), van::tap_name(work.id, i)});
    return own;
}

void libvirt_hypervisor::parts::refresh_pool(virConnectPtr connect) const {
    if (const pool_handle pool{virStoragePoolLookupByName(connect, where.pool.c_str())})
        virStoragePoolRefresh(pool.get(), 0);
}

result<own_domain> libvirt_hypervisor::own_domains(const job& work) const {
    return localise(work.vm.neutral_xml, work.vm, parts_->layout_of(work));
}

result<void> libvirt_hypervisor::stage(const job& work) {
    const auto own_xml = own_domains(work);
    if (!own_xml) return tl::unexpected(own_xml.error());
    const auto it = parts_->find(work.vm);
    if (!it) return tl::unexpected(it.error());
    const auto records = parts_->files.all();
    const bool ours = listed(records, work.id);
    if (it->domain) return ours ? result<void>() : permanent("vm_exists", work.vm.name.text);

    const auto own = parts_->layout_of(work);
    job_record record{work.id, work.vm.name, work.vm.uuid, {own.console}};
    for (const auto& [target, file] : own.disks) {
        if (!ours && fs::exists(file)) return permanent("image_exists", file);
        if (work.mode == copy_mode::cow)
            for (const auto& disk : work.vm.disks)
                if (disk.base_digest.empty() || !parts_->bases.find(disk.base_digest))
                    return permanent("no_base_image", disk.target + " " + disk.base_digest);
        record.files.emplace_back(file);
    }
    const auto view = read_domain(own_xml->persistent);
    for (const auto& file : {own.emulator, view->kernel.empty() ? own.emulator : own.kernel})
        if (!fs::exists(file)) return permanent("no_boot_files", file);
    std::error_code gone;
    const auto space = fs::space(parts_->where.images, gone);
    if (gone || space.available < room_needed(work))
        return transient("no_disk_room", std::to_string(space.available) + " bytes free");

    if (auto put = parts_->files.put(record); !put) return put;
    if (auto made = make_disks(work, own, parts_->bases); !made) return made;
    parts_->refresh_pool(it->connect.get());
    return {};
}

result<void> libvirt_hypervisor::discard(const job& work) {
    const auto it = parts_->find(work.vm);
    if (!it) return tl::unexpected(it.error());
    const auto records = parts_->files.all();
    const bool recorded = listed(records, work.id);
    const bool never_ours = work.here == side::destination && !recorded && !work.forfeited;
    if (it->domain && !never_ours && !staged_by_another(records, work)) {
        if (it->state.running() && !work.forfeited) return permanent("still_running", work.vm.name.text);
        if (!recorded) {
            const auto xml = domain_text(it->domain.get(), VIR_DOMAIN_XML_INACTIVE);
            if (!xml) return tl::unexpected(xml.error());
            const auto view = read_domain(*xml);
            if (!view) return tl::unexpected(view.error());
            if (auto put = parts_->files.put(
                    {work.id, work.vm.name, work.vm.uuid, files_of(*view, parts_->where.images)});
                !put)
                return put;
        }
        if (auto removed = remove_domain(work.forfeited, [&] { return parts_->find(work.vm); }); !removed)
            return removed;
    }
    if (auto removed = parts_->files.remove(work.id); !removed) return removed;
    parts_->refresh_pool(it->connect.get());
    return {};
}

result<void> libvirt_hypervisor::resume(const job& work) {
    const auto it = parts_->find(work.vm);
    if (!it) return tl::unexpected(it.error());
    const bool off = it->domain && it->state.off();
    const bool was_ours = !listed(parts_->files.all(), work.id);  // said once more
    if (was_ours && off && it->state.meant_to_be_off()) return parts_->keep();
    if (!it->domain || (!it->state.running() && !it->state.whole() && !off))
        return permanent("copy_not_whole", work.vm.name.text);
    // The right to run is ours, so the source is off for good and its memory gone. libvirt defines an
    // arriving domain only once it is whole: if its process died since, its disk is all there.
    if (!it->state.running() && (off ? virDomainCreate(it->domain.get()) : virDomainResume(it->domain.get())) < 0) {
        const auto now = look(it->domain.get());
        if (!now || !now->running()) return last_failure(off ? "start" : "resume");
    }
    virDomainSetAutostart(it->domain.get(), 0);
    parts_->files.forget(work.id);
    return parts_->keep();
}

// The source removes its copy on the strength of this: what names ours must outlive a loss of power. QEMU has
// flushed the disk at the copy's end, libvirt the definition; the folders that name them nobody has.
result<void> libvirt_hypervisor::parts::keep() const {
    if (!sync_folder(where.images)) return transient("not_durable", where.images + ": " + std::strerror(errno));
    if (!sync_folder(where.definitions)) ::sync();  // kept elsewhere, wherever that is: a session's, a container's
    return {};
}

}  // namespace caravan::libvirt

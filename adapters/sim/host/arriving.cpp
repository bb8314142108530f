// A copy on its way in: what libvirt and QEMU do at the destination.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "adapters/sim/host/folder_body.hpp"
#include "adapters/sim/host/nbd.hpp"

namespace caravan::sim {

using guarded = std::lock_guard<std::mutex>;

namespace {

constexpr std::size_t chunk = 64 << 10;

struct incoming {
    vm_record record;
    ear nbd, mem;
    bool whole = false;
};

// A file of that size to be written.
class target_file {
  public:
    target_file(const std::filesystem::path& path, bytes size)
        : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
        well_ = fd_ >= 0 && ::ftruncate(fd_, static_cast<off_t>(size)) == 0;
    }
    target_file(const target_file&) = delete;
    ~target_file() {
        if (fd_ >= 0) ::close(fd_);
    }
    bool well() const noexcept { return well_; }
    bool write(bytes at, std::span<const char> from) {
        well_ = well_ && ::pwrite(fd_, from.data(), from.size(), static_cast<off_t>(at)) ==
                             static_cast<ssize_t>(from.size());
        return well_;
    }

  private:
    const int fd_;
    bool well_ = false;
};

bool store_disk(line& from, const vm_spec& vm, const vm_files& files, const patience& p) {
    std::optional<target_file> to;
    const auto open = [&](const std::string& name) -> std::optional<bytes> {
        const auto d = std::ranges::find(vm.disks, name, &disk_spec::target);
        if (d == vm.disks.end()) return std::nullopt;
        const bytes size = std::max(d->capacity, d->overlay);
        to.emplace(files.disk_of(vm, *d), size);
        return to->well() ? std::optional(size) : std::nullopt;
    };
    const auto put = [&](bytes at, std::span<const char> part) { return to->write(at, part); };
    return nbd::serve(from, open, put, p) && to->well();
}

bool store_memory(line& from, const vm_spec& vm, const vm_files& files, const patience& p) {
    std::string size(8, '\0'), part;
    if (!from.read(size, p) || nbd::value(size) != vm.memory) return false;
    target_file to(files.memory_of(vm), vm.memory);
    for (bytes at = 0; to.well() && at < vm.memory; at += part.size()) {
        part.resize(std::min<bytes>(chunk, vm.memory - at));
        if (!from.read(part, p) || !to.write(at, part)) return false;
    }
    return to.well() && from.write(std::string(1, '\1'), p);
}

bool receive(incoming& copy, const vm_files& files, const patience& p) {
    const auto& vm = copy.record.vm;
    for (std::size_t n = 0; n < vm.disks.size(); ++n) {
        auto disk = copy.nbd.accept(p);
        if (!disk || !store_disk(*disk, vm, files, p)) return false;
    }
    auto memory = copy.mem.accept(p);
    return memory && store_memory(*memory, vm, files, p);
}

// The staged VM that a Prepare is about: its gate has put this host's own socket into the call.
std::unique_ptr<incoming> prepared(const gate::prepare_call& call, const vm_files& files) {
    for (auto& r : files.all()) {
        const auto mem = files.socket_of(r.of, "mem");
        if (r.state != vm_state::staged || uri_of(mem) != text_in(call.params, "migrate_uri")) continue;
        auto for_disks = ear::open(files.socket_of(r.of, "nbd"));
        auto for_memory = ear::open(mem);
        if (!for_disks || !for_memory) return nullptr;
        return std::make_unique<incoming>(incoming{std::move(r), std::move(*for_disks), std::move(*for_memory)});
    }
    return nullptr;
}

// What any libvirtd would say.
gate::message greeting_to(const gate::message& call, std::int32_t procedure) {
    constexpr std::int32_t auth_list = 66;
    if (procedure == auth_list) return gate::auth_reply{{0}};
    if (std::holds_alternative<gate::feature_call>(call)) return gate::feature_reply{1};
    return gate::nothing{};
}

}  // namespace

// One connection to "libvirtd", with at most one copy.
struct folder_hypervisor::body::reception {
    body& of;
    const std::stop_source stop;
    std::unique_ptr<incoming> copy;

    gate::message answer(const heard_call& heard) {
        if (const auto* call = std::get_if<gate::prepare_call>(&heard.what)) return prepare(*call);
        if (std::holds_alternative<gate::finish_call>(heard.what)) return finish();
        return greeting_to(heard.what, heard.head.procedure);
    }
    gate::message prepare(const gate::prepare_call& call) {
        const guarded lock(of.mutex);
        if (!copy) copy = prepared(call, of.files);
        if (!copy || of.coming.contains(copy->record.of)) {
            copy = nullptr;
            return refusal_of("nothing is staged for it");
        }
        of.coming[copy->record.of] = stop;
        of.changed.notify_all();
        return gate::prepare_reply{};
    }
    gate::message finish() {
        const guarded lock(of.mutex);
        if (!copy || !copy->whole || stop.stop_requested()) return refusal_of("its copy is not whole");
        copy->record.state = vm_state::paused;
        if (!of.files.put(copy->record)) return refusal_of("its state cannot be written");
        of.coming.erase(copy->record.of);
        of.changed.notify_all();
        return finish_reply_of(std::exchange(copy, nullptr)->record.vm);
    }
    ~reception() {
        if (!copy) return;
        const guarded lock(of.mutex);
        std::error_code ignored;
        std::filesystem::remove(of.files.memory_of(copy->record.vm), ignored);
        of.coming.erase(copy->record.of);
        of.changed.notify_all();
    }
};

void folder_hypervisor::body::welcome(const std::stop_token& stop) {
    while (auto guest = front.accept({stop})) {
        const guarded lock(mutex);
        std::erase_if(visits, [](const visit& v) { return v.over; });
        auto& one = visits.emplace_back();
        one.servant = std::jthread([this, &one, from = std::move(*guest)]() mutable {
            std::stop_source own;
            {
                const guarded begun(mutex);  // until then it is not there
                own = one.servant.get_stop_source();
            }
            serve(std::move(from), own);
            const guarded done(mutex);
            one.over = true;
        });
    }
}

void folder_hypervisor::body::serve(line from, const std::stop_source& stop) {
    talk with(std::move(from));
    reception desk{*this, stop, nullptr};
    const patience p{stop.get_token()};
    while (const auto heard = with.hear(p)) {
        const bool empty = !desk.copy;
        if (!with.reply(*heard, desk.answer(*heard), p)) return;
        if (empty && desk.copy && !(desk.copy->whole = receive(*desk.copy, files, {p.stop, &with.on()}))) return;
    }
}

}  // namespace caravan::sim

// A copy on its way out: what libvirt and QEMU do at the source.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "adapters/sim/host/folder_body.hpp"
#include "adapters/sim/host/nbd.hpp"

namespace caravan::sim {

using clock = std::chrono::steady_clock;
using guarded = std::lock_guard<std::mutex>;

namespace {

constexpr std::size_t chunk = 64 << 10;
constexpr auto between_progress = std::chrono::milliseconds(250);

// A memory or disk; zeroes past its end, and where there is none.
class source_file {
  public:
    explicit source_file(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    source_file(const source_file&) = delete;
    ~source_file() {
        if (fd_ >= 0) ::close(fd_);
    }
    bool read(bytes at, std::span<char> into) const {
        const auto got = fd_ < 0 ? 0 : ::pread(fd_, into.data(), into.size(), static_cast<off_t>(at));
        if (got < 0) return false;
        std::ranges::fill(into.subspan(static_cast<std::size_t>(got)), '\0');
        return true;
    }

  private:
    const int fd_;
};

bytes size_of(const disk_spec& d, copy_mode mode) { return mode == copy_mode::cow ? d.overlay : d.capacity; }

// Sends files at a pace, and tells how far it has come.
class sending {
  public:
    sending(const job& work, bytes rate, port::hypervisor_listener& tell, const patience& p)
        : rate_(rate), tell_(tell), patience_(p) {
        if (work.bandwidth > 0 && (rate_ == 0 || work.bandwidth < rate_)) rate_ = work.bandwidth;
        done_.id = work.id;
        done_.memory_total = work.vm.memory;
        for (const auto& d : work.vm.disks) done_.disk_total += size_of(d, work.mode);
    }

    bool disk(line to, const std::string& target, const std::filesystem::path& path, bytes size) {
        const source_file from(path);
        return nbd::send(to, target, size, [&](bytes at, std::span<char> part) {
            return from.read(at, part) && spend(part.size(), done_.disk_done);
        }, patience_);
    }
    bool memory(line to, const std::filesystem::path& path, bytes size) {
        const source_file from(path);
        std::string part;
        bool well = to.write(nbd::number(size, 8), patience_);
        for (bytes at = 0; well && at < size; at += part.size()) {
            part.resize(std::min<bytes>(chunk, size - at));
            well = from.read(at, part) && to.write(part, patience_) && spend(part.size(), done_.memory_done);
        }
        char yes = 0;
        return well && to.read({&yes, 1}, patience_) && yes == 1;
    }
    void paused_for(clock::duration span) {
        done_.downtime = std::chrono::duration_cast<duration>(span);
        tell_.copy_progressed(done_);
    }

  private:
    // At the pace; false: in vain.
    bool spend(bytes more, bytes& done) {
        sent_ += more;
        done += more;
        progress();
        if (rate_ == 0) return true;
        const auto due = began_ + std::chrono::microseconds(sent_ * 1'000'000 / rate_);
        const auto early = std::chrono::duration_cast<std::chrono::milliseconds>(due - clock::now());
        return early.count() <= 0 || rest(early, patience_);
    }
    void progress() {
        const auto now = clock::now();
        if (now - told_ < between_progress) return;
        const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(now - told_).count();
        done_.rate = (sent_ - sent_then_) * 1000 / static_cast<bytes>(span);
        told_ = now;
        sent_then_ = sent_;
        tell_.copy_progressed(done_);
    }

    bytes rate_;
    port::hypervisor_listener& tell_;
    const patience& patience_;
    port::copy_progress done_;
    const clock::time_point began_ = clock::now();
    clock::time_point told_ = began_;
    bytes sent_ = 0, sent_then_ = 0;
};

}  // namespace

bool folder_hypervisor::body::is_leaving(const migration_id& id) const {
    const auto found = leaving.find(id);
    return found != leaving.end() && !found->second.over;
}

result<void> folder_hypervisor::start_copy(const job& work) {
    const guarded lock(body_->mutex);
    if (body_->is_leaving(work.id)) return {};
    auto r = body_->files.find(work.vm.name);
    if (r && r->state == vm_state::running) {
        r->of = work.id;
        if (auto kept = body_->files.put(*r); !kept) return kept;
        auto& one = body_->leaving[work.id];
        one.carrier = {};  // an earlier one is over, and has told so when it is joined
        body_->tell.copy_begun(work.id);
        one.over = false;
        one.carrier = std::jthread([this, work](const std::stop_token& stop) { body_->depart(work, stop); });
        body_->changed.notify_all();
        return {};
    }
    if (!r || r->of != work.id || r->state == vm_state::staged)
        return permanent("vm_not_running", work.vm.name.text);
    // It was copied in an earlier life of the agent.
    body_->tell.copy_begun(work.id);
    body_->leaving[work.id].over = true;
    body_->leaving[work.id].carrier = std::jthread([this, id = work.id, off = r->state == vm_state::off] {
        body_->tell.copy_ended(id, off ? result<void>() : unknown("copy_unknown"));
    });
    return {};
}

void folder_hypervisor::body::depart(const job& work, const std::stop_token& stop) {
    const auto how = carry(work, stop);
    {
        const guarded lock(mutex);
        leaving[work.id].over = true;
        changed.notify_all();
    }
    tell.copy_ended(work.id, how);
}

result<void> folder_hypervisor::body::carry(const job& work, const std::stop_token& stop) {
    const auto cut = [&] { return transient(stop.stop_requested() ? "copy_aborted" : "copy_cut", work.vm.name.text); };
    const auto refused = [](const std::optional<gate::message>& m) {
        const auto* e = m ? std::get_if<gate::error_reply>(&*m) : nullptr;
        return e ? std::optional(e->message.value_or("")) : std::nullopt;
    };
    const auto mem = files.socket_of(work.id, "mem"), nbd = files.socket_of(work.id, "nbd");
    auto way = line::dial(files.socket_of(work.id, "ctl"));
    if (!way) return transient("copy_failed", "its channel is not open");
    talk with(std::move(*way));
    auto answer = with.call(procedure_number::open, gate::open_call{"qemu:///system", 0}, {stop});
    if (answer) answer = with.call(procedure_number::prepare, prepare_call_of(work, mem, nbd), {stop});
    if (!answer) return cut();
    if (const auto why = refused(answer)) return transient("copy_failed", *why);

    const patience p{stop, &with.on()};
    sending all(work, host.rate, tell, p);
    for (const auto& d : work.vm.disks) {
        auto to = line::dial(nbd);
        if (!to || !all.disk(std::move(*to), d.target, files.disk_of(work.vm, d), size_of(d, work.mode))) return cut();
    }
    auto to = line::dial(mem);
    if (!to || !all.memory(std::move(*to), files.memory_of(work.vm), work.vm.memory)) return cut();

    if (!become(work.vm.name, vm_state::running, vm_state::paused)) return transient("vm_not_running");
    const auto paused = clock::now();
    // Not to be stopped: whether it happened must be heard.
    answer = with.call(procedure_number::finish, finish_call_of(work, mem, nbd), {});
    if (!answer) return unknown("copy_unknown", work.vm.name.text);
    if (const auto why = refused(answer)) {
        become(work.vm.name, vm_state::paused, vm_state::running);
        return transient("copy_failed", *why);
    }
    all.paused_for(clock::now() - paused);
    become(work.vm.name, vm_state::paused, vm_state::off);
    return {};
}

result<void> folder_hypervisor::abort_copy(const job& work) {
    std::jthread carrier;
    {
        const guarded lock(body_->mutex);
        if (const auto found = body_->leaving.find(work.id); found != body_->leaving.end())
            carrier = std::move(found->second.carrier);
    }
    carrier.request_stop();
    carrier = {};
    const guarded lock(body_->mutex);
    body_->leaving.erase(work.id);
    auto r = body_->files.find(work.vm.name);
    if (!r) return {};
    const bool here_for_good = r->of.text.empty() || r->state == vm_state::running;
    if (r->of != work.id) return here_for_good ? result<void>() : permanent("not_of_this_job", work.vm.name.text);
    r->of = {};
    r->state = vm_state::running;
    body_->changed.notify_all();
    return body_->files.put(*r);
}

}  // namespace caravan::sim

// world: everything outside of Caravan, simulated: hosts of clouds, the VMs and copies on them, the
// copies under way, the channels they need, and the WAN. It watches itself: at every change it
// checks that no VM runs twice and that no last copy is destroyed; `violations` has what it saw.
//
// Thread-safe. Ports (hypervisor.hpp, network.hpp, channel.hpp) are thin windows to it; what they
// tell is told by `timing`. Whatever drives `timing` must have stopped before the world goes.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "actors/ports/channel.hpp"
#include "actors/ports/hypervisor.hpp"
#include "adapters/sim/copy_faults.hpp"
#include "adapters/sim/timing.hpp"

namespace caravan::sim {

struct place {
    cloud_name cloud;
    host_name host;
    friend auto operator<=>(const place&, const place&) = default;
};

struct pace {
    bytes rate = 0;                                // of one copy, bytes/s; 0: all at once
    duration tick = std::chrono::milliseconds(5);  // how often a copy under way gets on
    duration trip{};                               // one way over the WAN
    duration confirm{};                            // from the Finish reply until the source is off
    duration resume_wait = std::chrono::milliseconds(50);  // until a paused source resumes itself
    duration stall = std::chrono::seconds(5);              // darkness until the proxies close a job
};

struct announcement {  // a guest's address is heard at a host
    instant at{};
    std::string mac;
    place where;
};

// Sees every change at the instant it happens, within the call that makes it: it asks nothing of the world.
class witness {
  public:
    virtual ~witness() = default;
    // state absent or litter: gone. `whole`: all of its disk and memory is there, or was when it was
    // powered off.
    virtual void copy_changed(const vm_name&, const place&, port::run_state, bool whole) = 0;
    virtual void copy_flows(const job&, const place& from, const place& to) = 0;  // some bytes got over
    virtual void announced(const announcement&) = 0;
    virtual void record_sent(const migration_id&, const std::string& bytes) = 0;
};

// The four ends of a migration's channel.
enum class channel_end : std::uint8_t {
    source_agent,
    source_relay,
    destination_relay,
    destination_agent
};

class world {
  public:
    explicit world(sim::timing, sim::pace = {});
    world(const world&) = delete;

    // ---- the ground
    void add_host(const place&, port::host_description);
    void boot(const place&, const vm_spec&);
    void start(const place&, const vm_name&);  // its owner does, if it is off
    void set_pace(const sim::pace&);
    void set_witness(witness* w) { witness_ = w; }  // before all traffic

    // ---- faults
    void set_dark(bool);  // the WAN swallows everything; the proxies close after `stall`
    void set_deaf(bool);  // records sent over open channels get lost
    void close_streams(const migration_id&);  // reset by somebody on the way
    void restart_daemon(const place&);
    void power_loss(const place&);
    // Its hypervisor answers nothing and tells nothing; what happened meanwhile is told when it does again.
    void set_reachable(const place&, bool);
    bool reachable(const place&) const;
    void kill_guest(const place&, const vm_name&);  // its QEMU

    // ---- what an outsider sees
    struct copy_seen {
        place where;
        port::run_state state;
        bool port_active;
    };
    std::vector<copy_seen> copies_of(const vm_name&) const;
    std::vector<std::string> leftovers(const place&, const migration_id&, const vm_name&) const;
    std::vector<std::string> leftovers() const;  // of any job, anywhere
    std::vector<std::string> leftovers_of(const migration_id&) const;  // files, streams, a copy under way
    std::vector<std::string> violations() const;
    std::vector<announcement> announcements() const;

    // ---- for the ports
    instant now() const { return timing_.now(); }
    void listen(const place&,
                port::hypervisor_listener*);  // nullptr: no more; waits for what is told
    result<port::host_description> describe(const place&) const;
    result<std::vector<port::vm_observation>> observe(const place&) const;
    result<void> stage(const place&, const job&);
    result<void> discard(const place&, const job&);
    result<void> start_copy(const place&, const job&);
    result<void> abort_copy(const place&, const job&);
    result<void> prove_off(const place&, const job&);
    result<void> resume(const place&, const job&);

    void plug(const place&, const vm_spec&, bool active);  // a silent plug leaves an active one be
    void unplug(const place&, const vm_spec&);

    using holder = std::uint64_t;
    holder add_channel(port::channel_listener*);
    void remove_channel(holder);
    void open_end(holder, channel_end, const job&);
    void close_ends(holder, const migration_id&);
    std::vector<migration_id> ends_of(holder) const;
    result<void> send_record(holder, const migration_id&, const std::string& bytes);

  private:
    struct copy {
        vm_spec vm;
        port::run_state state = port::run_state::off;
        bool job = false;
        migration_id of;  // the job that brought it, until it is resumed
        bool whole = true;
        bool migrated = false;  // off for that reason (VIR_DOMAIN_SHUTOFF_MIGRATED); a new daemon forgets it
    };
    struct host {
        port::host_description has;
        std::map<vm_name, copy> copies;
        std::map<migration_id, vm_spec> files;  // of jobs
        std::map<std::string, bool> ports;      // by MAC: active, or silent
        std::set<migration_id> followed;        // by the adapter that lives now
        port::hypervisor_listener* listener = nullptr;
        bool reachable = true;
    };
    struct copying {
        job what;
        place from, to;
        copy_part at = copy_part::disk;
        port::copy_progress done;
        instant told{}, ticked{};
        std::uint64_t number = 0;  // of this try
    };
    struct end_open {
        holder by = 0;
        place where;
    };

    host& at(const place&);
    const host& at(const place&) const;
    copy* find(const place&, const vm_name&);

    void begin(const place&, const job&);
    void step(const migration_id&, std::uint64_t number);
    void step_later(const copying&, duration);
    bool advance(copying&);
    void strike(const migration_id&, copy_fault);
    void strike_all(const place&, copy_fault as_source, copy_fault as_destination,
                    const vm_name* only = nullptr);
    result<void> answers(const place&) const;
    void resume_later(const place&, const job&);
    static bool staged_by_another(const host&, const job&);
    void end(const copying&, const result<void>&);
    bool superseded(const migration_id&, std::uint64_t number) const;
    bool flows(const migration_id&) const;
    void close_dark();

    void become(const place&, copy&, port::run_state, bool job);
    void erase(const place&, const vm_name&);
    void announce(const place&, const std::string& mac);
    void check(const vm_name&, const char* after, bool destroyed);
    void tell_changed(const place&, const copy&);
    void tell_host(const place&, std::function<void(port::hypervisor_listener&)>);
    void tell_channel(holder, std::function<void(port::channel_listener&)>);

    const sim::timing timing_;
    std::mutex telling_;  // held while a listener is told; before mutex_
    mutable std::mutex mutex_;
    sim::pace pace_;
    std::map<place, host> hosts_;
    std::map<migration_id, copying> copyings_;
    std::map<migration_id, std::map<channel_end, end_open>> ends_;
    std::map<holder, port::channel_listener*> channels_;
    std::vector<std::string> violations_;
    std::vector<announcement> announcements_;
    witness* witness_ = nullptr;
    std::uint64_t next_ = 1;
    std::uint64_t darkness_ = 0;  // 0: it is bright
    bool deaf_ = false;
};

}  // namespace caravan::sim

// gate: judges one migration's libvirt control stream, frame by frame. One stands at each cloud's
// proxy, one per ctl stream:
//
//   libvirtd A ── call ──> gate(source) ══ WAN ══ gate(destination) ── call ──> libvirtd B
//              <── reply ──            ══     ══                   <── reply ──
//
// Pure: bytes in, bytes out; no socket, clock or thread. Not for two threads at once.
//
// Default deny. Through pass the calls of one peer-to-peer PAUSED migration of the ticket's VM, in
// order, each once, with the ticket's flags, disks and sockets; replies to open calls; keepalive.
// Only neutral names cross (the neutral convention below), whatever libvirt says; nothing of the
// other cloud is believed: its URIs and XML are judged, then replaced by our own.
// Wire format: libvirt's src/rpc/virnetprotocol.x and src/remote/remote_protocol.x.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/ticket.hpp"

namespace caravan::gate {

inline constexpr std::size_t frame_size_max = 4u << 20;  // bytes, the length word included

enum class place : std::uint8_t { source, destination };  // whose proxy this gate stands at
enum class direction : std::uint8_t {
    call,   // from the source's libvirtd towards the destination's
    reply,  // the other way
};

// The neutral convention: what both clouds agree on, so that nothing of either has to be said.
inline constexpr std::string_view neutral_prefix =
    "/caravan/";                                               // of every path in XML that crosses
inline constexpr std::string_view neutral_bridge = "caravan";  // the name of every bridge
std::string neutral_mem_uri(const migration_id&);              // unix:///caravan/ID-mem.sock
std::string neutral_nbd_uri(const migration_id&);              // unix:///caravan/ID-nbd.sock

struct policy {
    ticket leave;  // verified by whoever made the gate: id, vm, vm_uuid, disks, whole_disk
    std::string own_mem_uri;  // the own libvirt's migrate_uri, "unix:///…/ID-mem.sock"
    std::string own_nbd_uri;  // the own libvirt's disks_uri
    // Destination: take the place of the peer's; plain, without declaration or comment. Empty: the
    // peer's neutral one passes, once judged.
    std::string own_live_xml;
    std::string own_persistent_xml;
    // Own wall clock when the gate was made, ms since 1970. The job statistics' times cross
    // relative to it, so that neither clock is told and downtime comes out right at both ends.
    std::int64_t opened_ms = 0;
    // Tripwire: own host names, UUIDs, addresses, paths, bridges. A frame about to leave with one
    // of them in it is refused.
    std::vector<std::string> own_markers;
};

struct refusal {
    std::string reason;  // fit for other clouds. Of frames: too_large, not_canonical, wrong_order,
                         // procedure_refused, unasked_reply, wrong_keepalive. Of what they say:
                         // wrong_open, wrong_flags, wrong_uri, wrong_disks, wrong_parameter,
                         // foreign_domain, forbidden_element, forbidden_value, inside_name,
                         // no_persistent_xml. Of the gate itself: gate_failed (no memory)
    std::string detail;  // inside: for the own audit log
    friend bool operator==(const refusal&, const refusal&) = default;
};

struct verdict {
    std::string forward;             // send on in the same direction
    std::string answer;              // send back to where the bytes came from
    std::optional<refusal> refused;  // send what is above, then close both ways; a last word
    bool destination_ready = false;  // source: a successful Finish reply is in `forward`
    bool finishing = false;          // source: a Finish call waits for its reply, and the guest with it
    std::string inside;              // real texts of errors that were scrubbed; own audit log only
};

class gate {
  public:
    gate(place, policy);
    ~gate();
    gate(gate&&) noexcept;
    gate& operator=(gate&&) noexcept;

    // Takes bytes in any chunking; keeps at most one unfinished frame per direction. A refused call
    // is answered with a libvirt error that carries the reason's name. Once it has refused, a gate
    // forwards nothing more and answers every take with the same refusal.
    verdict take(direction, std::string_view bytes);

  private:
    struct stream;
    std::unique_ptr<stream> stream_;
};

}  // namespace caravan::gate

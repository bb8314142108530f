// talk: the calls of a libvirt migration, said by a simulated source and answered by a simulated
// destination in libvirt's own words, so that the real gates judge them on their way. Of the
// domain only what the gates must see is said: name, UUID, an emulator.
//
// Beside it, disks go as NBD (nbd.hpp), and the memory as its size, 8 bytes, big-endian, and its bytes; one
// byte comes back when all of it is written.
#pragma once

#include "adapters/channel/gate/procedures.hpp"
#include "adapters/sim/host/line.hpp"
#include "events/job.hpp"

namespace caravan::sim {

enum class procedure_number : std::int32_t { open = 1, prepare = 303, finish = 306 };

struct heard_call {
    gate::header head;
    gate::message what;
};

class talk {
  public:
    explicit talk(line on) : line_(std::move(on)) {}

    // At the source: nothing if the line broke; an error_reply if it was refused, by a gate or there.
    std::optional<gate::message> call(procedure_number, gate::message, const patience&);
    // At the destination: the next call; nothing if it ended or made no sense.
    std::optional<heard_call> hear(const patience&);
    bool reply(const heard_call&, gate::message, const patience&);

    const line& on() const noexcept { return line_; }

  private:
    std::optional<std::string> frame(const patience&);
    line line_;
    std::uint32_t serial_ = 0;
};

gate::message prepare_call_of(const job&, const std::string& mem, const std::string& nbd);  // paths
gate::message finish_call_of(const job&, const std::string& mem, const std::string& nbd);
gate::message finish_reply_of(const vm_spec&);
gate::message refusal_of(const std::string& text);
std::string uri_of(const std::string& path);
std::string text_in(const std::vector<gate::typed_param>&, std::string_view field);  // empty: none

}  // namespace caravan::sim

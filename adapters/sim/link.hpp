// link_hub: the control links of one cloud in one process: one server, a client for each device,
// and wires between that can be cut. Frames are the same strings as on a real link.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "actors/ports/link.hpp"
#include "adapters/sim/timing.hpp"

namespace caravan::sim {

class link_hub {
  public:
    // Whatever drives `timing` must have stopped before the hub goes.
    explicit link_hub(sim::timing clockwork) : timing_(std::move(clockwork)) {}
    link_hub(const link_hub&) = delete;

    // One server at a time, as one controller's life; a client is the same for its device.
    std::unique_ptr<port::link_server> server();
    std::unique_ptr<port::link_client> client(const port::device&);

    // The server's listener is told nothing from here on; all devices are disconnected. What the
    // server still sends is dropped. Also done when the server goes.
    void hush();
    void hush(const port::device&);  // the same for a device's listener
    void cut(const port::device&);   // what is under way on the wire gets lost
    void heal(const port::device&);

  private:
    class server_end;
    class client_end;
    struct wire {
        port::link_listener* at_device = nullptr;
        bool cut = false, up = false;
        std::uint64_t number = 0;  // of this connection: frames of an older one are lost
    };

    void dial(const port::device&);
    void drop(const port::device&, wire&);  // with mutex_ held
    // Lost if that connection is gone by then; 0: told in any case.
    void to_server(const port::device&, std::uint64_t connection,
                   std::function<void(port::link_listener&)>);
    void to_device(const port::device&, std::uint64_t connection,
                   std::function<void(port::link_listener&)>);

    const sim::timing timing_;
    std::mutex telling_;  // held while a listener is told; before mutex_
    std::mutex mutex_;
    std::map<port::device, wire> wires_;
    port::link_listener* at_server_ = nullptr;
    std::uint64_t next_ = 1;
};

}  // namespace caravan::sim

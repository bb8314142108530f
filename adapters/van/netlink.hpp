// netlink: one socket to the kernel (rtnetlink(7), nfnetlink), by libnl. A request and its answer
// at a time; safe from several threads. It stays in the network namespace it was made in.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "events/result.hpp"

namespace caravan::van {

struct free_nl {
    void operator()(nl_sock* socket) const noexcept { nl_socket_free(socket); }
    void operator()(nl_msg* message) const noexcept { nlmsg_free(message); }
};
using message = std::unique_ptr<nl_msg, free_nl>;

message request(int type, int flags);  // NLM_F_REQUEST is added

// A nested attribute: open as long as it lives.
class nest {
  public:
    nest(nl_msg* in, int attribute) : in_(in), start_(nla_nest_start(in, attribute)) {}
    ~nest() { nla_nest_end(in_, start_); }
    nest(const nest&) = delete;
    nest& operator=(const nest&) = delete;

  private:
    nl_msg* in_;
    nlattr* start_;
};

class netlink {
  public:
    static result<netlink> open(int protocol);  // NETLINK_ROUTE, NETLINK_NETFILTER

    // Sends and waits for the kernel's word. Answers 0 or an errno.
    int tell(message);
    // The same for a batch that is done as a whole or not at all (nfnetlink(7)): the first errno.
    int tell_all(std::vector<message> batch);
    // Sends a dump request; `each` gets every answer.
    int ask(message, const std::function<void(nlmsghdr*)>& each);

  private:
    int send(const std::vector<std::uint8_t>& bytes);
    int receive(std::uint32_t first, std::uint32_t last, bool dump,
                const std::function<void(nlmsghdr*)>& each);

    std::unique_ptr<nl_sock, free_nl> socket_;
    std::uint32_t sequence_ = 0;
    std::unique_ptr<std::mutex> lock_ = std::make_unique<std::mutex>();
};

}  // namespace caravan::van

#include "adapters/van/netlink.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace caravan::van {
namespace {

constexpr timeval patience{5, 0};  // for the kernel to answer; it answers at once or not at all

message border(int type) {  // of an nf_tables batch
    auto made = request(type, 0);
    const nfgenmsg header{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
    nlmsg_append(made.get(), const_cast<nfgenmsg*>(&header), sizeof header, NLMSG_ALIGNTO);
    return made;
}

void append(std::vector<std::uint8_t>& bytes, const message& each, std::uint32_t sequence) {
    nlmsghdr* header = nlmsg_hdr(each.get());
    header->nlmsg_seq = sequence;
    const auto* start = reinterpret_cast<const std::uint8_t*>(header);
    bytes.insert(bytes.end(), start, start + header->nlmsg_len);
    bytes.resize(NLMSG_ALIGN(bytes.size()));
}

// Answers one message of an answer: an errno, 0 for an acknowledgement or an end, -1 for content.
int word_of(nlmsghdr* header) {
    if (header->nlmsg_type == NLMSG_DONE) return 0;
    if (header->nlmsg_type != NLMSG_ERROR) return -1;
    return -static_cast<const nlmsgerr*>(nlmsg_data(header))->error;
}

}  // namespace

message request(int type, int flags) {
    return message(nlmsg_alloc_simple(type, flags | NLM_F_REQUEST));
}

result<netlink> netlink::open(int protocol) {
    netlink made;
    made.socket_.reset(nl_socket_alloc());
    if (const int error = nl_connect(made.socket_.get(), protocol); error < 0)
        return transient("no_netlink", nl_geterror(error));
    const int fd = nl_socket_get_fd(made.socket_.get());
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return made;
}

int netlink::send(const std::vector<std::uint8_t>& bytes) {
    const int fd = nl_socket_get_fd(socket_.get());
    return ::send(fd, bytes.data(), bytes.size(), 0) < 0 ? errno : 0;
}

// Reads until each request from `first` to `last` was acknowledged, or one was refused.
int netlink::receive(std::uint32_t first, std::uint32_t last, bool dump,
                     const std::function<void(nlmsghdr*)>& each) {
    auto open = last - first + 1;
    while (open > 0) {
        sockaddr_nl from{};
        unsigned char* bytes = nullptr;
        int size = nl_recv(socket_.get(), &from, &bytes, nullptr);
        if (size <= 0) return ETIMEDOUT;
        const std::unique_ptr<unsigned char, decltype(&std::free)> keep(bytes, std::free);
        auto* header = reinterpret_cast<nlmsghdr*>(bytes);
        for (; nlmsg_ok(header, size); header = nlmsg_next(header, &size)) {
            // An earlier request that was given up may still be answered.
            if (header->nlmsg_seq < first || header->nlmsg_seq > last) continue;
            const int word = word_of(header);
            if (word > 0) return word;
            if (word == 0) --open;
            if (word < 0 && dump) each(header);
        }
    }
    return 0;
}

int netlink::tell(message what) {
    const std::lock_guard hold(*lock_);
    nlmsg_hdr(what.get())->nlmsg_flags |= NLM_F_ACK;
    std::vector<std::uint8_t> bytes;
    const auto own = ++sequence_;
    append(bytes, what, own);
    if (const int error = send(bytes)) return error;
    return receive(own, own, false, {});
}

int netlink::tell_all(std::vector<message> batch) {
    const std::lock_guard hold(*lock_);
    std::vector<std::uint8_t> bytes;
    append(bytes, border(NFNL_MSG_BATCH_BEGIN), ++sequence_);
    const auto first = sequence_ + 1;
    for (const auto& each : batch) {
        nlmsg_hdr(each.get())->nlmsg_flags |= NLM_F_ACK;
        append(bytes, each, ++sequence_);
    }
    const auto last = sequence_;
    append(bytes, border(NFNL_MSG_BATCH_END), ++sequence_);
    if (const int error = send(bytes)) return error;
    return receive(first, last, false, {});
}

int netlink::ask(message what, const std::function<void(nlmsghdr*)>& each) {
    const std::lock_guard hold(*lock_);
    nlmsg_hdr(what.get())->nlmsg_flags |= NLM_F_DUMP;
    std::vector<std::uint8_t> bytes;
    const auto own = ++sequence_;
    append(bytes, what, own);
    if (const int error = send(bytes)) return error;
    return receive(own, own, true, each);
}

}  // namespace caravan::van

// wan: the wide area network of the lab. Each site's proxy namespace owns a TUN device; this holds
// the other ends and carries IPv4 packets between them, so that any TCP or UDP crosses a WAN with
// delay, rate, loss and blackouts without knowing it (no netem needed).
//
//   wan run [--bulk] SOCKET SITE=NETNS,DEVICE,ADDRESS ...
//   wan ctl SOCKET '[FROM>TO] SETTING VALUE'    thales>umea: that direction only; otherwise all
//
// Settings: delay MS (one way) | rate MBIT (10^6 bit/s, 0: no limit) | loss PERCENT | queue KIB
// (drop-tail, in front of the rate limit) | black on|off (what is in flight is lost too).
// `stat` prints settings and counters. `capture FILE` writes every packet that a site hands to the
// WAN, lost later or not, as a pcap file (LINKTYPE_RAW) until `capture off`: complete, not sampled.
// --bulk lets 64 KiB segments through unsplit: several times the throughput for the same CPU, but
// loss then hits whole segments, and what is captured are segments. For throughput figures only.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using nanoseconds = std::int64_t;

[[noreturn]] void die(const std::string& what) {
    perror(what.c_str());
    exit(1);
}

nanoseconds read_clock(clockid_t which) {
    timespec t{};
    clock_gettime(which, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}
nanoseconds now() { return read_clock(CLOCK_MONOTONIC); }

// What one site's end of the WAN is: a TUN device in another network namespace.
struct site {
    std::string name;
    int fd = -1;
    in_addr_t address = 0;
};

// One direction between two sites.
struct path {
    struct packet {
        nanoseconds due = 0;
        std::string bytes;
    };
    double delay_ms = 0, rate_mbit = 0, loss_percent = 0, queue_kib = 4096;
    bool black = false;
    nanoseconds free_at = 0;  // when the line will have sent what it accepted
    std::deque<packet> flying;
    std::uint64_t sent = 0, bytes = 0, lost = 0, overflowed = 0, blacked_out = 0;

    void accept(const char* data, std::size_t size, double chance) {
        if (black) { ++blacked_out; return; }
        if (chance < loss_percent) { ++lost; return; }
        const nanoseconds at = now();
        nanoseconds leaves = at;
        if (rate_mbit > 0) {
            const double ns_per_byte = 8000 / rate_mbit;
            if (double(free_at - at) > queue_kib * 1024 * ns_per_byte) { ++overflowed; return; }
            leaves = free_at = std::max(at, free_at) + nanoseconds(double(size) * ns_per_byte);
        }
        flying.push_back({leaves + nanoseconds(delay_ms * 1e6), std::string(data, size)});
    }

    // Hands over what is due; says when the next packet will be, 0 if none flies.
    nanoseconds deliver(int fd) {
        const nanoseconds at = now();
        for (; !flying.empty() && flying.front().due <= at; flying.pop_front()) {
            const std::string& data = flying.front().bytes;
            if (black || write(fd, data.data(), data.size()) < 0) { ++blacked_out; continue; }
            ++sent;
            bytes += data.size();
        }
        return flying.empty() ? 0 : flying.front().due;
    }

    bool set(const std::string& setting, const std::string& value) {
        const double number = atof(value.c_str());
        if (setting == "delay") delay_ms = number;
        else if (setting == "rate") rate_mbit = number;
        else if (setting == "loss") loss_percent = number;
        else if (setting == "queue") queue_kib = number;
        else if (setting == "black") black = value == "on";
        else return false;
        return true;
    }
};

// A pcap file (nanosecond variant), or nothing.
class recorder {
  public:
    bool open(const std::string& file) {
        close();
        out_ = fopen(file.c_str(), "we");
        if (!out_) return false;
        const std::uint32_t head[] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 1 << 18, 101};
        return fwrite(head, sizeof head, 1, out_) == 1;
    }
    void close() {
        if (out_) fclose(out_);
        out_ = nullptr;
    }
    void add(const char* data, std::size_t size) {
        if (!out_) return;
        const nanoseconds t = read_clock(CLOCK_REALTIME);
        const auto length = static_cast<std::uint32_t>(size);
        const auto seconds = static_cast<std::uint32_t>(t / 1'000'000'000);
        const auto rest = static_cast<std::uint32_t>(t % 1'000'000'000);
        const std::uint32_t head[] = {seconds, rest, length, length};
        fwrite(head, sizeof head, 1, out_);
        fwrite(data, size, 1, out_);
    }

  private:
    FILE* out_ = nullptr;
};

class wide_area {
  public:
    explicit wide_area(bool bulk) : header_(bulk ? 10 : 0) {}

    void add_site(const std::string& word) {
        char name[32], netns[64], device[16], address[32];
        if (sscanf(word.c_str(), "%31[^=]=%63[^,],%15[^,],%31s", name, netns, device, address) != 4)
            die(word);
        const int added = int(sites_.size());
        sites_.push_back({name, open_tun(netns, device), inet_addr(address)});
        for (int other = 0; other < added; ++other) {
            paths_[{other, added}];
            paths_[{added, other}];
        }
    }

    [[noreturn]] void run(const char* file, int listener);

  private:
    int open_tun(const std::string& netns, const std::string& device) const;
    void accept_packet(int from, const char* data, std::size_t size);
    nanoseconds deliver();
    std::string obey(const std::string& line);
    void answer(int listener);

    std::size_t header_;  // virtio-net header in front of each packet in bulk
    std::vector<site> sites_;
    std::map<std::pair<int, int>, path> paths_;
    std::mt19937 dice_{1};  // a fixed seed: the same traffic loses the same packets
    recorder recorder_;
};

int wide_area::open_tun(const std::string& netns, const std::string& device) const {
    const int ns = open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET)) die(netns);
    close(ns);
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq request{};
    request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (header_ ? IFF_VNET_HDR : 0));
    strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) die(device);
    ioctl(fd, TUNSETOFFLOAD, header_ ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0);
    return fd;
}

void wide_area::accept_packet(int from, const char* data, std::size_t size) {
    if (size < header_ + 20 || (data[header_] & 0xf0) != 0x40) return;  // IPv4 only
    recorder_.add(data + header_, size - header_);
    in_addr_t target;
    memcpy(&target, data + header_ + 16, sizeof target);
    for (int to = 0; to < int(sites_.size()); ++to)
        if (to != from && sites_[to].address == target)
            paths_[{from, to}].accept(data, size, std::uniform_real_distribution<>(0, 100)(dice_));
}

nanoseconds wide_area::deliver() {
    nanoseconds next = 0;
    for (auto& [ends, path] : paths_) {
        const nanoseconds due = path.deliver(sites_[ends.second].fd);
        if (due && (!next || due < next)) next = due;
    }
    return next;
}

std::string wide_area::obey(const std::string& line) {
    std::istringstream in(line);
    std::ostringstream out;
    std::string word, value, chosen;
    in >> word;
    if (word.find('>') != std::string::npos) { chosen = word; in >> word; }
    in >> value;
    if (word == "capture") {
        if (value == "off") recorder_.close();
        else if (!recorder_.open(value)) return "refused: cannot write " + value + "\n";
        return {};
    }
    for (auto& [ends, p] : paths_) {
        const std::string name = sites_[ends.first].name + ">" + sites_[ends.second].name;
        if (!chosen.empty() && chosen != name) continue;
        if (word != "stat" && !p.set(word, value)) return "refused: unknown " + line + "\n";
        if (word == "stat")
            out << name << " delay=" << p.delay_ms << " rate=" << p.rate_mbit << " loss="
                << p.loss_percent << " black=" << p.black << " packets=" << p.sent << " bytes="
                << p.bytes << " lost=" << p.lost << " overflowed=" << p.overflowed
                << " blacked_out=" << p.blacked_out << "\n";
    }
    return out.str();
}

void wide_area::answer(int listener) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const timeval patience{0, 100'000};  // a mute client must not stop the WAN
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char line[512];
    const ssize_t n = recv(fd, line, sizeof line, 0);
    if (n > 0) {
        const std::string said = obey(std::string(line, std::size_t(n)));
        send(fd, said.data(), said.size(), MSG_NOSIGNAL);
    }
    close(fd);
}

sockaddr_un socket_address(const char* file) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    strncpy(a.sun_path, file, sizeof a.sun_path - 1);
    return a;
}

[[noreturn]] void wide_area::run(const char* file, int listener) {
    const sockaddr_un a = socket_address(file);
    unlink(file);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&a), sizeof a) || listen(listener, 8))
        die(file);
    std::vector<pollfd> watched{{listener, POLLIN, 0}};
    for (const site& s : sites_) watched.push_back({s.fd, POLLIN, 0});
    static char buffer[1 << 17];
    for (;;) {
        const nanoseconds next = deliver();
        const nanoseconds wait = next ? std::max<nanoseconds>(0, next - now()) : 0;
        const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
        ppoll(watched.data(), watched.size(), next ? &timeout : nullptr, nullptr);
        for (int i = 0; i < int(sites_.size()); ++i)
            for (int burst = 0; burst < 64; ++burst) {  // bounded, so that due packets do not wait
                const ssize_t n = read(sites_[i].fd, buffer, sizeof buffer);
                if (n <= 0) break;
                accept_packet(i, buffer, std::size_t(n));
            }
        if (watched[0].revents) answer(listener);
    }
}

// 0: obeyed; 1: no WAN there; 2: refused.
int control(const char* file, const char* command) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un a = socket_address(file);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a)) return 1;
    if (send(fd, command, strlen(command), MSG_NOSIGNAL) < 0) return 1;
    char said[4096];
    bool obeyed = true;
    for (ssize_t n; (n = recv(fd, said, sizeof said, 0)) > 0;) {
        obeyed = obeyed && strncmp(said, "refused", 7) != 0;
        fwrite(said, 1, std::size_t(n), stdout);
    }
    return obeyed ? 0 : 2;
}

}  // namespace

int main(int count, char** word) {
    std::vector<std::string> args(word + 1, word + count);
    if (args.size() == 3 && args[0] == "ctl") return control(word[2], word[3]);
    const bool bulk = args.size() > 1 && args[1] == "--bulk";
    if (bulk) args.erase(args.begin() + 1);
    if (args.size() < 4 || args[0] != "run") {
        fputs("usage: wan run [--bulk] SOCKET SITE=NETNS,DEVICE,ADDRESS ...\n"
              "       wan ctl SOCKET ORDER\n", stderr);
        return 2;
    }
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    wide_area wan(bulk);
    for (std::size_t i = 2; i < args.size(); ++i) wan.add_site(args[i]);
    prctl(PR_SET_TIMERSLACK, 1);        // wake at the nanosecond asked for, not 50 µs later
    setpriority(PRIO_PROCESS, 0, -15);  // guests on TCG eat whole cores
    wan.run(args[1].c_str(), listener);
}

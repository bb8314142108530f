// gate_relay: a lab program. Puts both gates, chained, between two real libvirtds and keeps what it
// saw: RAW is what the two libvirtds said (a corpus for the tests), WIRE what would cross between
// clouds (searched for inside names).
//
//   gate_relay LISTEN CONNECT RAW WIRE key=value…     (keys: see `policy_of`; FILE values are read)
//
// Serves connections one after another until killed. Corpus format: frames as they are, each after
// one byte: '>' a call, '<' a reply.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "adapters/channel/gate/gate.hpp"

using namespace caravan;
using gate::direction;
using gate::place;

namespace {

using settings = std::map<std::string, std::string>;

std::string read_file(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

gate::policy policy_of(const settings& s, const std::string& side) {
    const auto get = [&](const std::string& key) {
        const auto found = s.find(key);
        return found == s.end() ? std::string{} : found->second;
    };
    const auto own = [&](const std::string& key) { return get(side + "." + key); };
    gate::policy p;
    p.leave.id = migration_id{get("id")};
    p.leave.vm = vm_name{get("vm")};
    p.leave.vm_uuid = get("uuid");
    p.leave.disks = {"vda"};
    p.leave.whole_disk = get("whole_disk") == "1";
    p.own_mem_uri = own("mem");
    p.own_nbd_uri = own("nbd");
    if (!own("live").empty()) p.own_live_xml = read_file(own("live"));
    if (!own("persistent").empty()) p.own_persistent_xml = read_file(own("persistent"));
    p.opened_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
    std::istringstream markers(own("markers"));
    for (std::string marker; std::getline(markers, marker, ',');) p.own_markers.push_back(marker);
    return p;
}

int unix_socket(const std::string& path, bool listen_there) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto* where = reinterpret_cast<sockaddr*>(&address);
    if (listen_there) unlink(path.c_str());
    const int done = listen_there ? bind(fd, where, sizeof address) | listen(fd, 4)
                                  : connect(fd, where, sizeof address);
    if (done == 0) return fd;
    std::perror(path.c_str());
    std::exit(1);
}

void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// Frames in a corpus are whole, so bytes are gathered per direction until a frame is there.
void record(std::ofstream& out, char way, std::string& gathered, std::string_view bytes) {
    gathered += bytes;
    while (gathered.size() >= 4) {
        std::size_t size = 0;
        for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(gathered[i]);
        if (gathered.size() < size) return;
        out << way << gathered.substr(0, size) << std::flush;
        gathered.erase(0, size);
    }
}

void serve(int near, int far, const settings& s, std::ofstream& raw, std::ofstream& wire) {
    gate::gate source(place::source, policy_of(s, "a")),
        destination(place::destination, policy_of(s, "b"));
    std::string gathered[2];
    pollfd ends[] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
    const auto say = [&](const char* who, const gate::verdict& v) {
        if (!v.inside.empty()) std::cout << who << " inside: " << v.inside << std::flush;
        if (v.destination_ready) std::cout << who << " destination ready" << std::endl;
        if (v.refused)
            std::cout << who << " refused: " << v.refused->reason << ": " << v.refused->detail
                      << std::endl;
    };
    for (bool open = true; open && poll(ends, 2, -1) > 0;) {
        for (const int i : {0, 1}) {
            if (ends[i].revents == 0) continue;
            char bytes[65536];
            const auto got = recv(ends[i].fd, bytes, sizeof bytes, 0);
            if (got <= 0) return;
            const std::string_view said(bytes, static_cast<std::size_t>(got));
            const auto way = i == 0 ? direction::call : direction::reply;
            record(raw, i == 0 ? '>' : '<', gathered[i], said);
            const auto first = (i == 0 ? source : destination).take(way, said);
            wire << first.forward << std::flush;
            const auto second = (i == 0 ? destination : source).take(way, first.forward);
            say(i == 0 ? "source" : "destination", first);
            say(i == 0 ? "destination" : "source", second);
            send_all(ends[1 - i].fd, second.forward);
            send_all(ends[i].fd, first.answer + second.answer);
            open = !first.refused && !second.refused;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::cerr << "usage: gate_relay LISTEN CONNECT RAW WIRE key=value…\n";
        return 2;
    }
    settings s;
    for (int i = 5; i < argc; ++i) {
        const std::string_view pair = argv[i];
        s[std::string(pair.substr(0, pair.find('=')))] = pair.substr(pair.find('=') + 1);
    }
    std::ofstream raw(argv[3], std::ios::binary), wire(argv[4], std::ios::binary);
    const int listener = unix_socket(argv[1], true);
    for (int near; (near = accept(listener, nullptr, nullptr)) >= 0;) {
        const int far = unix_socket(argv[2], false);
        serve(near, far, s, raw, wire);
        close(far), close(near);
    }
}

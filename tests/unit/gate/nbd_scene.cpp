#include "tests/unit/gate/nbd_scene.hpp"

#include <map>

namespace scene::nbd {
namespace {

namespace gates = caravan::gate::nbd;

std::string number(std::uint64_t x, std::size_t size) {
    std::string out(size, '\0');
    for (; size-- > 0; x >>= 8) out[size] = static_cast<char>(x & 0xff);
    return out;
}

// One gate, and the bytes that it wants to see again.
struct station {
    gates::gate gate;
    std::string held[2];
    std::string broken;

    std::string pass(direction way, const std::string& bytes) {
        const bool was_closed = gate.refused().has_value();
        std::string& own = held[static_cast<std::size_t>(way)];
        own += bytes;
        const std::size_t passed = gate.take(way, own);
        if (passed > own.size()) broken = "more went on than came";
        if (was_closed && passed > 0) broken = "something went on after a refusal";
        std::string on = own.substr(0, passed);
        own.erase(0, passed);
        if (!gate.refused() && own.size() >= gates::whole_max) broken = "too much is held back";
        return on;
    }
};

// The source's gate is the first for calls, the destination's for replies.
struct stretch {
    station source, destination;
    std::string wire;

    std::string pass(direction way, const std::string& bytes) {
        const bool call = way == direction::call;
        const std::string crossing = (call ? source : destination).pass(way, bytes);
        wire += crossing;
        return (call ? destination : source).pass(way, crossing);
    }
    const caravan::gate::refusal* refused() const {
        if (source.gate.refused()) return &*source.gate.refused();
        return destination.gate.refused() ? &*destination.gate.refused() : nullptr;
    }
};

}  // namespace

std::string u16(std::uint16_t x) {
    return number(x, 2);
}
std::string u32(std::uint32_t x) {
    return number(x, 4);
}
std::string u64(std::uint64_t x) {
    return number(x, 8);
}

std::string greeting() {
    return "NBDMAGICIHAVEOPT" + u16(3);
}
std::string client_flags() {
    return u32(3);
}
std::string option(std::uint32_t which, const std::string& payload) {
    return "IHAVEOPT" + u32(which) + u32(std::uint32_t(payload.size())) + payload;
}
std::string option_reply(std::uint32_t which, std::uint32_t what, const std::string& payload) {
    return u64(0x3e889045565a9) + u32(which) + u32(what) + u32(std::uint32_t(payload.size())) +
           payload;
}
std::string go(const std::string& exported) {
    return u32(std::uint32_t(exported.size())) + exported + u16(1) + u16(3);
}
std::string meta_context(const std::string& exported, const std::string& context) {
    return u32(std::uint32_t(exported.size())) + exported + u32(1) +
           u32(std::uint32_t(context.size())) + context;
}
std::string request(std::uint16_t command, std::uint64_t handle, std::uint64_t offset,
                    std::uint32_t length, std::uint16_t flags) {
    return u32(0x25609513) + u16(flags) + u16(command) + u64(handle) + u64(offset) + u32(length);
}
std::string simple_reply(std::uint64_t handle, std::uint32_t error) {
    return u32(0x67446698) + u32(error) + u64(handle);
}
std::string chunk(std::uint64_t handle, std::uint16_t type, const std::string& payload,
                  std::uint16_t flags) {
    return u32(0x668e33ef) + u16(flags) + u16(type) + u64(handle) +
           u32(std::uint32_t(payload.size())) + payload;
}

bool is_request(const message& m) {
    return m.way == direction::call && m.bytes.starts_with(u32(0x25609513));
}
std::uint64_t handle_of(const message& m) {
    std::uint64_t x = 0;
    for (const char c : m.bytes.substr(8, 8)) x = x << 8 | static_cast<unsigned char>(c);
    return x;
}

outcome run(const std::vector<message>& talk, const std::function<std::size_t(std::size_t)>& bite) {
    outcome seen;
    stretch gates;
    std::map<std::uint64_t, std::string>
        numbers;  // the client's handle -> what the server was given
    for (const message& m : talk) {
        message said = m, crossed{m.way, {}}, came{m.way, {}};
        if (m.way == direction::reply && m.bytes.size() >= 16)
            if (const auto known = numbers.find(handle_of(m)); known != numbers.end())
                said.bytes.replace(8, 8, known->second);
        for (std::size_t at = 0; at < said.bytes.size();) {
            const std::size_t size = bite ? bite(said.bytes.size() - at) : said.bytes.size() - at;
            came.bytes += gates.pass(m.way, said.bytes.substr(at, size));
            crossed.bytes += std::exchange(gates.wire, {});
            at += size;
        }
        if (is_request(m) && is_request(came)) {
            numbers[handle_of(m)] = came.bytes.substr(8, 8);
            came.bytes.replace(8, 8, m.bytes.substr(8, 8));
        }
        seen.wire.push_back(std::move(crossed));
        seen.out.push_back(std::move(came));
    }
    if (const auto* why = gates.refused()) seen.reason = why->reason;
    return seen;
}

std::string talk_of(const std::vector<message>& talk) {
    std::string all;
    for (const message& m : talk)
        all += (m.way == direction::call ? ">" : "<") + number(m.bytes.size(), 3) + m.bytes;
    return all;
}

judged judge_nbd(std::string_view talk) {
    stretch gates;
    while (talk.size() > 4) {
        const auto way = talk[0] == '<' ? direction::reply : direction::call;
        std::size_t size = 0;
        for (const char c : talk.substr(1, 3)) size = size << 8 | static_cast<unsigned char>(c);
        const std::string bytes(talk.substr(4, size));
        talk.remove_prefix(4 + bytes.size());
        gates.pass(way, bytes);
        const station& second = way == direction::call ? gates.destination : gates.source;
        const station& first = way == direction::call ? gates.source : gates.destination;
        if (second.gate.refused() && !first.gate.refused())
            return {"the second gate refused what the first let through: " +
                        second.gate.refused()->reason,
                    true};
        for (const auto* one : {&first, &second})
            if (!one->broken.empty()) return {one->broken, true};
        if (gates.refused()) return {{}, true};
    }
    return {};
}

}  // namespace scene::nbd

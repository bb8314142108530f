#include "adapters/channel/gate/gate.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "adapters/channel/gate/procedures.hpp"
#include "adapters/channel/gate/rules.hpp"
#include "adapters/channel/gate/scrub.hpp"
#include "adapters/channel/gate/tripwire.hpp"

namespace caravan::gate {
namespace {

constexpr std::size_t open_calls_max = 8;  // libvirt's migration asks one at a time
constexpr std::int32_t keepalive_ping = 1, keepalive_pong = 2;

template <class E>
bool is(std::int32_t x, E e) {
    return x == static_cast<std::int32_t>(e);
}

std::string neutral_uri(const migration_id& id, std::string_view stream) {
    return "unix://" + std::string(neutral_prefix) + id.text + std::string(stream);
}

}  // namespace

std::string neutral_mem_uri(const migration_id& id) {
    return neutral_uri(id, "-mem.sock");
}
std::string neutral_nbd_uri(const migration_id& id) {
    return neutral_uri(id, "-nbd.sock");
}

struct gate::stream {
    struct open_call {
        const procedure* what;
        bool ends_ready;  // its success makes the destination's copy whole
    };

    stream(place where, policy p) : at(where), rule(std::move(p)), wire(rule.own_markers) {}

    void take(direction, std::string_view bytes, verdict&);
    void frame(direction, std::string_view bytes, verdict&);
    void keepalive(const header&, std::string_view frame, verdict&) const;
    void call(const header&, std::string_view body, verdict&);
    void reply(const header&, std::string_view body, verdict&);
    void admit(const header&, const procedure&);
    void forward(direction, const header&, message, verdict&) const;

    bool finishing() const {
        return at == place::source && std::any_of(open_calls.begin(), open_calls.end(),
                                                  [](const auto& c) { return c.second.ends_ready; });
    }
    bool leaving(direction d) const { return (d == direction::call) == (at == place::source); }
    std::string& unfinished(direction d) { return buffers[d == direction::call ? 0 : 1]; }

    place at;
    policy rule;
    tripwire wire;
    std::string buffers[2];
    stage now = stage::greeting;
    std::map<std::int32_t, unsigned> asked;         // by procedure
    std::map<std::uint32_t, open_call> open_calls;  // by serial
    std::optional<refusal> closed;
};

void gate::stream::take(direction d, std::string_view bytes, verdict& v) {
    std::string& buffer = unfinished(d);
    while (!bytes.empty()) {
        std::size_t wanted = sizeof header::length;
        if (buffer.size() >= wanted) {
            xdr::reader read(std::string_view(buffer).substr(0, wanted));
            std::uint32_t length = 0;
            read(length);
            if (length > frame_size_max) throw refusal{"too_large", std::to_string(length)};
            if (length < header_size) throw refusal{"not_canonical", "frame without a header"};
            wanted = length;
        }
        const auto part = bytes.substr(0, wanted - buffer.size());
        buffer += part;
        bytes.remove_prefix(part.size());
        // header_size > the length word: a frame is never complete while only that is known.
        if (wanted >= header_size && buffer.size() == wanted)
            frame(d, std::exchange(buffer, {}), v);
    }
}

void gate::stream::frame(direction d, std::string_view bytes, verdict& v) {
    header h;
    xdr::reader(bytes.substr(0, header_size))(h);
    const auto body = bytes.substr(header_size);
    if (h.program == program_keepalive) return keepalive(h, bytes, v);
    if (d == direction::reply) return reply(h, body, v);
    try {
        call(h, body, v);
    } catch (const refusal& why) {
        // Told to the caller, so that its libvirt has an error and not just a closed stream.
        if (is(h.type, kind::call)) v.answer += refusal_frame(h, why);
        throw;
    }
}

void gate::stream::keepalive(const header& h, std::string_view frame, verdict& v) const {
    const bool known = h.procedure == keepalive_ping || h.procedure == keepalive_pong;
    if (!known || h.version != protocol_version || !is(h.type, kind::message) || h.serial != 0 ||
        !is(h.outcome, status::ok) || frame.size() != header_size) {
        throw refusal{"wrong_keepalive", ""};
    }
    v.forward += frame;
}

// Is this call of the list, and is it its turn?
void gate::stream::admit(const header& h, const procedure& p) {
    const bool in_turn = p.from <= now && now <= p.until;
    if (!in_turn || asked[p.number] >= p.times) throw refusal{"wrong_order", std::string(p.name)};
    if (open_calls.size() >= open_calls_max || open_calls.contains(h.serial)) {
        throw refusal{"wrong_order", "too many open calls, or a serial that is open"};
    }
    ++asked[p.number];
}

void gate::stream::call(const header& h, std::string_view body, verdict& v) {
    const auto* p = find_procedure(h.procedure);
    if (h.program != program_remote || h.version != protocol_version || !is(h.type, kind::call) ||
        !is(h.outcome, status::ok) || p == nullptr) {
        throw refusal{"procedure_refused", "program " + std::to_string(h.program) + " procedure " +
                                               std::to_string(h.procedure) + " type " +
                                               std::to_string(h.type)};
    }
    admit(h, *p);
    const message m = decode(p->call, body);
    const auto* finish = std::get_if<finish_call>(&m);
    forward(direction::call, h, m, v);
    open_calls[h.serial] = {p, finish != nullptr && finish->cancelled == 0};
}

void gate::stream::reply(const header& h, std::string_view body, verdict& v) {
    const auto asked_for = open_calls.extract(h.serial);
    const bool failed = is(h.outcome, status::error);
    if (h.program != program_remote || h.version != protocol_version || !is(h.type, kind::reply) ||
        (!failed && !is(h.outcome, status::ok)) || asked_for.empty() ||
        asked_for.mapped().what->number != h.procedure) {
        throw refusal{"unasked_reply", "procedure " + std::to_string(h.procedure) + " serial " +
                                           std::to_string(h.serial)};
    }
    const auto& [what, ends_ready] = asked_for.mapped();
    forward(direction::reply, h, decode(failed ? message{error_reply{}} : what->reply, body), v);
    if (failed) return;
    now = what->leads_to.value_or(now);
    v.destination_ready |= ends_ready && at == place::source;
}

void gate::stream::forward(direction d, const header& h, message m, verdict& v) const {
    rules judge(rule, leaving(d));
    std::visit(judge, m);
    if (!judge.inside.empty()) v.inside += judge.inside + "\n";
    const auto frame = encode(h, std::move(m));
    if (leaving(d)) {
        if (const auto marker = wire.find(frame)) throw refusal{"inside_name", *marker};
    }
    v.forward += frame;
}

gate::gate(place p, policy rule) : stream_(std::make_unique<stream>(p, std::move(rule))) {}
gate::~gate() = default;
gate::gate(gate&&) noexcept = default;
gate& gate::operator=(gate&&) noexcept = default;

verdict gate::take(direction d, std::string_view bytes) {
    verdict v;
    if (!stream_->closed) {
        try {
            stream_->take(d, bytes, v);
        } catch (const refusal& why) {
            stream_->closed = why;
        } catch (const std::exception& e) {  // memory is out: a stream less is the smaller harm
            stream_->closed = refusal{"gate_failed", e.what()};
        }
    }
    v.refused = stream_->closed;
    v.finishing = !v.refused && stream_->finishing();
    return v;
}

}  // namespace caravan::gate

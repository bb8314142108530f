#include <algorithm>

#include "adapters/channel/proxy_body.hpp"

namespace caravan::channel {
namespace {

// Reads the peer's answer to a preface: whole, and its reason (empty: welcome).
void read_answer(const std::shared_ptr<wire>& from, std::function<void(bool, std::string)> done) {
    from->read_exactly(1, [=](bool whole, const std::string& size) {
        if (!whole || size.front() == 0) return done(whole, {});
        from->read_exactly(static_cast<unsigned char>(size.front()), done);
    });
}

// What a peer says is not printed unseen.
std::string plain_reason(const std::string& said) {
    const auto fit = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return std::all_of(said.begin(), said.end(), fit) ? said : "refused";
}

}  // namespace

// ---- at the source

void proxy_channel::body::from_agent(const visitor& who) {
    if (who.who.role != "agent" || who.who.cloud != cloud) return;
    hear_preface(who.line, config.stall,
                 [this, who](const preface& asked) { to_peer(asked, who); });
}

void proxy_channel::body::to_peer(const preface& asked, const visitor& agent) {
    const auto streams = find(asked.id);
    if (!streams || streams->about.here != side::source || asked.kind == lane::record) return;
    if (agent.who.name != streams->about.host.text) return;  // another host's agent
    const auto first = write_preface({asked.kind, asked.id, streams->about.ticket});
    const auto one = first ? streams->begin(asked.kind) : nullptr;
    if (!one) return;
    put_gate(*one, *streams);
    one->give(direction::call, agent.line);
    dial(thread.io(), streams->about.peer_endpoint, to_wan.get(), config.stall,
         [this, one, streams, first](const result<visitor>& far) {
             if (one->stopped()) return;
             if (!far) return streams->lose("peer_unreachable");
             if (far->who.role != "proxy" || far->who.cloud != streams->about.peer)
                 return streams->refuse("wrong_peer", "met cloud " + far->who.cloud.text);
             one->give(direction::reply, far->line);
             far->line->write_all(*first, [this, one, streams, line = far->line](bool) {
                 one->flow(direction::call);
                 hear_answer(streams, one, line);
             });
         });
}

void proxy_channel::body::hear_answer(const std::shared_ptr<bundle>& streams,
                                      const std::shared_ptr<relay>& one,
                                      const std::shared_ptr<wire>& far) {
    read_answer(far, [streams, one](bool whole, const std::string& reason) {
        if (one->stopped()) return;
        if (!whole) return streams->lose("broken");
        if (!reason.empty())
            return streams->refuse(plain_reason(reason), "the peer's proxy says so");
        one->flow(direction::reply);
    });
}

// Asked at each beat for as long as the job is open: the destination may open later than the
// source.
void proxy_channel::body::dial_records(const std::shared_ptr<bundle>& streams) {
    const auto first = write_preface({lane::record, streams->about.id, streams->about.ticket});
    if (streams->records || streams->dialling || streams->is_shut() || !first) return;
    if (streams->about.here == side::destination || streams->about.ticket.body.empty()) return;
    const std::weak_ptr<bundle> held = streams;
    const auto heard = [this, held](const std::shared_ptr<wire>& line, const std::string& reason) {
        const auto still = held.lock();
        if (!still) return;
        still->dialling = false;
        if (!line || reason == "ticket_unknown") return;
        if (!reason.empty()) return still->refuse(plain_reason(reason), "the peer's proxy says so");
        line->give_up_after({});
        keep_records(still, line);
    };
    streams->dialling = true;
    dial(thread.io(), streams->about.peer_endpoint, to_wan.get(), config.stall,
         [this, first, heard, peer = streams->about.peer](const result<visitor>& far) {
             if (!far || far->who.role != "proxy" || far->who.cloud != peer)
                 return heard(nullptr, {});
             const auto line = far->line;
             line->give_up_after(config.stall);
             line->write_all(*first, [line, heard](bool) {
                 read_answer(line, [line, heard](bool whole, const std::string& reason) {
                     heard(whole ? line : nullptr, reason);
                 });
             });
         });
}

// ---- at the destination

void proxy_channel::body::from_peer(const visitor& who) {
    if (who.who.role != "proxy") return;
    hear_preface(who.line, config.stall, [this, who](const preface& asked) { admit(asked, who); });
}

void proxy_channel::body::admit(const preface& asked, const visitor& peer) {
    const auto streams = find(asked.id);
    const bool here = streams && streams->about.here == side::destination;
    const auto good = check_ticket({peer.who.cloud, asked.id, asked.ticket},
                                   here ? known(*streams) : leave{}, ticket_key, clock.now());
    if (!good) return turn_away(asked, peer, good.error());
    peer.line->write_all(std::string(1, '\0'), [this, asked, peer, streams](bool) {
        if (asked.kind == lane::record) return keep_records(streams, peer.line);
        to_agent(asked.kind, streams, peer);
    });
}

void proxy_channel::body::turn_away(const preface& asked, const visitor& peer, const failure& why) {
    const std::string answer = static_cast<char>(why.reason.size()) + why.reason;
    peer.line->write_all(answer, [line = peer.line](bool) { line->finish(); });
    const auto now = std::chrono::steady_clock::now();
    const auto ours = find(asked.id);
    const bool early = asked.kind == lane::record && why.reason == "ticket_unknown";
    if (early || (ours ? !ours->worth_telling(why.reason, now) : now - told_of_stranger < std::chrono::seconds(1))) return;
    if (!ours) told_of_stranger = now;
    listener.refused(
        {asked.id, why.reason, why.detail + " (peer: cloud " + peer.who.cloud.text + ")"});
}

void proxy_channel::body::to_agent(lane kind, const std::shared_ptr<bundle>& streams,
                                   const visitor& peer) {
    const auto first = write_preface({kind, streams->about.id, {}});
    const auto one = first ? streams->begin(kind) : nullptr;
    if (!one) return peer.line->abort();
    put_gate(*one, *streams);
    one->give(direction::call, peer.line);
    dial(thread.io(), streams->about.agent_endpoint, to_site.get(), config.stall,
         [one, streams, first](const result<visitor>& far) {
             if (one->stopped()) return;
             const bool right =
                 far && far->who.role == "agent" && far->who.name == streams->about.host.text;
             if (!right) return streams->lose("agent_unreachable");
             one->give(direction::reply, far->line);
             far->line->write_all(*first, [one](bool) {
                 one->flow(direction::call);
                 one->flow(direction::reply);
             });
         });
}

}  // namespace caravan::channel

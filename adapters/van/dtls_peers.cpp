#include "adapters/van/dtls_peers.hpp"

#include <algorithm>
#include <utility>

namespace caravan::van {
namespace {

void ignore(octets) {}  // nobody is believed before the certificate is judged

}  // namespace

dtls_peers::dtls_peers(SSL_CTX* context, cloud_name own, const std::vector<cloud_name>& peers,
                       callbacks call)
    : context_(context), own_(std::move(own)), call_(std::move(call)), links_(peers.size()) {
    use_cookies(context_);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        links_[i].cloud = peers[i];
        links_[i].dials = own_ < peers[i];
    }
}

void dtls_peers::aim(peer_index peer, const std::optional<endpoint>& at, tick now) {
    auto& to = links_[peer];
    if (to.aim == at) return;
    to.aim = at;
    to.pending.reset();
    to.redial_at = now;
    to.redial_after = redial_first;
    if (at) return;
    if (to.current) to.current->goodbye();
    to.current.reset();
    to.waiting.clear();
    fall(to, "no network is extended to it");
}

void dtls_peers::send(peer_index peer, std::uint32_t vni, octets frame, tick now) {
    auto& to = links_[peer];
    std::array<std::uint8_t, wan_header + frame_max> whole;
    const auto size = wan_header + frame.size();
    write_wan(wan_kind::frame, vni, std::span(whole).first<wan_header>());
    std::copy(frame.begin(), frame.end(), whole.begin() + wan_header);
    if (to.up && to.current->send(octets(whole).first(size))) {
        to.spoke = now;
        return;
    }
    if (to.waiting.size() >= waiting_max) {
        to.waiting.pop_front();
        ++dropped_waiting_;
    }
    to.waiting.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
}

void dtls_peers::receive(const endpoint& from, octets datagram, tick now) {
    const auto kind = first_record(datagram);
    if (kind == record::client_hello) return greet(from, datagram, now);
    if (kind == record::other) {  // of a handshake, if there is one; of an association otherwise
        if (const auto known = arrivals_.find(from); known != arrivals_.end())
            return arrive(known, datagram, now);
        for (auto& each : links_)
            if (each.pending && each.pending->at() == from) return answer(each, datagram, now);
    }
    for (auto& each : links_)
        if (each.current && each.current->at() == from) return listen(each, datagram, now);
}

// A hello with the random of a handshake under way is its retransmission; any other begins a new
// life of that peer, and counts only once it has brought a cookie back.
void dtls_peers::greet(const endpoint& from, octets hello, tick now) {
    const auto random = random_of(hello);
    if (!random) return;
    const auto known = arrivals_.find(from);
    if (known != arrivals_.end() && known->second.random == *random)
        return arrive(known, hello, now);
    if (known == arrivals_.end() && arrivals_.size() >= arrivals_max) return;
    auto made = dtls_session::greet(context_, from, hello, call_.send);
    if (made) arrivals_.insert_or_assign(from, arrival{std::move(made), *random, now});
}

void dtls_peers::arrive(std::map<endpoint, arrival>::iterator which, octets datagram, tick now) {
    auto& shaking = which->second.shaking;
    shaking->receive(datagram, ignore);
    if (shaking->now() == dtls_session::state::shaking) return;
    auto done = std::move(shaking);
    arrivals_.erase(which);
    const auto who = judge(*done);
    if (!who) return call_.refused(done->at(), who.error());
    auto& to = links_[*who];
    if (to.dials)
        return call_.refused(done->at(), failure{certainty::permanent, "wrong_dialler",
                                                 to.cloud.text + " is for this side to dial"});
    stand(to, std::move(done), now);
}

void dtls_peers::answer(link& to, octets datagram, tick now) {
    to.pending->receive(datagram, ignore);
    if (to.pending->now() == dtls_session::state::shaking) return;
    const auto at = to.pending->at();
    auto done = std::move(to.pending);
    to.redial_at = now + to.redial_after;
    const auto who = judge(*done);
    if (!who) return call_.refused(at, who.error());
    if (*who != index(to))
        return call_.refused(
            at, failure{certainty::permanent, "certificate_untrusted",
                        "dialled " + to.cloud.text + ", met " + links_[*who].cloud.text});
    stand(to, std::move(done), now);
}

void dtls_peers::listen(link& to, octets datagram, tick now) {
    to.current->receive(datagram, [&](octets plain) {
        hear(to, now);
        call_.deliver(index(to), plain);
    });
    if (!to.current || to.current->now() != dtls_session::state::closed) return;
    const auto why = to.current->why();
    to.current.reset();
    to.redial_at = now;
    fall(to, why ? why->detail : "it said goodbye");
}

// Who it is, of a handshake that has ended.
result<peer_index> dtls_peers::judge(const dtls_session& ended) const {
    if (ended.now() != dtls_session::state::open)
        return tl::unexpected(
            ended.why().value_or(failure{certainty::transient, "handshake_failed", "closed"}));
    const auto who = tls::peer_identity(ended.connection());
    if (!who) return tl::unexpected(who.error());
    if (who->role != "proxy") return permanent("certificate_untrusted", who->role + " is no proxy");
    for (const auto& each : links_)
        if (each.cloud == who->cloud) return index(each);
    return permanent("certificate_untrusted", who->cloud.text + " is no peer");
}

void dtls_peers::stand(link& to, session made, tick now) {
    to.current = std::move(made);
    to.pending.reset();
    to.redial_after = redial_first;
    to.spoke = now - keepalive_every;  // speak with the next beat
    hear(to, now);
}

void dtls_peers::hear(link& to, tick now) {
    to.heard = now;
    if (to.up) return;
    to.up = true;
    for (const auto& each : to.waiting) to.current->send(each);
    to.waiting.clear();
    call_.changed(index(to), true, to_text(to.current->at()));
}

void dtls_peers::fall(link& to, const std::string& why) {
    if (!std::exchange(to.up, false)) return;
    call_.changed(index(to), false, why);
}

void dtls_peers::dial(link& to, tick now) {
    to.pending = dtls_session::dial(context_, *to.aim, call_.send);
    to.dialled = now;
    to.redial_at = now + to.redial_after;
    to.redial_after = std::min(to.redial_after * 2, redial_last);
}

void dtls_peers::beat(link& to, tick now) {
    if (to.current && now - to.heard > silence_max) fall(to, "not heard");
    if (to.current && now - to.spoke >= keepalive_every) {
        std::array<std::uint8_t, wan_header> hello;
        write_wan(wan_kind::keepalive, 0, hello);
        to.current->send(hello);
        to.spoke = now;
    }
    if (to.pending) to.pending->retransmit();
    if (to.pending && now - to.dialled > handshake_patience) to.pending.reset();
    if (to.dials && to.aim && !to.up && !to.pending && now >= to.redial_at) dial(to, now);
}

void dtls_peers::beat(tick now) {
    for (auto& each : links_) beat(each, now);
    for (auto& [from, each] : arrivals_) each.shaking->retransmit();
    std::erase_if(arrivals_,
                  [&](const auto& each) { return now - each.second.since > handshake_patience; });
}

void dtls_peers::goodbye() {
    for (auto& each : links_)
        if (each.current) each.current->goodbye();
}

}  // namespace caravan::van

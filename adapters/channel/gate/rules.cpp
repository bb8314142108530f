#include "adapters/channel/gate/rules.hpp"

#include <algorithm>

#include "adapters/channel/gate/domain.hpp"
#include "adapters/channel/gate/scrub.hpp"

namespace caravan::gate {
namespace {

constexpr std::uint32_t live = 1, peer2peer = 2, persist_dest = 8, paused = 32,
                        non_shared_disk = 64, non_shared_inc = 128, synchronous_writes = 1u << 18;

// VIR_DRV_FEATURE_* that a source asks for: MIGRATION_V3, XML_MIGRATABLE, MIGRATION_OFFLINE,
// PROGRAM_KEEPALIVE, MIGRATION_PARAMS, REMOTE_EVENT_CALLBACK and their like, as seen on libvirt 9.
constexpr std::int32_t features[] = {4, 6, 10, 13, 14, 15};
constexpr std::int32_t auth_none = 0;          // REMOTE_AUTH_NONE
constexpr std::int32_t neutral_domain_id = 1;  // a real one counts the host's starts

bool same_set(std::vector<std::string> a, std::vector<std::string> b) {
    std::sort(a.begin(), a.end()), std::sort(b.begin(), b.end());
    return a == b;
}

std::string text_of(const xdr::uuid& uuid) {
    std::string out;
    for (const char c : uuid) {
        if (out.size() == 8 || out.size() == 13 || out.size() == 18 || out.size() == 23) out += '-';
        out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        out += "0123456789abcdef"[c & 15];
    }
    return out;
}

std::vector<std::string> texts(const std::vector<typed_param>& params, std::string_view field) {
    std::vector<std::string> out;
    for (const typed_param& p : params) {
        if (p.field == field && p.kind == typed_param::text_kind) out.push_back(p.text);
    }
    return out;
}
void require_one(const std::vector<typed_param>& params, std::string_view field) {
    if (texts(params, field).size() == 1) return;
    throw refusal{"wrong_parameter", "not one " + std::string(field)};
}

}  // namespace

std::uint32_t exact_flags(bool whole_disk) {
    return live | peer2peer | persist_dest | paused | synchronous_writes |
           (whole_disk ? non_shared_disk : non_shared_inc);
}

void rules::operator()(open_call& m) const {
    // What libvirt always sends here; "test:///default" would open another driver.
    if (m.uri == "qemu:///system" && m.flags == 0) return;
    throw refusal{"wrong_open", m.uri.value_or("").substr(0, 256)};
}

void rules::operator()(feature_call& m) const {
    if (std::count(std::begin(features), std::end(features), m.feature) != 0) return;
    throw refusal{"wrong_parameter", "feature " + std::to_string(m.feature)};
}

void rules::operator()(feature_reply& m) const {
    if (m.supported != 0 && m.supported != 1) throw refusal{"forbidden_value", "feature reply"};
}

void rules::operator()(auth_reply& m) const {
    if (m.types != std::vector{auth_none}) throw refusal{"forbidden_value", "authentication types"};
}

void rules::swap_uri(std::string& uri, const std::string& own, const std::string& neutral) const {
    if (uri != (leaving_ ? own : neutral)) throw refusal{"wrong_uri", uri.substr(0, 256)};
    uri = leaving_ ? neutral : own;
}

void rules::judge_param(typed_param& p) const {
    if (p.kind != typed_param::text_kind) throw refusal{"wrong_parameter", p.field.substr(0, 64)};
    if (p.field == "migrate_uri") {
        swap_uri(p.text, policy_.own_mem_uri, neutral_mem_uri(policy_.leave.id));
    } else if (p.field == "disks_uri") {
        swap_uri(p.text, policy_.own_nbd_uri, neutral_nbd_uri(policy_.leave.id));
    } else if (p.field == "destination_name") {
        if (p.text != policy_.leave.vm.text) throw refusal{"foreign_domain", p.text.substr(0, 256)};
    } else if (p.field == "destination_xml") {
        const auto document = xml::parse(p.text);
        judge_domain(document.document_element(), policy_.leave);
        const bool replace = !leaving_ && !policy_.own_live_xml.empty();
        p.text = replace ? policy_.own_live_xml : xml::print(document.document_element());
    } else if (p.field != "migrate_disks") {  // judged as a whole
        throw refusal{"wrong_parameter", p.field.substr(0, 64)};
    }
}

void rules::judge_params(std::vector<typed_param>& params) const {
    // The source's own limit of speed: nothing to the destination, and none of its business.
    std::erase_if(params, [](const typed_param& p) {
        return p.field == "bandwidth" && p.kind == typed_param::number_kind;
    });
    require_one(params, "migrate_uri");
    require_one(params, "disks_uri");
    if (!same_set(texts(params, "migrate_disks"), policy_.leave.disks)) {
        throw refusal{"wrong_disks", "not the ticket's"};
    }
    for (const auto* field : {"destination_xml", "destination_name"}) {
        if (texts(params, field).size() > 1) require_one(params, field);
    }
    for (typed_param& p : params) judge_param(p);
}

void rules::require_flags(std::uint32_t flags) const {
    if (flags == exact_flags(policy_.leave.whole_disk)) return;
    throw refusal{"wrong_flags", std::to_string(flags)};
}

void rules::operator()(prepare_call& m) const {
    require_flags(m.flags);
    require_one(m.params, "destination_xml");
    judge_params(m.params);
    clean(m.cookie, cookie_of::prepare_call);
}

void rules::operator()(prepare_reply& m) const {
    // With a migrate_uri in the call the answer is none. libvirt A would dial whatever B says here.
    if (m.uri) throw refusal{"wrong_uri", m.uri->substr(0, 256)};
    clean(m.cookie, cookie_of::prepare_reply);
}

void rules::operator()(finish_call& m) const {
    require_flags(m.flags);
    if (m.cancelled != 0 && m.cancelled != 1) throw refusal{"wrong_parameter", "cancelled"};
    require_one(m.params, "destination_name");
    judge_params(m.params);
    clean(m.cookie, cookie_of::finish_call);
    // Without it libvirt B would keep a persistent definition of its own making, from A's live XML.
    if (m.cancelled == 0 && !has_domain(m.cookie.bytes)) throw refusal{"no_persistent_xml", ""};
}

void rules::operator()(finish_reply& m) const {
    if (m.domain.name != policy_.leave.vm.text || text_of(m.domain.uuid) != policy_.leave.vm_uuid) {
        throw refusal{"foreign_domain", "the Finish reply is about another domain"};
    }
    m.domain.id = neutral_domain_id;
    clean(m.cookie, cookie_of::finish_reply);
}

void rules::operator()(error_reply& m) {
    inside = scrub(m);
}

}  // namespace caravan::gate

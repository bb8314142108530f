#include "adapters/channel/gate/cookie.hpp"

#include <algorithm>
#include <charconv>

#include "adapters/channel/gate/domain.hpp"

namespace caravan::gate {
namespace {

using xml::text;

const xml::row rows[] = {
    // clang-format off
    {"", "qemu-migration", ""},
    {"qemu-migration", "name uuid hostname hostuuid", "", text::word},
    {"qemu-migration", "feature", "name=lockstate|persistent|memory-hotplug|cpu-hotplug"},
    {"qemu-migration", "nbd capabilities statistics", ""},
    {"qemu-migration", "cpu", "mode=custom match check migratable"},
    {"nbd", "disk", "target capacity"},
    {"capabilities", "cap", "name auto=yes|no"},
    {"statistics", "started stopped sent delta time_elapsed time_remaining downtime setup_time "
                   "memory_total memory_processed memory_remaining memory_bps memory_constant memory_normal "
                   "memory_normal_bytes memory_dirty_rate memory_iteration memory_postcopy_requests memory_page_size "
                   "disk_total disk_processed disk_remaining disk_bps auto_converge_throttle "
                   "compression_cache compression_bytes compression_pages compression_cache_misses compression_overflows",
     "", text::number},
    // clang-format on
};

// Which parts may come with which message, by the enum's order.
constexpr std::string_view parts[] = {
    "name uuid hostname hostuuid feature nbd cpu capabilities",
    "name uuid hostname hostuuid feature nbd capabilities",
    "name uuid hostname hostuuid feature nbd domain statistics",
    "name uuid hostname hostuuid feature statistics",
};

void keep_listed_parts(pugi::xml_node root, cookie_of what) {
    while (root.remove_child("graphics")) {
    }
    for (const auto part : root.children()) {
        if (!xml::lists(parts[static_cast<std::size_t>(what)], part.name())) {
            throw refusal{"forbidden_element",
                          std::string(part.name()).substr(0, 64) + " in a cookie"};
        }
    }
}

void hide_host(pugi::xml_node root) {
    xml::only(root, "hostname"), xml::only(root, "hostuuid");
    root.child("hostname").text().set(std::string(neutral_hostname).c_str());
    root.child("hostuuid").text().set(std::string(neutral_hostuuid).c_str());
}

void shift_clock(pugi::xml_node statistics, std::int64_t by) {
    for (const char* moment : {"started", "stopped", "sent"}) {
        for (auto node : statistics.children(moment)) {
            const std::string_view said = node.child_value();
            std::int64_t ms = 0;
            const auto read = std::from_chars(said.data(), said.data() + said.size(), ms);
            if (read.ec != std::errc{} || __builtin_add_overflow(ms, by, &ms)) {
                throw refusal{"forbidden_value", "a time in the statistics"};
            }
            if (said != "0") node.text().set(static_cast<long long>(ms));  // 0: not yet
        }
    }
}

// Judges the <domain>, then takes it out of the way of the cookie's own rows; answers what shall
// cross.
pugi::xml_document take_domain(pugi::xml_node root, const policy& p, bool leaving) {
    pugi::xml_document crossing;
    const auto domain = root.child("domain");
    if (!domain) return crossing;
    judge_domain(domain, p.leave);
    if (!leaving && !p.own_persistent_xml.empty()) {
        crossing = xml::parse(p.own_persistent_xml);
    } else {
        crossing.append_copy(domain);
    }
    root.remove_child(domain);
    if (root.child("domain")) throw refusal{"foreign_domain", "two domains in a cookie"};
    return crossing;
}

}  // namespace

std::string clean_cookie(std::string_view blob, cookie_of what, const policy& p, bool leaving) {
    if (blob.empty()) return {};
    if (blob.back() != '\0' || blob.find('\0') != blob.size() - 1) {
        throw refusal{"not_canonical", "cookie without its one NUL"};
    }
    const auto document = xml::parse(blob.substr(0, blob.size() - 1));
    auto root = document.document_element();
    keep_listed_parts(root, what);
    const auto domain = take_domain(root, p, leaving);
    hide_host(root);
    xml::judge(root, {rows, cpu_rows()});
    if (xml::only(root, "name") != p.leave.vm.text || xml::only(root, "uuid") != p.leave.vm_uuid) {
        throw refusal{"foreign_domain", "the cookie names another domain"};
    }
    for (const auto disk : root.child("nbd").children("disk")) {
        const auto& disks = p.leave.disks;
        if (std::find(disks.begin(), disks.end(), disk.attribute("target").value()) ==
            disks.end()) {
            throw refusal{"wrong_disks", "the cookie names a disk that is not the ticket's"};
        }
    }
    const auto shift = neutral_opened_ms - p.opened_ms;
    for (const auto statistics : root.children("statistics")) {
        shift_clock(statistics, leaving ? shift : -shift);
    }
    if (domain) root.append_copy(domain.document_element());
    return xml::print(root) + '\0';
}

bool has_domain(std::string_view clean_blob) {
    return clean_blob.find("<domain ") != clean_blob.npos;
}

}  // namespace caravan::gate

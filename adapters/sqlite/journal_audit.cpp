#include "adapters/sqlite/journal_audit.hpp"

#include <limits>

#include "events/chain.hpp"

namespace caravan::adapter {
namespace {

constexpr std::size_t to_the_end = std::numeric_limits<std::size_t>::max();

void bad(audit_report& report, position at, std::string what) {
    report.bad = at;
    report.what = "position " + std::to_string(at.value) + ": " + std::move(what);
}

// The entry at a position, or one at position 0 if there is none.
result<port::entry> entry_at(const port::journal& journal, position at) {
    port::entry found;
    const auto read = journal.read(position{at.value - 1}, 1, [&](const port::entry& e) {
        found = e;
        return false;
    });
    if (!read) return tl::unexpected(read.error());
    return found.at == at ? found : port::entry{};
}

}  // namespace

result<audit_report> audit(const port::journal& journal, position from) {
    audit_report report;
    report.upto = {from, chain::origin()};
    if (from.value) {
        const auto start = entry_at(journal, from);
        if (!start) return tl::unexpected(start.error());
        if (start->at != from) {
            bad(report, from, "there is no such entry");
            return report;
        }
        report.upto.link = start->link;
    }
    const auto read = journal.read(from, to_the_end, [&](const port::entry& e) {
        ++report.entries;
        const position expected = report.upto.at.next();
        if (e.at != expected)
            bad(report, expected, "missing; the next is " + std::to_string(e.at.value));
        else if (chain::next_link(report.upto.link, e.bytes, e.salt, e.inside) != e.link)
            bad(report, e.at, "the link does not follow: this entry or its order was changed");
        else
            report.upto = {e.at, e.link};
        return !report.bad;
    });
    if (!read) return tl::unexpected(read.error());
    return report;
}

audit_report judge_heads(const port::journal& journal, std::span<const signed_head> heads,
                         position from) {
    audit_report report;
    for (const auto& head : heads) {
        if (head.at <= from) continue;
        ++report.entries;
        const auto found = entry_at(journal, head.at);
        if (!found)
            bad(report, head.at, found.error().detail);
        else if (found->at != head.at)
            bad(report, head.at, "a signed head is here, but the journal ends before it");
        else if (found->link != head.link)
            bad(report, head.at, "the link is not the one that was signed");
        if (report.bad) return report;
        report.upto = {head.at, head.link};
    }
    return report;
}

}  // namespace caravan::adapter

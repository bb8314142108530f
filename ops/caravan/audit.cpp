#include "ops/caravan/audit.hpp"

#include <cstdio>
#include <filesystem>

#include "adapters/sqlite/journal_audit.hpp"
#include "events/chain.hpp"
#include "ops/caravan/talk.hpp"

namespace caravan::ops {

result<audit_report> verify_journal(const std::string& path) {
    std::error_code ec;
    if (!std::filesystem::is_regular_file(path, ec))
        return permanent("no_such_file", "there is no journal " + path);
    // The whole chain is walked below, and told of with its position: opening need not judge it.
    const auto opened = adapter::sqlite_journal::open(
        path, {.tail_checked = 0, .wal_bound = 16 << 20, .size_max = 0, .read_only = true});
    if (!opened) return tl::unexpected(opened.error());
    const auto found = adapter::audit(**opened);
    if (!found) return tl::unexpected(found.error());
    audit_report out{found->entries, found->upto.at, chain::hex(found->upto.link), 0, found->bad, found->what};
    const auto heads = (*opened)->heads();
    if (!heads) return tl::unexpected(heads.error());
    out.heads = heads->size();
    if (out.bad) return out;
    const auto judged = adapter::judge_heads(**opened, *heads);
    out.bad = judged.bad;
    out.what = judged.what;
    return out;
}

namespace {

std::string to_json(const audit_report& report) {
    std::string text;
    json_out out(text);
    out.begin_object();
    out.key("verified");
    out.value(!report.bad);
    out.key("entries");
    out.value(report.entries);
    out.key("position");
    out.value(report.upto.value);
    out.key("head");
    out.value(std::string_view(report.head));
    out.key("signed_heads");
    out.value(report.heads);
    if (report.bad) {
        out.key("bad_position");
        out.value(report.bad->value);
        out.key("detail");
        out.value(std::string_view(report.what));
    }
    out.end_object();
    return text;
}

const column report_card[] = {{"VERIFIED", "verified", look::yes_no}, {"ENTRIES", "entries"},
                              {"POSITION", "position"}, {"HEAD", "head"},
                              {"SIGNED HEADS", "signed_heads"}, {"BAD POSITION", "bad_position"},
                              {"DETAIL", "detail"}};

int print_report(const options& asked, const std::string& text) {
    const auto parsed = json_document::parse(text);
    if (!parsed) return complain(exit_unreachable, "the controller's report is not JSON", "", "");
    const auto& root = parsed->root();
    const auto shown = asked.shape() == form::json   ? root.dump() + "\n"
                       : asked.shape() == form::yaml ? yaml(root)
                                                     : card(root, report_card);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    const auto verified = root.at("verified");
    return verified && verified->as_bool().value_or(false) ? exit_done : exit_otherwise;
}

}  // namespace

int audit_verify(const options& asked, const std::string& journal) {
    if (!journal.empty()) {
        allow_colour(!asked.no_colour);
        const auto report = verify_journal(journal);
        if (report && report->entries == 0)
            return complain(exit_refused, "it holds no event, so there is nothing to verify", journal,
                            "a copy needs the file's -wal beside it: what was written last is there");
        if (report) return print_report(asked, to_json(*report));
        const auto& reason = report.error().reason;
        if (reason == "journal_foreign")
            return complain(exit_usage, report.error().detail, journal,
                            "name a controller's journal.db: it is in the folder `data` of its configuration");
        return complain(reason == "no_such_file"    ? exit_no_such_thing
                        : reason == "journal_newer" ? exit_refused
                                                    : exit_otherwise, report.error().detail, journal, "");
    }
    return with_client(asked, [&](client& to) {
        const auto answer = to.get("/v1/audit");
        if (!answer) return tell(answer.error(), "");
        if (answer->status != 200) return tell_problem(*answer, to.url() + "/v1/audit");
        return print_report(asked, answer->body);
    });
}

int audit_export(const options& asked, std::uint64_t after) {
    auto lines = asked;
    lines.output = "json";
    return show_events(lines, {.after = after, .limit = 1'000'000'000, .types = {}, .subjects = {},
                               .saga = {}, .follow = false});
}

int audit_show(const options& asked, const std::string& position) {
    return with_client(asked, [&](client& to) {
        const auto answer = to.get("/v1/audit/" + position);
        if (!answer) return tell(answer.error(), "");
        if (answer->status != 200) return tell_problem(*answer, to.url() + "/v1/audit/" + position);
        const auto parsed = json_document::parse(answer->body);
        if (!parsed) return complain(exit_unreachable, "the controller's answer is not JSON", to.url(), "");
        const auto text = asked.shape() == form::json ? parsed->root().dump() + "\n" : yaml(parsed->root());
        std::fwrite(text.data(), 1, text.size(), stdout);
        return int(exit_done);
    });
}

}  // namespace caravan::ops

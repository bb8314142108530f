#include "actors/runtime/audit.hpp"

#include "events/chain.hpp"
#include "events/json.hpp"

namespace caravan::runtime {

namespace {

template <class T>
void put(json_out& out, std::string_view key, const T& value) {
    out.key(key);
    write_json(out, value);
}

}  // namespace

result<std::string> audit_of(const port::journal& journal) {
    std::string link = chain::origin(), wrong;
    position upto, bad;
    auto read = journal.read({}, SIZE_MAX, [&](const port::entry& e) {
        if (e.at != upto.next()) wrong = "a position is missing before it";
        else if (chain::next_link(link, e.bytes, e.salt, e.inside) != e.link) wrong = "its link does not follow";
        if (!wrong.empty()) {
            bad = e.at;
            return false;
        }
        upto = e.at;
        link = e.link;
        return true;
    });
    if (!read) return tl::unexpected(read.error());
    std::string text;
    json_out out(text);
    out.begin_object();
    put(out, "verified", wrong.empty());
    put(out, "entries", upto);
    put(out, "position", upto);
    put(out, "head", chain::hex(link));
    put(out, "signed_heads", std::uint64_t{0});
    if (!wrong.empty()) {
        put(out, "bad_position", bad);
        put(out, "detail", wrong);
    }
    out.end_object();
    return text;
}

std::optional<std::string> audited_entry(const port::journal& journal, position at) {
    std::string text;
    (void)journal.read(position(at.value - 1), 1, [&](const port::entry& e) {
        if (e.at != at) return false;
        json_out out(text);
        out.begin_object();
        put(out, "position", e.at);
        put(out, "stream", e.stream);
        put(out, "version", e.v);
        put(out, "link", chain::hex(e.link));
        out.key("event");
        out.raw(e.bytes);
        out.end_object();
        return false;
    });
    return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace caravan::runtime

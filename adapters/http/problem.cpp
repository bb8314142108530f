#include "adapters/http/problem.hpp"

#include "adapters/http/net.hpp"
#include "events/json.hpp"

namespace caravan::http {

std::string to_json(const problem& what) {
    std::string text;
    json_out out(text);
    out.begin_object();
    out.key("type");
    out.value("urn:caravan:problem:" + what.reason);
    out.key("title");
    const auto title = wire::obsolete_reason(wire::int_to_status(unsigned(what.status)));
    out.value(std::string_view(title.data(), title.size()));
    out.key("status");
    out.value(std::int64_t(what.status));
    out.key("detail");
    out.value(what.detail);
    out.key("reason");
    out.value(what.reason);
    out.end_object();
    return text;
}

}  // namespace caravan::http

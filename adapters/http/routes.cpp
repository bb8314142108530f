#include <algorithm>

#include "adapters/http/session.hpp"

namespace caravan::http {

namespace {

using enum port::role;
constexpr auto get = wire::verb::get;
constexpr auto post = wire::verb::post;

const route routes[] = {
    // method, path, least role, parameters, answer
    {get, "/livez", std::nullopt, "", &session::livez},
    {get, "/readyz", std::nullopt, "", &session::readyz},
    {get, "/metrics", viewer, "", &session::metrics},
    {get, "/", std::nullopt, "", &session::no_console},
    {post, "/v1/events", scheduler, "", &session::post_events},
    {get, "/v1/events", viewer, "after limit type subject saga follow", &session::read_events},
    {get, "/v1/stream", viewer, "", &session::stream},
    {post, "/v1/plan", scheduler, "", &session::plan},
    {get, "/v1/status", viewer, "", &session::read_state},
    {get, "/v1/state", viewer, "at", &session::read_state},
    {get, "/v1/clouds", viewer, "", &session::read_state},
    {get, "/v1/clouds/*", viewer, "", &session::read_state},
    {get, "/v1/hosts", viewer, "", &session::read_state},
    {get, "/v1/hosts/*", viewer, "", &session::read_state},
    {get, "/v1/proxies", viewer, "", &session::read_state},
    {get, "/v1/proxies/*", viewer, "", &session::read_state},
    {get, "/v1/vms", viewer, "", &session::read_state},
    {get, "/v1/vms/*", viewer, "", &session::read_state},
    {get, "/v1/vans", viewer, "", &session::read_state},
    {get, "/v1/vans/*", viewer, "", &session::read_state},
    {get, "/v1/migrations", viewer, "", &session::read_state},
    {get, "/v1/migrations/*", viewer, "", &session::read_state},
    {get, "/v1/audit", auditor, "", &session::read_state},
    {get, "/v1/audit/*", auditor, "", &session::read_state},
};

bool name_like(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_';
    });
}

bool matches(std::string_view pattern, std::string_view path) {
    if (!pattern.ends_with("/*")) return pattern == path;
    pattern.remove_suffix(1);
    return path.starts_with(pattern) && name_like(path.substr(pattern.size()));
}

}  // namespace

const route* find_route(wire::verb method, std::string_view path, std::string& allowed) {
    for (const auto& candidate : routes) {
        if (!matches(candidate.pattern, path)) continue;
        if (candidate.method == method) return &candidate;
        const auto name = wire::to_string(candidate.method);
        allowed += (allowed.empty() ? "" : ", ") + std::string(name.data(), name.size());
    }
    return nullptr;
}

}  // namespace caravan::http

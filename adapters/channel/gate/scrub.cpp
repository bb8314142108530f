#include "adapters/channel/gate/scrub.hpp"

#include "adapters/channel/gate/procedures.hpp"

namespace caravan::gate {
namespace {

constexpr std::int32_t code_max = 999, level_max = 2;  // VIR_ERR_ERROR is the highest level
constexpr std::size_t inside_size_max = 4096;          // of one error's text in the audit log
constexpr std::int32_t access_denied = 88, from_rpc = 7;

bool within(std::int32_t x, std::int32_t most) {
    return x >= 0 && x <= most;
}

}  // namespace

std::string scrub(error_reply& e) {
    if (!within(e.code, code_max) || !within(e.domain, code_max) || !within(e.level, level_max)) {
        throw refusal{"forbidden_value", "error code, domain or level"};
    }
    const std::string kind = std::to_string(e.code) + "/" + std::to_string(e.domain);
    std::string real = "error " + kind + ": " + e.message.value_or("");
    for (const auto& text : {e.text1, e.text2, e.text3}) {
        if (text && text != e.message) real += "; " + *text;
    }
    real.resize(std::min(real.size(), inside_size_max));
    error_reply said;
    said.code = e.code, said.domain = e.domain, said.level = e.level;
    said.message = "the other cloud's hypervisor answered with error " + kind;
    e = std::move(said);
    return real;
}

std::string refusal_frame(header of_call, const refusal& why) {
    error_reply e;
    e.code = access_denied, e.domain = from_rpc, e.level = level_max;
    e.message = "refused by the gate: " + why.reason;
    of_call.type = static_cast<std::int32_t>(kind::reply);
    of_call.outcome = static_cast<std::int32_t>(status::error);
    return encode(of_call, e);
}

}  // namespace caravan::gate

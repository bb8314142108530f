#include "adapters/sim/host/talk.hpp"

#include "adapters/channel/gate/cookie.hpp"
#include "adapters/channel/gate/rules.hpp"

namespace caravan::sim {

namespace {

std::string domain_of(const vm_spec& vm) {
    return "<domain type='qemu'><name>" + vm.name.text + "</name><uuid>" + vm.uuid +
           "</uuid><devices><emulator>" + std::string(gate::neutral_prefix) +
           "emulator</emulator></devices></domain>";
}

gate::typed_param text_param(std::string field, std::string text) {
    return {std::move(field), gate::typed_param::text_kind, 0, std::move(text)};
}

std::vector<gate::typed_param> params_of(const job& j, const std::string& mem, const std::string& nbd) {
    std::vector<gate::typed_param> all = {text_param("destination_xml", domain_of(j.vm)),
                                          text_param("migrate_uri", uri_of(mem)),
                                          text_param("disks_uri", uri_of(nbd))};
    for (const auto& d : j.vm.disks) all.push_back(text_param("migrate_disks", d.target));
    return all;
}

gate::xdr::uuid uuid_bytes(const std::string& text) {
    gate::xdr::uuid out{};
    std::size_t digit = 0;
    for (const char c : text) {
        if (c == '-' || digit == 2 * out.size()) continue;
        const int value = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
        auto& byte = out[digit++ / 2];
        byte = static_cast<char>(byte << 4 | value);
    }
    return out;
}

}  // namespace

std::string uri_of(const std::string& path) { return "unix://" + path; }

std::string text_in(const std::vector<gate::typed_param>& params, std::string_view field) {
    for (const auto& p : params)
        if (p.field == field) return p.text;
    return {};
}

gate::message prepare_call_of(const job& j, const std::string& mem, const std::string& nbd) {
    return gate::prepare_call{params_of(j, mem, nbd), {}, gate::exact_flags(j.mode == copy_mode::disk)};
}

gate::message finish_call_of(const job& j, const std::string& mem, const std::string& nbd) {
    auto params = params_of(j, mem, nbd);
    params.push_back(text_param("destination_name", j.vm.name.text));
    const auto cookie = "<qemu-migration><name>" + j.vm.name.text + "</name><uuid>" + j.vm.uuid +
                        "</uuid><hostname>" + std::string(gate::neutral_hostname) + "</hostname><hostuuid>" +
                        std::string(gate::neutral_hostuuid) + "</hostuuid>" + domain_of(j.vm) +
                        "</qemu-migration>";
    return gate::finish_call{std::move(params), {cookie + '\0'}, gate::exact_flags(j.mode == copy_mode::disk), 0};
}

gate::message finish_reply_of(const vm_spec& vm) {
    return gate::finish_reply{{vm.name.text, uuid_bytes(vm.uuid), 1}, {}};
}

gate::message refusal_of(const std::string& text) {
    gate::error_reply e;
    e.code = 9;     // VIR_ERR_OPERATION_FAILED
    e.domain = 10;  // VIR_FROM_QEMU
    e.level = 2;    // VIR_ERR_ERROR
    e.message = text;
    return e;
}

std::optional<std::string> talk::frame(const patience& p) {
    std::string whole(sizeof(std::uint32_t), '\0');
    if (!line_.read(whole, p)) return std::nullopt;
    std::uint32_t length = 0;
    gate::xdr::reader{whole}(length);
    if (length < gate::header_size || length > gate::frame_size_max) return std::nullopt;
    whole.resize(length);
    if (!line_.read(std::span(whole).subspan(sizeof length), p)) return std::nullopt;
    return whole;
}

std::optional<gate::message> talk::call(procedure_number which, gate::message what, const patience& p) {
    gate::header head;
    head.program = gate::program_remote;
    head.version = gate::protocol_version;
    head.procedure = static_cast<std::int32_t>(which);
    head.serial = ++serial_;
    if (!line_.write(gate::encode(head, std::move(what)), p)) return std::nullopt;
    const auto answer = frame(p);
    if (!answer) return std::nullopt;
    try {
        gate::xdr::reader(std::string_view(*answer).substr(0, gate::header_size))(head);
        const bool failed = head.outcome == static_cast<std::int32_t>(gate::status::error);
        const auto blank = failed ? gate::message{gate::error_reply{}}
                                  : gate::find_procedure(static_cast<std::int32_t>(which))->reply;
        return gate::decode(blank, std::string_view(*answer).substr(gate::header_size));
    } catch (const gate::refusal&) {
        return std::nullopt;
    }
}

std::optional<heard_call> talk::hear(const patience& p) {
    const auto said = frame(p);
    if (!said) return std::nullopt;
    try {
        heard_call heard;
        gate::xdr::reader(std::string_view(*said).substr(0, gate::header_size))(heard.head);
        const auto* known = gate::find_procedure(heard.head.procedure);
        if (!known) return std::nullopt;
        heard.what = gate::decode(known->call, std::string_view(*said).substr(gate::header_size));
        return heard;
    } catch (const gate::refusal&) {
        return std::nullopt;
    }
}

bool talk::reply(const heard_call& to, gate::message what, const patience& p) {
    auto head = to.head;
    const bool failed = std::holds_alternative<gate::error_reply>(what);
    head.type = static_cast<std::int32_t>(gate::kind::reply);
    head.outcome = static_cast<std::int32_t>(failed ? gate::status::error : gate::status::ok);
    return line_.write(gate::encode(head, std::move(what)), p);
}

}  // namespace caravan::sim

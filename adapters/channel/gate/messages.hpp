// The messages that may pass, each with its fields in wire order, said once.
// From libvirt 9.0: virnetprotocol.x (header, error) and remote_protocol.x (remote_*_args, _ret).
#pragma once

#include <variant>

#include "adapters/channel/gate/xdr.hpp"

namespace caravan::gate {

inline constexpr std::uint32_t program_remote = 0x20008086, program_keepalive = 0x6b656570;
inline constexpr std::uint32_t protocol_version = 1;
enum class kind : std::int32_t {
    call = 0,
    reply = 1,
    message = 2
};  // virNetMessageType; no others
enum class status : std::int32_t { ok = 0, error = 1 };

struct header {
    std::uint32_t length = 0;  // of the frame, this word included
    std::uint32_t program = 0, version = 0;
    std::int32_t procedure = 0;
    std::int32_t type = 0;  // kind
    std::uint32_t serial = 0;
    std::int32_t outcome = 0;  // status
};
inline constexpr std::size_t header_size = 28;

struct nothing {};
struct open_call {
    std::optional<std::string> uri;
    std::uint32_t flags = 0;
};
struct feature_call {
    std::int32_t feature = 0;
};
struct feature_reply {
    std::int32_t supported = 0;
};
struct auth_reply {
    std::vector<std::int32_t> types;
};
struct typed_param {
    static constexpr std::uint32_t number_kind = 4,
                                   text_kind = 7;  // VIR_TYPED_PARAM_ULLONG, _STRING
    std::string field;
    std::uint32_t kind = 0;
    std::uint64_t number = 0;
    std::string text;
};
struct prepare_call {
    std::vector<typed_param> params;
    xdr::opaque cookie;
    std::uint32_t flags = 0;
};
struct prepare_reply {
    xdr::opaque cookie;
    std::optional<std::string> uri;
};
struct finish_call {
    std::vector<typed_param> params;
    xdr::opaque cookie;
    std::uint32_t flags = 0;
    std::int32_t cancelled = 0;
};
struct domain_name {
    std::string name;
    xdr::uuid uuid{};
    std::int32_t id = 0;
};
struct finish_reply {
    domain_name domain;
    xdr::opaque cookie;
};
struct network_name {
    std::string name;
    xdr::uuid uuid{};
};
struct error_reply {
    std::int32_t code = 0, domain = 0;
    std::optional<std::string> message;
    std::int32_t level = 0;
    std::optional<domain_name> vm;
    std::optional<std::string> text1, text2, text3;
    std::int32_t number1 = -1, number2 = -1;
    std::optional<network_name> network;
};

using message = std::variant<nothing, open_call, feature_call, feature_reply, auth_reply,
                             prepare_call, prepare_reply, finish_call, finish_reply, error_reply>;

template <class V>
void fields(V& v, header& x) {
    v(x.length), v(x.program), v(x.version), v(x.procedure), v(x.type), v(x.serial), v(x.outcome);
}
template <class V>
void fields(V&, nothing&) {}
template <class V>
void fields(V& v, open_call& x) {
    v(x.uri), v(x.flags);
}
template <class V>
void fields(V& v, feature_call& x) {
    v(x.feature);
}
template <class V>
void fields(V& v, feature_reply& x) {
    v(x.supported);
}
template <class V>
void fields(V& v, auth_reply& x) {
    v(x.types);
}
template <class V>
void fields(V& v, typed_param& x) {
    v(x.field), v(x.kind);
    if (x.kind == typed_param::text_kind) {
        v(x.text);
    } else if (x.kind == typed_param::number_kind) {
        v(x.number);
    } else {
        throw refusal{"wrong_parameter", x.field + " of kind " + std::to_string(x.kind)};
    }
}
template <class V>
void fields(V& v, prepare_call& x) {
    v(x.params), v(x.cookie), v(x.flags);
}
template <class V>
void fields(V& v, prepare_reply& x) {
    v(x.cookie), v(x.uri);
}
template <class V>
void fields(V& v, finish_call& x) {
    v(x.params), v(x.cookie), v(x.flags), v(x.cancelled);
}
template <class V>
void fields(V& v, domain_name& x) {
    v(x.name), v(x.uuid), v(x.id);
}
template <class V>
void fields(V& v, finish_reply& x) {
    v(x.domain), v(x.cookie);
}
template <class V>
void fields(V& v, network_name& x) {
    v(x.name), v(x.uuid);
}
template <class V>
void fields(V& v, error_reply& x) {
    v(x.code), v(x.domain), v(x.message), v(x.level), v(x.vm);
    v(x.text1), v(x.text2), v(x.text3), v(x.number1), v(x.number2), v(x.network);
}

}  // namespace caravan::gate

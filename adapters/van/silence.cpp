#include "adapters/van/silence.hpp"

#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_bridge.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace caravan::van {
namespace {

constexpr const char* table_name = "caravan";
constexpr const char* set_name = "silent";
constexpr std::uint32_t set_number = 1;        // within one batch
constexpr std::uint32_t nft_type_ifname = 41;  // how nft(8) prints the set; the kernel ignores it
constexpr std::uint8_t userdata_comment = 0;   // NFTNL_UDATA_SET_ELEM_COMMENT, as nft(8) keeps it

struct chain {
    const char* name;
    std::uint32_t hook;
    int priority;
    std::uint32_t key;  // which device's name is looked up
};
constexpr chain chains[] = {
    {"in", NF_BR_PRE_ROUTING, -300, NFT_META_IIFNAME},
    {"own", NF_BR_LOCAL_IN, -300, NFT_META_IIFNAME},
    {"out", NF_BR_POST_ROUTING, 300, NFT_META_OIFNAME},
};

message about(int type, int flags) {
    auto made = request(NFNL_SUBSYS_NFTABLES << 8 | type, flags);
    nfgenmsg header{NFPROTO_BRIDGE, NFNETLINK_V0, 0};
    nlmsg_append(made.get(), &header, sizeof header, NLMSG_ALIGNTO);
    return made;
}

void put(nl_msg* in, int attribute, std::uint32_t number) {
    nla_put_u32(in, attribute, htonl(number));
}

message new_table() {
    auto made = about(NFT_MSG_NEWTABLE, NLM_F_CREATE);
    nla_put_string(made.get(), NFTA_TABLE_NAME, table_name);
    return made;
}

message new_set() {
    auto made = about(NFT_MSG_NEWSET, NLM_F_CREATE);
    nla_put_string(made.get(), NFTA_SET_TABLE, table_name);
    nla_put_string(made.get(), NFTA_SET_NAME, set_name);
    put(made.get(), NFTA_SET_KEY_TYPE, nft_type_ifname);
    put(made.get(), NFTA_SET_KEY_LEN, IFNAMSIZ);
    put(made.get(), NFTA_SET_ID, set_number);
    return made;
}

message new_chain(const chain& of) {
    auto made = about(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    nla_put_string(made.get(), NFTA_CHAIN_TABLE, table_name);
    nla_put_string(made.get(), NFTA_CHAIN_NAME, of.name);
    nla_put_string(made.get(), NFTA_CHAIN_TYPE, "filter");
    put(made.get(), NFTA_CHAIN_POLICY, NF_ACCEPT);
    const nest hook(made.get(), NFTA_CHAIN_HOOK);
    put(made.get(), NFTA_HOOK_HOOKNUM, of.hook);
    put(made.get(), NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(of.priority));
    return made;
}

message empty_chain(const chain& of) {
    auto made = about(NFT_MSG_DELRULE, 0);
    nla_put_string(made.get(), NFTA_RULE_TABLE, table_name);
    nla_put_string(made.get(), NFTA_RULE_CHAIN, of.name);
    return made;
}

template <class F>
void expression(nl_msg* in, const char* name, F fill) {
    const nest element(in, NFTA_LIST_ELEM);
    nla_put_string(in, NFTA_EXPR_NAME, name);
    const nest data(in, NFTA_EXPR_DATA);
    fill();
}

message new_rule(const chain& of) {
    auto made = about(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    auto* in = made.get();
    nla_put_string(in, NFTA_RULE_TABLE, table_name);
    nla_put_string(in, NFTA_RULE_CHAIN, of.name);
    const nest expressions(in, NFTA_RULE_EXPRESSIONS);
    expression(in, "meta", [&] {
        put(in, NFTA_META_KEY, of.key);
        put(in, NFTA_META_DREG, NFT_REG_1);
    });
    expression(in, "lookup", [&] {
        nla_put_string(in, NFTA_LOOKUP_SET, set_name);
        put(in, NFTA_LOOKUP_SREG, NFT_REG_1);
        put(in, NFTA_LOOKUP_SET_ID, set_number);
    });
    expression(in, "immediate", [&] {
        put(in, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        const nest data(in, NFTA_IMMEDIATE_DATA);
        const nest verdict(in, NFTA_DATA_VERDICT);
        put(in, NFTA_VERDICT_CODE, NF_DROP);
    });
    return made;
}

// Elements of the set, to add or to delete; a VAN is kept as the element's comment.
message elements(int type, int flags, const std::vector<silent_port>& ports) {
    auto made = about(type, flags);
    auto* in = made.get();
    nla_put_string(in, NFTA_SET_ELEM_LIST_TABLE, table_name);
    nla_put_string(in, NFTA_SET_ELEM_LIST_SET, set_name);
    const nest list(in, NFTA_SET_ELEM_LIST_ELEMENTS);
    for (const auto& port : ports) {
        const nest element(in, NFTA_LIST_ELEM);
        {
            std::array<char, IFNAMSIZ> key{};
            port.device.copy(key.data(), key.size() - 1);
            const nest data(in, NFTA_SET_ELEM_KEY);
            nla_put(in, NFTA_DATA_VALUE, key.size(), key.data());
        }
        if (port.network.empty()) continue;
        std::vector<std::uint8_t> comment{userdata_comment,
                                          static_cast<std::uint8_t>(port.network.text.size() + 1)};
        comment.insert(comment.end(), port.network.text.begin(), port.network.text.end());
        comment.push_back(0);
        nla_put(in, NFTA_SET_ELEM_USERDATA, static_cast<int>(comment.size()), comment.data());
    }
    return made;
}

silent_port read_element(nlattr* element) {
    silent_port port;
    nlattr* found[NFTA_SET_ELEM_MAX + 1]{};
    nla_parse_nested(found, NFTA_SET_ELEM_MAX, element, nullptr);
    if (found[NFTA_SET_ELEM_KEY] != nullptr) {
        nlattr* key[NFTA_DATA_MAX + 1]{};
        nla_parse_nested(key, NFTA_DATA_MAX, found[NFTA_SET_ELEM_KEY], nullptr);
        if (auto* value = key[NFTA_DATA_VALUE])
            port.device.assign(static_cast<const char*>(nla_data(value)),
                               strnlen(static_cast<const char*>(nla_data(value)),
                                       static_cast<std::size_t>(nla_len(value))));
    }
    if (auto* comment = found[NFTA_SET_ELEM_USERDATA]; comment != nullptr && nla_len(comment) > 3)
        port.network.text.assign(static_cast<const char*>(nla_data(comment)) + 2,
                                 static_cast<std::size_t>(nla_len(comment)) - 3);
    return port;
}

result<void> outcome(int error) {
    if (error == 0) return {};
    return transient("silence_failed",
                     std::string("nftables, table bridge caravan: ") + std::strerror(error));
}

}  // namespace

result<silence> silence::open() {
    auto socket = netlink::open(NETLINK_NETFILTER);
    if (!socket) return tl::unexpected(socket.error());
    return silence(std::move(*socket));
}

// The rules are written anew each time, within the transaction: whatever was there before is
// mended, and no packet sees a moment without them.
result<void> silence::add(const std::vector<silent_port>& ports) {
    std::vector<message> batch;
    batch.push_back(new_table());
    batch.push_back(new_set());
    for (const auto& each : chains) {
        batch.push_back(new_chain(each));
        batch.push_back(empty_chain(each));
        batch.push_back(new_rule(each));
    }
    if (!ports.empty()) batch.push_back(elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, ports));
    return outcome(socket_.tell_all(std::move(batch)));
}

result<void> silence::lift(const std::vector<std::string>& devices) {
    auto known = all();
    if (!known) return tl::unexpected(known.error());
    std::erase_if(*known, [&](const auto& port) {
        return std::find(devices.begin(), devices.end(), port.device) == devices.end();
    });
    if (known->empty()) return {};
    for (auto& port : *known) port.network = {};  // an element is found by its key alone
    std::vector<message> batch;
    batch.push_back(elements(NFT_MSG_DELSETELEM, 0, *known));
    return outcome(socket_.tell_all(std::move(batch)));
}

result<std::vector<silent_port>> silence::all() {
    auto question = about(NFT_MSG_GETSETELEM, 0);
    nla_put_string(question.get(), NFTA_SET_ELEM_LIST_TABLE, table_name);
    nla_put_string(question.get(), NFTA_SET_ELEM_LIST_SET, set_name);
    std::vector<silent_port> found;
    const int error = socket_.ask(std::move(question), [&](nlmsghdr* answer) {
        auto* list = nlmsg_find_attr(answer, sizeof(nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
        if (list == nullptr) return;
        int left = 0;
        nlattr* element = nullptr;
        nla_for_each_nested(element, list, left) found.push_back(read_element(element));
    });
    if (error != 0 && error != ENOENT) return tl::unexpected(outcome(error).error());
    return found;
}

}  // namespace caravan::van

// nbd scene: NBD messages made by hand, and two gates between a client and a server. Used by the
// unit tests and by the fuzzer.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "adapters/channel/gate/nbd/gate.hpp"

namespace scene::nbd {

using caravan::gate::direction;

struct message {
    direction way;
    std::string bytes;
    friend bool operator==(const message&, const message&) = default;
};
inline message client(std::string bytes) {
    return {direction::call, std::move(bytes)};
}
inline message server(std::string bytes) {
    return {direction::reply, std::move(bytes)};
}

std::string u16(std::uint16_t);
std::string u32(std::uint32_t);
std::string u64(std::uint64_t);

std::string greeting();
std::string client_flags();
std::string option(std::uint32_t which, const std::string& payload = {});
std::string option_reply(std::uint32_t which, std::uint32_t what, const std::string& payload = {});
std::string go(const std::string& exported);
std::string meta_context(const std::string& exported, const std::string& context);
std::string request(std::uint16_t command, std::uint64_t handle, std::uint64_t offset,
                    std::uint32_t length, std::uint16_t flags = 0);
std::string simple_reply(std::uint64_t handle, std::uint32_t error = 0);
std::string chunk(std::uint64_t handle, std::uint16_t type, const std::string& payload = {},
                  std::uint16_t flags = 1);

bool is_request(const message&);
std::uint64_t handle_of(const message&);  // of a request or a reply

// Through both gates in a row. A server's message names a request as its client does; on the way
// the number that the server was given stands there. `wire` is what crossed between the gates,
// `out` what came out, message by message, requests with the client's handle; `reason` of the first
// refusal.
struct outcome {
    std::vector<message> wire, out;
    std::string reason;
};
outcome run(const std::vector<message>&, const std::function<std::size_t(std::size_t)>& bite = {});

// A talk as bytes, for the fuzzer: each message after '>' or '<' and a u24 length; and the judge of
// whatever it is made into: which promise the gates broke, if any.
std::string talk_of(const std::vector<message>&);
struct judged {
    std::string broken;
    bool refused = false;
};
judged judge_nbd(std::string_view talk);

}  // namespace scene::nbd

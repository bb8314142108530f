#include "adapters/channel/gate/nbd/gate.hpp"

#include <algorithm>
#include <string>

namespace caravan::gate::nbd {
namespace {

constexpr std::uint64_t greeting_magic = 0x4e42444d41474943;  // "NBDMAGIC"
constexpr std::uint64_t option_magic = 0x49484156454f5054;    // "IHAVEOPT"
constexpr std::uint64_t option_reply_magic = 0x3e889045565a9;
constexpr std::uint32_t request_magic = 0x25609513, simple_magic = 0x67446698,
                        chunk_magic = 0x668e33ef;

constexpr std::size_t greeting_size = 18, client_flags_size = 4, option_size = 16,
                      option_reply_size = 20, request_size = 28, simple_size = 16, chunk_size = 20;

// NBD_OPT_*, NBD_REP_*, NBD_INFO_*, NBD_CMD_*, NBD_REPLY_TYPE_*
enum : std::uint32_t {
    opt_abort = 2,
    opt_go = 7,
    opt_structured_reply = 8,
    opt_set_meta_context = 10
};
enum : std::uint32_t { rep_ack = 1, rep_info = 3, rep_meta_context = 4, rep_error = 1u << 31 };
enum : std::uint16_t { info_export = 0, info_block_size = 3 };
enum : std::uint16_t {
    cmd_write = 1,
    cmd_disc = 2,
    cmd_flush = 3,
    cmd_trim = 4,
    cmd_write_zeroes = 6,
    cmd_block_status = 7
};
enum : std::uint16_t {
    chunk_none = 0,
    chunk_block_status = 5,
    chunk_error = 1 << 15 | 1,
    chunk_error_offset = 1 << 15 | 2
};

constexpr std::uint16_t fixed_newstyle = 1, no_zeroes = 2, command_flags = 0x1f, chunk_done = 1;
constexpr std::string_view only_context = "base:allocation";

template <class T>
T load(std::span<const char> bytes, std::size_t at) {
    std::uint64_t x = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        x = x << 8 | static_cast<unsigned char>(bytes[at + i]);
    return static_cast<T>(x);
}

void store(std::span<char> bytes, std::size_t at, std::uint64_t x) {
    for (std::size_t i = 8; i-- > 0; x >>= 8) bytes[at + i] = static_cast<char>(x & 0xff);
}

template <class T>
void require_magic(std::span<const char> bytes, std::size_t at, T magic) {
    if (load<T>(bytes, at) != magic) throw refusal{"not_canonical", "no NBD message"};
}

// The whole size of a message that is judged whole.
std::size_t whole(std::size_t head, std::uint32_t payload) {
    if (payload > whole_max - head) throw refusal{"too_large", std::to_string(payload)};
    return head + payload;
}

void blank(std::span<char> text) {
    std::fill(text.begin(), text.end(), ' ');
}

std::string_view text_of(std::span<const char> bytes) {
    return {bytes.data(), bytes.size()};
}

// Cuts a text with its length in front off the payload of an option.
std::string_view cut_text(std::span<const char>& from) {
    if (from.size() < 4 || load<std::uint32_t>(from, 0) > from.size() - 4)
        throw refusal{"not_canonical", "a text longer than its message"};
    const auto text = from.subspan(4, load<std::uint32_t>(from, 0));
    from = from.subspan(4 + text.size());
    return text_of(text);
}

// The export is named by libvirt: the disk's alias ("drive-virtio-disk0").
void require_export(std::string_view name) {
    const auto fit = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_';
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), fit))
        throw refusal{"forbidden_value", "export " + std::string(name.substr(0, 64))};
}

void judge_go(std::span<const char> payload) {
    require_export(cut_text(payload));
    if (payload.size() < 2 || payload.size() != 2 + 2u * load<std::uint16_t>(payload, 0))
        throw refusal{"not_canonical", "GO"};
}

void judge_set_meta_context(std::span<const char> payload) {
    require_export(cut_text(payload));
    if (payload.size() < 4 || load<std::uint32_t>(payload, 0) != 1)
        throw refusal{"forbidden_value", "not one context"};
    payload = payload.subspan(4);
    if (const auto name = cut_text(payload); name != only_context || !payload.empty())
        throw refusal{"forbidden_value", "context " + std::string(name.substr(0, 64))};
}

void judge_info(std::span<const char> payload) {
    const auto kind = payload.size() < 2 ? 0xffff : load<std::uint16_t>(payload, 0);
    const bool good = (kind == info_export && payload.size() == 12) ||
                      (kind == info_block_size && payload.size() == 14);
    if (!good) throw refusal{"forbidden_value", "information " + std::to_string(kind)};
}

}  // namespace

std::size_t gate::take(direction way, std::span<char> bytes) {
    std::size_t done = 0;
    try {
        while (!refused_ && done < bytes.size()) {
            auto& passing = passing_[static_cast<std::size_t>(way)];
            const auto rest = bytes.subspan(done);
            std::size_t passed = std::min<std::uint64_t>(passing, rest.size());
            passing -= passed;
            if (passed == 0) passed = way == direction::call ? call(rest) : reply(rest);
            if (passed == 0) break;
            done += passed;
        }
    } catch (const refusal& why) {
        refused_ = why;
    }
    return done;
}

std::size_t gate::call(std::span<char> bytes) {
    switch (client_) {
        case stage::greeting:
            if (bytes.size() < client_flags_size) return 0;
            if (load<std::uint32_t>(bytes, 0) & ~std::uint32_t{fixed_newstyle | no_zeroes})
                throw refusal{"forbidden_value", "client flags"};
            client_ = stage::options;
            return client_flags_size;
        case stage::options:
            return option(bytes);
        case stage::transmission:
            return command(bytes);
        case stage::over:
            break;
    }
    throw refusal{"wrong_order", "more after the end"};
}

std::size_t gate::option(std::span<char> bytes) {
    if (asked_option_) throw refusal{"wrong_order", "an option before the answer to the last"};
    if (bytes.size() < option_size) return 0;
    require_magic(bytes, 0, option_magic);
    const std::size_t size = whole(option_size, load<std::uint32_t>(bytes, 12));
    if (bytes.size() < size) return 0;
    const auto which = load<std::uint32_t>(bytes, 8);
    const auto payload = bytes.subspan(option_size, size - option_size);
    if (which == opt_go) {
        judge_go(payload);
    } else if (which == opt_set_meta_context) {
        judge_set_meta_context(payload);
    } else if (which != opt_structured_reply && which != opt_abort) {
        throw refusal{"procedure_refused", "NBD option " + std::to_string(which)};
    } else if (!payload.empty()) {
        throw refusal{"not_canonical", "an option with a payload that has none"};
    }
    asked_option_ = which;
    if (which == opt_abort) client_ = stage::over;
    return size;
}

std::size_t gate::command(std::span<char> bytes) {
    if (bytes.size() < request_size) return 0;
    require_magic(bytes, 0, request_magic);
    const auto flags = load<std::uint16_t>(bytes, 4), what = load<std::uint16_t>(bytes, 6);
    const auto length = load<std::uint32_t>(bytes, 24);
    switch (what) {
        case cmd_write:
            if (length > data_max) throw refusal{"too_large", std::to_string(length)};
            passing_[static_cast<std::size_t>(direction::call)] = length;
            break;
        case cmd_disc:
            client_ = stage::over;
            break;
        case cmd_flush:
        case cmd_trim:
        case cmd_write_zeroes:
        case cmd_block_status:
            break;
        default:
            throw refusal{"procedure_refused", "NBD command " + std::to_string(what)};
    }
    if (flags & ~command_flags || load<std::uint64_t>(bytes, 16) >> 63)
        throw refusal{"forbidden_value", "flags or offset of NBD command " + std::to_string(what)};
    store(bytes, 8, what == cmd_disc ? 0 : number(what, load<std::uint64_t>(bytes, 8)));
    return request_size;
}

std::uint64_t gate::number(std::uint16_t what, std::uint64_t handle) {
    const auto free = std::ranges::find(requests_, false, &request::open);
    if (free == requests_.end()) throw refusal{"too_large", "too many open requests"};
    *free = {true, what, handle};
    return static_cast<std::uint64_t>(free - requests_.begin());
}

gate::request& gate::asked(std::span<char> bytes, std::size_t at) {
    const auto n = load<std::uint64_t>(bytes, at);
    if (n >= requests_.size() || !requests_[n].open)
        throw refusal{"unasked_reply", "NBD request " + std::to_string(n)};
    store(bytes, at, requests_[n].handle);
    return requests_[n];
}

std::size_t gate::reply(std::span<char> bytes) {
    if (server_ == stage::greeting) {
        if (bytes.size() < greeting_size) return 0;
        require_magic(bytes, 0, greeting_magic);
        require_magic(bytes, 8, option_magic);
        const auto flags = load<std::uint16_t>(bytes, 16);
        if (!(flags & fixed_newstyle) || flags & ~(fixed_newstyle | no_zeroes))
            throw refusal{"forbidden_value", "server flags"};
        server_ = stage::options;
        return greeting_size;
    }
    if (server_ == stage::options) return option_reply(bytes);
    if (bytes.size() < sizeof simple_magic) return 0;
    return structured_ && load<std::uint32_t>(bytes, 0) == chunk_magic ? chunk(bytes)
                                                                       : simple_reply(bytes);
}

std::size_t gate::option_reply(std::span<char> bytes) {
    if (bytes.size() < option_reply_size) return 0;
    require_magic(bytes, 0, option_reply_magic);
    const std::size_t size = whole(option_reply_size, load<std::uint32_t>(bytes, 16));
    if (bytes.size() < size) return 0;
    const auto which = load<std::uint32_t>(bytes, 8), what = load<std::uint32_t>(bytes, 12);
    if (asked_option_ != which)
        throw refusal{"unasked_reply", "to NBD option " + std::to_string(which)};
    const auto payload = bytes.subspan(option_reply_size, size - option_reply_size);
    if (what & rep_error) {
        blank(payload);
    } else if (what == rep_info && which == opt_go) {
        judge_info(payload);
        return size;  // more follows
    } else if (what == rep_meta_context && which == opt_set_meta_context) {
        if (payload.size() < 4 || text_of(payload.subspan(4)) != only_context)
            throw refusal{"forbidden_value", "context"};
        return size;
    } else if (what != rep_ack || !payload.empty()) {
        throw refusal{"forbidden_value", "answer " + std::to_string(what) + " to an NBD option"};
    } else if (which == opt_structured_reply) {
        structured_ = true;
    } else if (which == opt_go) {
        client_ = server_ = stage::transmission;
    }
    asked_option_.reset();
    return size;
}

std::size_t gate::simple_reply(std::span<char> bytes) {
    if (bytes.size() < simple_size) return 0;
    require_magic(bytes, 0, simple_magic);
    asked(bytes, 8).open = false;
    return simple_size;
}

std::size_t gate::chunk(std::span<char> bytes) {
    if (bytes.size() < chunk_size) return 0;
    const auto flags = load<std::uint16_t>(bytes, 4), what = load<std::uint16_t>(bytes, 6);
    const std::size_t size = whole(chunk_size, load<std::uint32_t>(bytes, 16));
    if (bytes.size() < size) return 0;
    const auto payload = bytes.subspan(chunk_size, size - chunk_size);
    request& of = asked(bytes, 8);
    const bool done = flags & chunk_done;
    const std::size_t fixed = what == chunk_error ? 6 : what == chunk_error_offset ? 14 : 0;
    if (fixed != 0 && payload.size() >= fixed) {  // u32 error, u16 length, text[, u64 offset]
        const std::size_t text = load<std::uint16_t>(payload, 4);
        if (text != payload.size() - fixed) throw refusal{"not_canonical", "NBD error"};
        blank(payload.subspan(6, text));
    } else if (!(what == chunk_none && payload.empty() && done) &&
               !(what == chunk_block_status && of.command == cmd_block_status)) {
        throw refusal{"forbidden_value", "NBD reply of type " + std::to_string(what)};
    }
    if (flags & ~chunk_done) throw refusal{"forbidden_value", "NBD reply flags"};
    of.open = !done;
    return size;
}

}  // namespace caravan::gate::nbd

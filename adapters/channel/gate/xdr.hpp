// xdr: the few types of RFC 4506 that libvirt's migration calls use, read strictly: zero padding,
// flags 0 or 1, no NUL in text, nothing after the end. What is read so has one encoding only.
//
// Both visit: v(field). A message says its fields once, for reading and for writing (messages.hpp).
// A reader refuses by throwing `refusal`, caught in gate.cpp: the one exit of everything that
// judges.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/channel/gate/gate.hpp"

namespace caravan::gate::xdr {

inline constexpr std::uint32_t list_length_max = 64;  // REMOTE_DOMAIN_MIGRATE_PARAM_LIST_MAX

struct opaque {
    std::string bytes;
};
using uuid = std::array<char, 16>;

class reader {
  public:
    explicit reader(std::string_view bytes) : left_(bytes) {}

    void operator()(std::uint32_t& x) {
        x = 0;
        for (const char c : take(4)) x = x << 8 | static_cast<unsigned char>(c);
    }
    void operator()(std::int32_t& x) {
        std::uint32_t bits = 0;
        (*this)(bits);
        x = static_cast<std::int32_t>(bits);
    }
    void operator()(std::uint64_t& x) {
        std::uint32_t high = 0, low = 0;
        (*this)(high), (*this)(low);
        x = std::uint64_t{high} << 32 | low;
    }
    void operator()(opaque& x) {
        std::uint32_t size = 0;
        (*this)(size);
        x.bytes = take(size);
        for (const char c : take((4 - size % 4) % 4)) {
            if (c != 0) throw refusal{"not_canonical", "padding is not zero"};
        }
    }
    void operator()(std::string& x) {
        opaque text;
        (*this)(text);
        x = std::move(text.bytes);
        if (x.find('\0') != x.npos) throw refusal{"not_canonical", "NUL in a string"};
    }
    void operator()(uuid& x) {
        const auto bytes = take(x.size());
        std::copy(bytes.begin(), bytes.end(), x.begin());
    }
    template <class T>
    void operator()(std::optional<T>& x) {
        std::uint32_t there = 0;
        (*this)(there);
        if (there > 1) throw refusal{"not_canonical", "flag is neither 0 nor 1"};
        if (there == 1) (*this)(x.emplace());
    }
    template <class T>
    void operator()(std::vector<T>& x) {
        std::uint32_t length = 0;
        (*this)(length);
        if (length > list_length_max) throw refusal{"too_large", "list"};
        x.resize(length);
        for (T& item : x) (*this)(item);
    }
    template <class T>
    requires requires(reader& r, T& t) { fields(r, t); }
    void operator()(T& x) { fields(*this, x); }
    void end() const {
        if (!left_.empty()) throw refusal{"not_canonical", "bytes after the end"};
    }

  private:
    std::string_view take(std::size_t size) {
        if (size > left_.size()) throw refusal{"not_canonical", "runs past the end"};
        const auto taken = left_.substr(0, size);
        left_.remove_prefix(size);
        return taken;
    }
    std::string_view left_;
};

class writer {
  public:
    void operator()(const std::uint32_t& x) {
        for (int shift = 24; shift >= 0; shift -= 8) out_ += static_cast<char>(x >> shift & 0xff);
    }
    void operator()(const std::int32_t& x) { (*this)(static_cast<std::uint32_t>(x)); }
    void operator()(const std::uint64_t& x) {
        (*this)(static_cast<std::uint32_t>(x >> 32));
        (*this)(static_cast<std::uint32_t>(x));
    }
    void operator()(const std::string& x) {
        (*this)(static_cast<std::uint32_t>(x.size()));
        out_ += x;
        out_.append((4 - x.size() % 4) % 4, '\0');
    }
    void operator()(const opaque& x) { (*this)(x.bytes); }
    void operator()(const uuid& x) { out_.append(x.data(), x.size()); }
    template <class T>
    void operator()(std::optional<T>& x) {
        (*this)(std::uint32_t{x.has_value()});
        if (x) (*this)(*x);
    }
    template <class T>
    void operator()(std::vector<T>& x) {
        (*this)(static_cast<std::uint32_t>(x.size()));
        for (T& item : x) (*this)(item);
    }
    template <class T>
    requires requires(writer& w, T& t) { fields(w, t); }
    void operator()(T& x) { fields(*this, x); }
    const std::string& bytes() const noexcept { return out_; }

  private:
    std::string out_;
};

}  // namespace caravan::gate::xdr

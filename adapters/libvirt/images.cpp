#include "adapters/libvirt/images.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>

#include "adapters/libvirt/process.hpp"

namespace fs = std::filesystem;

namespace caravan::libvirt {
namespace {

constexpr std::size_t backing_name_max = 1023;  // as in the format
constexpr std::string_view qcow2_magic = "QFI\xfb";

std::uint64_t big_endian(const char* from, int octets) noexcept {
    std::uint64_t number = 0;
    for (int i = 0; i < octets; ++i) number = number << 8 | static_cast<unsigned char>(from[i]);
    return number;
}

std::string identity(const fs::path& file) {
    struct stat s {};
    if (::stat(file.c_str(), &s) != 0) return {};
    const auto changed = s.st_mtim.tv_sec * 1'000'000'000L + s.st_mtim.tv_nsec;
    return std::to_string(s.st_ino) + " " + std::to_string(s.st_size) + " " +
           std::to_string(changed);
}

std::string sha256_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> sum(EVP_MD_CTX_new(),
                                                                      EVP_MD_CTX_free);
    EVP_DigestInit_ex(sum.get(), EVP_sha256(), nullptr);
    std::vector<char> piece(1u << 20);
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0)
        EVP_DigestUpdate(sum.get(), piece.data(), static_cast<std::size_t>(in.gcount()));
    if (!in.eof()) return {};
    unsigned char octets[32];
    EVP_DigestFinal_ex(sum.get(), octets, nullptr);
    std::string text = "sha256:";
    for (const auto o : octets) {
        text += "0123456789abcdef"[o >> 4];
        text += "0123456789abcdef"[o & 15];
    }
    return text;
}

}  // namespace

result<image> read_image(const fs::path& file) {
    struct stat s {};
    std::ifstream in(file, std::ios::binary);
    if (::stat(file.c_str(), &s) != 0 || !in) return permanent("no_image", file.string());
    image seen{static_cast<bytes>(s.st_size), static_cast<bytes>(s.st_blocks) * 512, {}};
    char head[32] = {};
    if (!in.read(head, sizeof head) || std::string_view(head, 4) != qcow2_magic) return seen;
    seen.capacity = big_endian(head + 24, 8);
    const auto offset = big_endian(head + 8, 8), size = big_endian(head + 16, 4);
    if (offset == 0 || size == 0) return seen;
    if (size > backing_name_max) return permanent("bad_image", file.string());
    std::string name(size, '\0');
    in.seekg(static_cast<std::streamoff>(offset));
    if (!in.read(name.data(), static_cast<std::streamsize>(size)))
        return permanent("bad_image", file.string());
    seen.backing = file.parent_path() / name;
    return seen;
}

bool is_base_image(const fs::path& file) {
    const auto name = file.filename().string();
    return (name.starts_with("base") && name.ends_with(".img")) || name.ends_with(".base");
}

bool is_qcow2(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    char magic[4] = {};
    return in.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == qcow2_magic;
}

base_images::base_images(fs::path folder) : folder_(std::move(folder)) {
    load();
}

void base_images::load() {
    std::ifstream in(folder_ / ".caravan-bases");
    for (std::string inode, size, changed, digest; in >> inode >> size >> changed >> digest;)
        known_[inode + " " + size + " " + changed] = digest;
}

// A cache: what is lost of it is computed again.
void base_images::save() const {
    const auto name = folder_ / ".caravan-bases", next = folder_ / ".caravan-bases.new";
    {
        std::ofstream out(next, std::ios::trunc);
        for (const auto& [file, digest] : known_) out << file << ' ' << digest << '\n';
    }
    std::error_code ignored;
    fs::rename(next, name, ignored);
}

std::string base_images::digest_of(const fs::path& file) {
    // Overlays are made on raw bases: on a container they would show it, and not what it holds, as the disk.
    if (!is_base_image(file) || is_qcow2(file)) return {};
    const std::lock_guard lock(mutex_);
    const auto id = identity(file);
    if (id.empty()) return {};
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    auto digest = sha256_of(file);
    if (digest.empty() || identity(file) != id) return {};
    known_[id] = digest;
    save();
    return digest;
}

std::vector<std::string> base_images::digests() {
    std::vector<std::string> all;
    std::error_code gone;
    for (fs::directory_iterator at(folder_, gone); at != fs::directory_iterator(); at.increment(gone))
        if (auto digest = digest_of(at->path()); !digest.empty())
            all.push_back(std::move(digest));
    return all;
}

std::optional<fs::path> base_images::find(const std::string& digest) {
    std::error_code gone;
    for (fs::directory_iterator at(folder_, gone); at != fs::directory_iterator(); at.increment(gone))
        if (digest_of(at->path()) == digest && !digest.empty()) return at->path();
    return std::nullopt;
}

result<void> create_overlay(const fs::path& file, const fs::path& base, bytes capacity) {
    return run_program({"qemu-img", "create", "-q", "-f", "qcow2", "-b", base.string(), "-F", "raw",
                        file.string(), std::to_string(capacity)});
}

}  // namespace caravan::libvirt

// Images on this host: base images (raw, never written, known to other clouds by digest only) and
// the qcow2 overlays on them.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/result.hpp"

namespace caravan::libvirt {

// The head of an image file (qcow2: docs/interop/qcow2.txt of QEMU; anything else is taken as raw).
struct image {
    bytes capacity = 0;
    bytes allocated = 0;            // on this host's disk
    std::filesystem::path backing;  // absolute; empty: none
};
result<image> read_image(const std::filesystem::path&);

bool is_base_image(const std::filesystem::path&);  // named "base*.img" or "*.base"
bool is_qcow2(const std::filesystem::path&);       // by its first bytes; one that cannot be read is not

// The raw base images in one folder, by "sha256:…" of their bytes. Digests of large images take long:
// they are kept by (inode, size, mtime), in memory and in the file ".caravan-bases" beside them.
class base_images {
  public:
    explicit base_images(std::filesystem::path folder);
    std::vector<std::string> digests();
    // The digest of a base image; empty for a file that is none.
    std::string digest_of(const std::filesystem::path&);
    std::optional<std::filesystem::path> find(const std::string& digest);

  private:
    void load();
    void save() const;

    std::filesystem::path folder_;
    std::mutex mutex_;
    std::map<std::string, std::string> known_;  // "inode size mtime_ns" → digest
};

// A qcow2 of `capacity` bytes on `base` ("qemu-img create").
result<void> create_overlay(const std::filesystem::path&, const std::filesystem::path& base,
                            bytes capacity);

}  // namespace caravan::libvirt

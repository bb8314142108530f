#include "adapters/libvirt/job_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace fs = std::filesystem;

namespace caravan::libvirt {
namespace {

constexpr std::string_view prefix = ".caravan-job-";

bool write_durably(const fs::path& file, const std::string& text) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const bool durable = whole && ::fsync(fd) == 0;
    ::close(fd);
    return durable;
}

}  // namespace

bool sync_folder(const fs::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool durable = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    return durable;
}

bool staged_by_another(const std::vector<job_record>& all, const job& work) {
    return std::ranges::any_of(all, [&](const job_record& r) { return r.vm == work.vm.name && r.id != work.id; });
}

job_files::job_files(fs::path images, fs::path sockets)
    : images_(std::move(images)), sockets_(std::move(sockets)) {}

fs::path job_files::record_of(const migration_id& id) const {
    return images_ / (std::string(prefix) + id.text);
}

job_sockets job_files::sockets_of(const migration_id& id) const {
    const auto stem = "caravan-" + id.text;
    return {sockets_ / (stem + "-ctl.sock"), sockets_ / (stem + "-mem.sock"),
            sockets_ / (stem + "-nbd.sock")};
}

std::vector<job_record> job_files::all() const {
    std::vector<job_record> records;
    std::error_code gone;
    for (fs::directory_iterator at(images_, gone); at != fs::directory_iterator(); at.increment(gone)) {
        const auto& entry = *at;
        const auto name = entry.path().filename().string();
        if (!name.starts_with(prefix) || name.ends_with(".new")) continue;
        std::ifstream in(entry.path());
        job_record record;
        record.id = migration_id(name.substr(prefix.size()));
        std::getline(in, record.vm.text);
        std::getline(in, record.uuid);
        for (std::string file; std::getline(in, file);) record.files.emplace_back(file);
        records.push_back(std::move(record));
    }
    std::ranges::sort(records, {}, &job_record::id);
    return records;
}

result<void> job_files::put(const job_record& record) const {
    std::string text = record.vm.text + "\n" + record.uuid + "\n";
    for (const auto& file : record.files) text += file.string() + "\n";
    const auto name = record_of(record.id);
    const fs::path next = name.string() + ".new";
    if (write_durably(next, text) && ::rename(next.c_str(), name.c_str()) == 0 &&
        sync_folder(images_))
        return {};
    return transient("no_disk_room", name.string() + ": " + std::strerror(errno));
}

void job_files::forget(const migration_id& id) const {
    std::error_code ignored;
    fs::remove(record_of(id), ignored);
}

result<void> job_files::remove(const migration_id& id) const {
    std::vector<fs::path> mine, others;
    for (const auto& record : all()) {
        auto& files = record.id == id ? mine : others;
        files.insert(files.end(), record.files.begin(), record.files.end());
    }
    std::erase_if(mine, [&](const fs::path& f) { return std::ranges::count(others, f) != 0; });
    const auto sockets = sockets_of(id);
    mine.insert(mine.end(), {sockets.ctl, sockets.mem, sockets.nbd});
    for (const auto& file : mine) {
        std::error_code error;
        fs::remove(file, error);
        if (error) return transient("files_left", file.string() + ": " + error.message());
    }
    forget(id);
    return {};
}

}  // namespace caravan::libvirt

#include "adapters/sim/host/vm_files.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace caravan::sim {

namespace fs = std::filesystem;

namespace {

std::optional<vm_record> read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto record = from_json<vm_record>(text);
    if (!record || record->vm.name.text != file.stem()) return std::nullopt;
    return std::move(*record);
}

// Names come from other clouds, too, and become files here.
bool fit_for_files(const vm_spec& vm) {
    return valid_name(vm.name.text) &&
           std::ranges::all_of(vm.disks, [](const disk_spec& d) { return valid_name(d.target); });
}

}  // namespace

fs::path vm_files::record_of(const vm_name& name) const { return folder_ / (name.text + ".json"); }
fs::path vm_files::memory_of(const vm_spec& vm) const { return folder_ / (vm.name.text + ".memory"); }
fs::path vm_files::disk_of(const vm_spec& vm, const disk_spec& d) const {
    return folder_ / (vm.name.text + "." + d.target);
}
fs::path vm_files::socket_of(const migration_id& id, const char* stream) const {
    return folder_ / ("caravan-" + id.text + "-" + stream + ".sock");
}

std::vector<vm_record> vm_files::all() const {
    std::vector<vm_record> found;
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(folder_, ignored))
        if (file.path().extension() == ".json")
            if (auto record = read(file.path())) found.push_back(std::move(*record));
    std::ranges::sort(found, {}, [](const vm_record& r) { return r.vm.name; });
    return found;
}

std::optional<vm_record> vm_files::find(const vm_name& name) const {
    return valid_name(name.text) ? read(record_of(name)) : std::nullopt;
}

result<void> vm_files::put(const vm_record& record) const {
    if (!fit_for_files(record.vm)) return permanent("bad_name", record.vm.name.text);
    const auto file = record_of(record.vm.name);
    auto fresh = file;
    fresh += ".new";
    std::ofstream out(fresh, std::ios::binary);
    out << to_json(record) << '\n' << std::flush;
    std::error_code failed;
    if (out) fs::rename(fresh, file, failed);
    if (!out || failed) return transient("no_disk_room", file.string() + " cannot be written");
    return {};
}

void vm_files::remove(const vm_record& record) const {
    std::error_code ignored;
    fs::remove(record_of(record.vm.name), ignored);
    fs::remove(memory_of(record.vm), ignored);
    for (const auto& d : record.vm.disks) fs::remove(disk_of(record.vm, d), ignored);
}

bytes vm_files::room() const {
    std::error_code ignored;
    const auto space = fs::space(folder_, ignored);
    return ignored ? 0 : space.available;
}

}  // namespace caravan::sim

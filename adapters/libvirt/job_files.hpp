// What one migration leaves on this host's disk, written down before it is made, so that a later
// life of the agent finds and removes all of it: IMAGES/.caravan-job-JOB, one line each: the VM's
// name and UUID, then the files. Nothing is removed that no record names.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "events/ids.hpp"
#include "events/job.hpp"
#include "events/result.hpp"

namespace caravan::libvirt {

struct job_record {
    migration_id id;
    vm_name vm;
    std::string uuid;
    std::vector<std::filesystem::path> files;  // disks, console
};

// The names in the folder are durable when it returns true; errno says why not.
bool sync_folder(const std::filesystem::path&);

// Another job's files of the same VM are here: what there is of it is that job's.
bool staged_by_another(const std::vector<job_record>&, const job&);

// SOCKETS/caravan-JOB-{ctl,mem,nbd}.sock
struct job_sockets {
    std::filesystem::path ctl, mem, nbd;
};

class job_files {
  public:
    job_files(std::filesystem::path images, std::filesystem::path sockets);

    job_sockets sockets_of(const migration_id&) const;
    std::vector<job_record> all() const;
    // Durable when it returns (fsync of file and folder). Transient "no_disk_room".
    result<void> put(const job_record&) const;
    void forget(const migration_id&) const;  // the record only
    // The record's files, the job's sockets, then the record. A file that another job's record
    // names too stays.
    result<void> remove(const migration_id&) const;

  private:
    std::filesystem::path record_of(const migration_id&) const;
    std::filesystem::path images_, sockets_;
};

}  // namespace caravan::libvirt

// Processes of this host: running a small program to its end, and ending one for certain.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "events/result.hpp"

namespace caravan::libvirt {

// Runs `words` (words[0] is looked up in PATH) and waits for it. Exit status not 0: permanent
// "program_failed" with what it printed, at most 4 KiB.
result<void> run_program(const std::vector<std::string>& words);

// Does process `pid` run the domain `name`? Not of one that is dying already.
bool runs_domain(pid_t pid, const std::string& name);

// Was it dead within `at_most`? Waits by pidfd; ends nothing.
bool died_within(pid_t pid, std::chrono::milliseconds at_most);

// Ends the process that runs the domain `name`, if `pid` still is that: SIGKILL, then waits by
// pidfd (pidfd_open(2)), which no other process can take the place of, until its last thread is
// dead. ok also if there is none. Not dead after two seconds, say in uninterruptible I/O: unknown
// "still_dying".
result<void> end_process(pid_t pid, const std::string& name);

}  // namespace caravan::libvirt

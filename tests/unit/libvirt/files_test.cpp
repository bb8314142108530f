#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <thread>

#include "adapters/libvirt/images.hpp"
#include "adapters/libvirt/job_files.hpp"
#include "adapters/libvirt/process.hpp"

using namespace caravan;
using namespace caravan::libvirt;
namespace fs = std::filesystem;

namespace {

struct folder {
    fs::path path;
    folder() {
        char name[] = "/tmp/caravan-test-XXXXXX";
        REQUIRE(::mkdtemp(name));
        path = name;
    }
    ~folder() { fs::remove_all(path); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    fs::path write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
        return path / name;
    }
    long count() const {
        return std::distance(fs::directory_iterator(path), fs::directory_iterator());
    }
};

const char* digest_of_abc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_CASE("base images are known by digest, and a changed one anew") {
    const folder in;
    in.write("base.img", "abc");
    in.write("other.img", "not a base image");
    in.write("base-cloud.img", "QFI\xfb a container, whatever its name says");
    base_images bases(in.path);
    CHECK(bases.digests() == std::vector<std::string>{digest_of_abc});
    CHECK(bases.find(digest_of_abc) == in.path / "base.img");
    CHECK_FALSE(bases.find("sha256:0"));
    CHECK_FALSE(bases.find(""));
    CHECK(bases.digest_of(in.path / "other.img").empty());
    CHECK(fs::exists(in.path / ".caravan-bases"));
    CHECK(base_images(in.path).find(digest_of_abc));
    in.write("base.img", "abcd");
    CHECK_FALSE(bases.find(digest_of_abc));
    CHECK(bases.digests().size() == 1);
}

TEST_CASE("an overlay's size and base are read from its head") {
    const folder in;
    const auto base = in.write("base.img", std::string(4096, 'b'));
    REQUIRE(create_overlay(in.path / "a.qcow2", base, 1u << 30));
    const auto seen = read_image(in.path / "a.qcow2");
    REQUIRE(seen);
    CHECK(seen->capacity == 1u << 30);
    CHECK(seen->backing == base);
    CHECK(seen->allocated < 1u << 20);
    CHECK(read_image(base)->capacity == 4096);
    CHECK_FALSE(read_image(in.path / "none"));
    std::string head(64, '\0');
    head.replace(0, 4, "QFI\xfb");
    head[15] = 32;
    head[18] = 8;  // a backing name of 2048 octets
    CHECK_FALSE(read_image(in.write("evil.qcow2", head)));
}

TEST_CASE("a job's files are recorded, found again, and removed") {
    const folder in;
    const job_files files(in.path, in.path);
    const migration_id one("01JD0000000000000000000001"), two("01JD0000000000000000000002");
    const auto disk = in.write("sge-1-vda.qcow2", "x"), shared = in.write("shared", "x");
    const job_record record{one, vm_name("sge-1"), "uuid", {disk, shared, in.path / "never-made"}};
    REQUIRE(files.put(record));
    REQUIRE(files.put({two, vm_name("sge-1"), "uuid", {shared}}));
    in.write("caravan-" + one.text + "-nbd.sock", "");
    const auto all = job_files(in.path, in.path).all();
    REQUIRE(all.size() == 2);
    CHECK(all[0].id == one);
    CHECK(all[0].vm == record.vm);
    CHECK(all[0].uuid == record.uuid);
    CHECK(all[0].files == record.files);
    REQUIRE(files.remove(one));
    REQUIRE(files.remove(one));
    CHECK_FALSE(fs::exists(disk));
    CHECK(fs::exists(shared));  // the other job's too
    CHECK(files.all().size() == 1);
    REQUIRE(files.remove(two));
    CHECK(in.count() == 0);
}

TEST_CASE("a program's failure says what it printed") {
    CHECK(run_program({"true"}));
    const auto failed = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().reason == "program_failed");
    CHECK(failed.error().detail == "sh: out\nerr\n");
    CHECK_FALSE(run_program({"/no/such/program"}));
}

TEST_CASE("a domain's process is ended and proven dead") {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::execlp("sh", "sh", "-c", "while :; do sleep 1; done", "-name", "guest=sge-1,x", nullptr);
        ::_exit(127);
    }
    while (!runs_domain(pid, "sge-1")) ::usleep(1000);
    CHECK_FALSE(runs_domain(pid, "sge"));
    CHECK(end_process(pid, "sge"));
    CHECK(::kill(pid, 0) == 0);
    CHECK(runs_domain(pid, "sge-1"));
    CHECK(end_process(pid, "sge-1"));
    CHECK_FALSE(runs_domain(pid, "sge-1"));
    int status = 0;
    CHECK(::waitpid(pid, &status, WNOHANG) == pid);  // at once: it was dead
    CHECK(WTERMSIG(status) == SIGKILL);
}

TEST_CASE("only the domain's own process is ended") {
    CHECK(end_process(::getpid(), "sge-1"));  // not that domain's: nothing happens to it
    CHECK(end_process(1 << 30, "sge-1"));     // none
}

TEST_CASE("a process that dies while it is looked at is dead, whenever that is") {
    for (int round = 0; round < 500; ++round) {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(0);
        std::thread reaper([pid] { ::waitpid(pid, nullptr, 0); });
        while (::kill(pid, 0) == 0) CHECK_FALSE(runs_domain(pid, "sge-1"));
        reaper.join();
        REQUIRE(end_process(pid, "sge-1"));
    }
}

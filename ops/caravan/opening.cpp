#include "ops/caravan/opening.hpp"

#include <unistd.h>

#include <filesystem>
#include <set>

#include "adapters/channel/ticket_check.hpp"
#include "adapters/tls/tls.hpp"

namespace caravan::ops {

namespace {

class opening {
  public:
    opening(const section& all, std::string process) : all_(all), process_(std::move(process)) {}

    // A certificate and its key, for mutual TLS with the own cloud. `place` is "tls" or "wan".
    void material(const std::string& place, const tls::material& files) {
        const auto certificate = place + ".certificate", key = place + ".key";
        const auto who = tls::own_identity(files.certificate);
        if (!who) return wrong(all_, certificate, who.error().detail);
        if (who->role != process_ || who->cloud.text != all_.text("cloud"))
            return wrong(all_, certificate,
                         files.certificate + " is of a " + who->role + " of " + who->cloud.text +
                             ", not of a " + process_ + " of " + all_.text("cloud") + new_one());
        if (const auto made = tls::server_context(files); !made) {
            const bool issue = made.error().reason.starts_with("certificate_");
            wrong(all_, issue ? certificate : key, made.error().detail + (issue ? new_one() : ""));
        }
    }

    void signing_key(const char* key) {
        if (const auto read = channel::load_signing_key(all_.text(key)); !read)
            wrong(all_, key, read.error().detail + ": caravan pki init makes signing.key");
    }

    void verifying_key(const section& in, const char* key) {
        if (const auto read = channel::load_verifying_key(in.text(key)); !read)
            wrong(in, key, read.error().detail + ": caravan pki init makes signing.pub, beside the key");
    }

    void peers() {
        std::set<std::string> seen{all_.text("cloud")};
        for (const auto& peer : all_.list("peers"))
            if (const auto& cloud = peer.text("cloud"); !seen.insert(cloud).second)
                wrong(peer, "cloud", cloud + " is this cloud itself, or stands here twice");
    }

    void folder(const char* key) {
        std::error_code ec;
        if (const auto& path = all_.text(key); !std::filesystem::is_directory(path, ec))
            wrong(all_, key, "there is no folder " + path + ": make it, or install libvirt and QEMU");
    }

    void program(const char* key) {
        if (const auto& path = all_.text(key); ::access(path.c_str(), X_OK) != 0)
            wrong(all_, key, "there is no program " + path + ": install QEMU, or name where it is");
    }

    std::vector<std::string> mistakes;

  private:
    void wrong(const section& in, const std::string& key, const std::string& what) {
        mistakes.push_back(in.place(key) + ": " + key + ": " + what);
    }
    std::string new_one() const { return ": caravan pki issue --role " + process_ + " makes a new one"; }

    const section& all_;
    const std::string process_;
};

}  // namespace

std::vector<std::string> cannot_open(const section& all, const std::string& process) {
    opening each(all, process);
    const tls::material own{all.text("tls.ca"), all.text("tls.certificate"), all.text("tls.key")};
    each.material("tls", own);
    if (process == "controller") {
        each.signing_key("signing_key");
        for (const auto& peer : all.list("peers")) each.verifying_key(peer, "signing");
    }
    if (process == "proxy") {
        const auto instead = [&](const char* key, const std::string& otherwise) {
            return all.text(key).empty() ? otherwise : all.text(key);
        };
        const tls::material wan{own.ca, instead("wan.certificate", own.certificate),
                                instead("wan.key", own.key)};
        if (wan.certificate != own.certificate || wan.key != own.key) each.material("wan", wan);
        each.verifying_key(all, "signing");
    }
    if (process == "agent" && all.text("hypervisor") == "libvirt") {
        for (const char* key : {"libvirt.images", "libvirt.sockets", "libvirt.boot"}) each.folder(key);
        each.program("libvirt.emulator");
    }
    each.peers();
    return each.mistakes;
}

}  // namespace caravan::ops

// qemu-tcg: libvirt's <emulator> for guests without KVM. It runs QEMU with two changes.
//
// 1. 64 KiB more RAM. QEMU 7.2 loses memory changes in live migration under TCG: its fast path for
//    syncing the dirty bitmap does not reset the TLB. The path is taken only if RAM is a multiple of
//    256 KiB, and libvirt rounds RAM to MiB: so the roundness is broken behind libvirt's back, in -m
//    and in the memory backend alike. Both ends of a migration must use this program.
// 2. If the host has a token, the guest may read it (fw_cfg opt/lab/copy), so that an outsider sees
//    which copy of a guest answers. The token is random and names nothing, but it is guest memory.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const qemu = "/usr/bin/qemu-system-x86_64";
static const char *const token = "/etc/libvirt/copy-token";
static const unsigned long long extra = 64 << 10;

// "96" (MiB) or "size=98304k[,...]" -> KiB with the extra
static char *grown_m(const char *value) {
    char *unit, *grown = malloc(32);
    const char *number = strncmp(value, "size=", 5) ? value : value + 5;
    unsigned long long kib = strtoull(number, &unit, 10);
    if (*unit != 'k') kib <<= 10;
    snprintf(grown, 32, "%lluk", kib + (extra >> 10));
    return grown;
}

// {"qom-type":"memory-backend-ram",...,"size":100663296} -> the same, larger
static char *grown_backend(char *json) {
    const char *size = strstr(json, "\"size\":");
    if (!size) return json;
    char *rest, *grown = malloc(strlen(json) + 32);
    unsigned long long bytes = strtoull(size + 7, &rest, 10);
    sprintf(grown, "%.*s%llu%s", (int)(size + 7 - json), json, bytes + extra, rest);
    return grown;
}

int main(int count, char **word) {
    char **args = calloc((size_t)count + 3, sizeof *args);
    int n = 0, guest = 0;
    for (int i = 0; i < count; i++) {
        int is_m = i && !strcmp(word[i - 1], "-m");
        int is_backend = strstr(word[i], "\"memory-backend-") != NULL;
        guest |= is_m;  // libvirt's own probing passes no -m
        args[n++] = is_m ? grown_m(word[i]) : is_backend ? grown_backend(word[i]) : word[i];
    }
    if (guest && !access(token, R_OK)) {
        args[n++] = "-fw_cfg";
        args[n++] = "name=opt/lab/copy,file=/etc/libvirt/copy-token";
    }
    args[0] = (char *)qemu;
    execv(qemu, args);
    perror(qemu);
    return 127;
}

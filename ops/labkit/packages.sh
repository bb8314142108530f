# shellcheck shell=bash disable=SC2034  # used by those who source it
# packages.sh: what a Debian 12 machine needs, installed when root and missing. Sourced.
# What is installed here is what is used: a Python of the user's own has no python3-cryptography.
export PATH=/usr/sbin:/usr/bin:$PATH
LAB_PACKAGES="libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-system libvirt-clients
    qemu-system-x86 qemu-utils busybox-static cpio iproute2 iputils-ping nftables procps python3 python3-cryptography
    socat util-linux gcc g++ libc6-dev"
BUILD_PACKAGES="cmake ninja-build g++ pkg-config ccache mold libcaf-dev libboost-dev
    libssl-dev libvirt-dev libsqlite3-dev libsimdjson-dev rapidjson-dev libfmt-dev libspdlog-dev
    libcli11-dev libmimalloc-dev libyaml-cpp-dev libpugixml-dev libnl-3-dev libnl-route-3-dev libexpected-dev
    libbenchmark-dev catch2 python3"

missing_of() { # PACKAGE...
    local have
    # dpkg-query fails if it has never heard of one of them, which is the case that this is for
    have=$({ dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null || true; } |
        awk '$2 ~ /^i/ { print $1 }')
    printf '%s\n' "$@" | grep -vxF "$have" || true
}

need() { # PACKAGE... : afterwards they are installed
    local missing
    mapfile -t missing < <(missing_of "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || { echo "missing, and only root installs: ${missing[*]}" >&2; return 1; }
    echo "installing ${missing[*]}" >&2
    apt_get install "${missing[@]}" || { apt_get update && apt_get install "${missing[@]}"; } || {
        echo "apt-get could not install ${missing[*]}" >&2
        return 1
    }
}
apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" >&2
}

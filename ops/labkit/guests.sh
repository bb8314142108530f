# shellcheck shell=bash
# guests.sh: building the guest once, booting guests, neighbours to ask them from. Sourced.
#
# The guest is Debian's cloud kernel (downloaded and unpacked, never installed) and an initrd of busybox
# and resident.c. Built things are kept in LAB_CACHE, which outlives the lab.

# Order matters: insmod knows no dependencies. qemu_fw_cfg lets the resident read its host's token.
MODULES='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci
failover net_failover virtio_net virtio_blk qemu_fw_cfg'

build_all() { # one lab at a time
    mkdir -p "$LAB_CACHE/bin"
    (
        flock 9
        build_tools
        [ -f "$LAB_CACHE/vmlinuz" ] || fetch_kernel
        build_initrd
        build_base
    ) 9<"$LAB_CACHE" || die "building the guest and the tools failed"
    cp "$LAB_CACHE"/bin/{wan,qemu-tcg,doorstop.so} "$LAB/bin/"
}
build_tools() {
    local bin=$LAB_CACHE/bin
    [ "$bin/wan" -nt "$KIT/wan.cpp" ] || g++ -std=c++20 -O2 -Wall -Wextra -o "$bin/wan" "$KIT/wan.cpp"
    [ "$bin/qemu-tcg" -nt "$KIT/qemu-tcg.c" ] ||
        gcc -O2 -Wall -Wextra -static -o "$bin/qemu-tcg" "$KIT/qemu-tcg.c"
    [ "$bin/doorstop.so" -nt "$KIT/doorstop.c" ] ||
        gcc -O2 -Wall -Wextra -shared -fPIC -o "$bin/doorstop.so" "$KIT/doorstop.c"
    [ "$bin/resident" -nt "$KIT/guest/resident.c" ] ||
        gcc -O2 -Wall -Wextra -static -pthread -o "$bin/resident" "$KIT/guest/resident.c"
}
newest_kernel() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }'
}
fetch_kernel() {
    local package unpacked=$LAB_CACHE/unpacked
    package=$(newest_kernel)
    [ -n "$package" ] || { apt_get update && package=$(newest_kernel); }
    [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64"
    (cd "$LAB_CACHE" && rm -f "$package"_*.deb &&
        apt-get -o APT::Sandbox::User=root -qq download "$package") || return
    rm -rf "$unpacked"
    dpkg-deb -x "$LAB_CACHE/$package"_*.deb "$unpacked"
    rm -f "$LAB_CACHE/$package"_*.deb
    mkdir -p "$LAB_CACHE/modules"
    for module in $MODULES; do
        find "$unpacked/lib/modules" -name "$module.ko" -exec cp {} "$LAB_CACHE/modules/" \;
    done
    cp "$unpacked"/boot/vmlinuz-* "$LAB_CACHE/vmlinuz"
    rm -rf "$unpacked"
}
build_initrd() {
    local root=$LAB_CACHE/root out=$LAB_CACHE/initrd
    ! [ "$out" -nt "$LAB_CACHE/bin/resident" ] || ! [ "$out" -nt "$KIT/guest/init" ] || return 0
    rm -rf "$root"
    mkdir -p "$root"/{bin,modules}
    cp "$(command -v busybox)" "$LAB_CACHE/bin/resident" "$root/bin/"
    install -m 755 "$KIT/guest/init" "$root/init"
    cp "$LAB_CACHE"/modules/*.ko "$root/modules/"
    echo "$MODULES" >"$root/modules/order"
    (cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$out.new"
    mv "$out.new" "$out"
    rm -rf "$root"
}
# The base image that all hosts hold: 128 MiB, 8 MiB of it not a hole.
build_base() {
    [ ! -f "$LAB_CACHE/base.img" ] || return 0
    truncate -s 128M "$LAB_CACHE/base.new"
    dd if=/dev/urandom of="$LAB_CACHE/base.new" bs=1M count=8 conv=notrunc status=none
    mv "$LAB_CACHE/base.new" "$LAB_CACHE/base.img"
}

# ---- booting
boot_guest() { # NAME HOST RAM DISK COW DIRTY
    local name=$1 host=$2 images
    images=$(host_home "$host")/lib/images
    give_number "$name"
    ensure_van "$host"
    make_overlay "$host" "$name" "$4"
    [ "$5" = 0 ] || fill_overlay "$host" "$name" "$5"
    sed -e "s/@name@/$name/g; s/@ram@/$3/; s/@van@/$VAN/; s/@address@/$(guest_address "$name")/" \
        -e "s/@uuid@/$(cat /proc/sys/kernel/random/uuid)/; s/@mac@/$(guest_mac "$name")/" \
        "$KIT/guest/domain.xml" >"$LAB/vms/$name.xml"
    on "$host" define "$LAB/vms/$name.xml" >/dev/null
    : >"$images/$name.console"
    on "$host" start "$name" >/dev/null
    until_true 90 grep -aq RESIDENT-READY "$images/$name.console"
    plug_peers
    [ "$6" = 0 ] || dirty_guest "$name" "$6"
}
give_number() { # NAME : numbers are never given twice
    local number=1
    [[ $1 =~ ^[a-z][a-z0-9-]{0,30}$ ]] || die "a guest's name is [a-z][a-z0-9-]*, not $1"
    [ ! -e "$LAB/vms/$1" ] || die "a guest is named $1 already"
    while ! mkdir "$LAB/vms/.$number" 2>/dev/null; do number=$((number + 1)); done
    [ $number -le 150 ] || die "150 guests were made: no address is left"
    echo $number >"$LAB/vms/$1"
}
make_overlay() { # HOST NAME DISK-MIB
    local images=/var/lib/libvirt/images
    in_host "$1" qemu-img create -q -f qcow2 -b "$images/base.img" -F raw "$images/$2.qcow2" "$3M"
    on "$1" pool-refresh images >/dev/null
}
# Random, so that no layer can compress or skip it; past the resident's region of 16 MiB.
fill_overlay() { # HOST NAME COW-MIB
    local images=/var/lib/libvirt/images outside
    outside=$(host_home "$1")/lib/images
    head -c "$3M" /dev/urandom >"$outside/$2.fill"
    in_host "$1" qemu-io -f qcow2 -c "write -q -s $images/$2.fill 64M $3M" "$images/$2.qcow2"
    rm -f "$outside/$2.fill"
}
ensure_van() { # HOST : the guests' network exists on the host
    local cloud
    cloud=$(cloud_of "$1")
    [ "$MODE" != plain ] || return 0
    caravan_at "$cloud" van show "$VAN" >/dev/null 2>&1 ||
        caravan_at "$cloud" van create "$VAN" >/dev/null ||
        die "$cloud does not make the virtual network $VAN"
    until_true 180 has_bridge "$1" || die "no bridge cv-$VAN appeared on $1: $LAB/log/agent.$1"
}
has_bridge() { ip -n "$(netns "$1")" link show "cv-$VAN" >/dev/null 2>&1; }

# MiB of memory a second, and a quarter of it on disk.
dirty_guest() { # NAME MBPS
    ask "$1" "dirty mem $(awk "BEGIN { printf \"%d\", $2 * 256 }")" >/dev/null
    ask "$1" "dirty disk $(awk "BEGIN { printf \"%d\", $2 * 256 }")" >/dev/null
}

# ---- neighbours: one a cloud, in a namespace of its own, plugged where the guests' bridge is
plug_peers() {
    local cloud
    for cloud in $(clouds); do plug_peer "$cloud"; done
}
plug_peer() { # CLOUD : on the last of its hosts that has the bridge; none: later
    local peer=$1.peer ns host
    ns=$(netns "$peer")
    for host in $(hosts "$1" | tac) ''; do
        [ -n "$host" ] || return 0
        ! has_bridge "$host" || break
    done
    if [ "$(cat "$LAB/run/$peer" 2>/dev/null)" != "$host" ]; then
        ip netns del "$ns" 2>/dev/null || true
        ip netns add "$ns"
        quiet "$peer"
        ip link add eth0 netns "$ns" type veth peer name peer0 netns "$(netns "$host")"
        ip -n "$ns" link set eth0 mtu 1370
        ip -n "$ns" addr add "$(peer_address "$1")/24" dev eth0
        ip -n "$ns" link set eth0 up
        echo "$host" >"$LAB/run/$peer"
    fi
    ip -n "$(netns "$host")" link set peer0 master "cv-$VAN" up
}

# One question to a guest's resident, asked by a neighbour.
ask() { # NAME COMMAND [CLOUD]
    local cloud=${3:-thales}
    plug_peers
    # shellcheck disable=SC2016  # the inner shell expands
    inside "$cloud.peer" timeout "${ASK_TIMEOUT:-20}" bash -c \
        'exec 3<>"/dev/tcp/$0/9000" && echo "$1" >&3 && read -r answer <&3 && echo "$answer"' \
        "$(guest_address "$1")" "$2" || die "guest $1 does not answer"
}

# shellcheck shell=bash
# hosts.sh: a host is its node's network namespace plus mount, UTS, IPC and PID namespaces of its own,
# with its own libvirtd. Sourced. Killing its init is a power loss: libvirtd, agent and guests go with
# it; disks and definitions stay, and starting the host brings libvirtd and agent back, no guest.
configure_host() { # HOST
    local home
    home=$(host_home "$1")
    mkdir -p "$home"/{run,lib/images,lib/boot,lib/qemu,etc,log,cache}
    cp "$LAB_CACHE"/{vmlinuz,initrd} "$LAB/bin/qemu-tcg" "$home/lib/boot/"
    cp --sparse=always "$LAB_CACHE/base.img" "$home/lib/images/" # the same digest everywhere
    od -An -N4 -tx4 /dev/urandom | tr -d ' ' >"$home/etc/copy-token"
    cp "$KIT/host/qemu.conf" "$home/etc/"
    cat /proc/sys/kernel/random/uuid >"$home/uuid"
    { cat "$KIT/host/libvirtd.conf"; echo "host_uuid = \"$(<"$home/uuid")\""; } \
        >"$home/etc/libvirtd.conf"
    echo "127.0.0.1 localhost $(host_name "$1")" >"$home/hosts"
}

# Mount points that the packages do not make; `down` takes away what was made here.
make_mount_points() {
    local dir
    for dir in /run/libvirt /var/lib/libvirt /etc/libvirt /var/log/libvirt /var/cache/libvirt; do
        [ -d "$dir" ] || { mkdir -p "$dir" && echo "$dir" >>"$LAB/made"; }
    done
}

start_host() { # HOST
    local home
    home=$(host_home "$1")
    ! is_running "host.$1" || die "host.$1 runs already"
    lose_power "$1"
    rm -f "$home/booted" "$home"/run/libvirt-sock* "$home"/run/*.pid
    spawn_host "$1"
    until_true 10 test -e "$home/booted"
    start_libvirtd "$1"
    if [ "$MODE" = plain ]; then plain_van_host "$1"; else start_agent "$1"; fi
}
spawn_host() { # HOST : the mark is the init's alone, not that of unshare, which only waits
    local init
    init=(env CARAVAN_LAB_PROCESS="host.$1" "$KIT/host/init.sh" "$(host_home "$1")" "$(host_name "$1")")
    spawn_in "$1" "power.$1" unshare -m -u -i -p --fork --kill-child=SIGKILL --mount-proc "${init[@]}"
}

# What a namespace keeps and a machine without power does not: bridges, tunnels, packet filters.
lose_power() { # HOST
    local ns device table
    ns=$(netns "$1")
    for device in $(ip -n "$ns" -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'); do
        case $device in lo | eth0 | peer0) continue ;; esac
        ip -n "$ns" link del "$device" 2>/dev/null || true
    done
    inside "$1" nft list tables | awk '!/inet lab$/' | while read -r table; do
        # shellcheck disable=SC2086  # "table inet NAME" is three words
        inside "$1" nft delete $table
    done
}

start_libvirtd() { # HOST
    ! is_running "libvirtd.$1" || die "libvirtd.$1 runs already"
    end_turnstile "${1%%.*}" # or it would put the dead one's socket in the place of this one's
    spawn_in_host "$1" "libvirtd.$1" libvirtd -p /run/libvirt/libvirtd.pid
    until_true 20 on "$1" list
    on "$1" pool-info images >/dev/null 2>&1 || { # a whole-disk copy is created in a pool
        on "$1" pool-define-as images dir --target /var/lib/libvirt/images
        on "$1" pool-autostart images
        on "$1" pool-start images
    } >/dev/null
}

hosts_up() {
    local host started=()
    make_mount_points
    for host in $(hosts); do
        { configure_host "$host" && start_host "$host"; } &
        started+=($!)
    done
    for host in "${started[@]}"; do wait "$host" || die "a host did not start: $LAB/log"; done
}

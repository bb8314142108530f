# shellcheck shell=bash
# plain.sh: the baseline that Caravan is measured against: the same clouds, guests and WAN with kernel
# VXLAN for the guests' network and plain, unprotected relays for libvirt. Sourced.
#
# Hosts know the hosts of their cloud and their proxy; proxies know each other. A bridge never sends a
# frame back through the port it came by, so the two meshes make no loop. All learn from what they
# see: the RARP that QEMU sends on resume moves a guest's route.
tunnel() { # NODE DEVICE VNI PORT LOCAL REMOTE...
    local ns own=$5 remote
    ns=$(netns "$1")
    ip -n "$ns" link add "$2" type vxlan id "$3" local "$own" dstport "$4"
    ip -n "$ns" link set "$2" mtu 1500 master "cv-$VAN" up
    for remote in "${@:6}"; do
        [ "$remote" = "$own" ] ||
            bridge -n "$ns" fdb append 00:00:00:00:00:00 dev "$2" dst "$remote"
    done
}
plain_bridge() { # NODE
    ip -n "$(netns "$1")" link add "cv-$VAN" type bridge
    ip -n "$(netns "$1")" link set "cv-$VAN" up
}
site_of() { # CLOUD -> addresses of its proxy and hosts
    local node
    for node in "$1.p1" $(hosts "$1"); do address "$node"; done
}
plain_van_host() { # HOST
    local site
    mapfile -t site < <(site_of "$(cloud_of "$1")")
    plain_bridge "$1"
    tunnel "$1" "vx-$VAN" 42 4789 "$(address "$1")" "${site[@]}"
}
plain_van_proxies() {
    local cloud site proxies
    mapfile -t proxies < <(for cloud in $(clouds); do wan_address "$cloud"; done)
    for cloud in $(clouds); do
        mapfile -t site < <(site_of "$cloud")
        plain_bridge "$cloud.p1"
        tunnel "$cloud.p1" "vx-$VAN" 42 4789 "$(address "$cloud.p1")" "${site[@]}"
        tunnel "$cloud.p1" vx-wan 1042 4790 "$(wan_address "$cloud")" "${proxies[@]}"
    done
}
# Relays that hoard megabytes make the guest wait for them in its downtime (1.1 s, with this 0.7 s).
# Caravan's own sockets bound what they hold; socat has to be given it from outside.
plain_sockets() {
    local node
    for node in $(hosts) $(clouds | sed 's/$/.p1/'); do
        inside "$node" sysctl -qw net.ipv4.tcp_notsent_lowat=131072
    done
}

# Three streams a migration: ctl (libvirt's RPC), mem (guest memory), nbd (disks). Each starts as a
# unix socket at the source and ends as one at the destination; host - proxy - WAN - proxy - host. Once
# one side closes, -t closes the other: a half-closed stream would hang libvirt for a minute.
relay_hop() { # NODE JOB STREAM-N LISTEN CONNECT
    spawn_in "$1" "relay.$2.$3" socat -b 131072 -t 0.5 "$4" "$5"
}
relays_up() { # JOB FROM TO PORT [SOCKET: of the destination's, where ctl ends]
    local job=$1 from=$2 to=$3 port=$4 here there wan start end stream
    local listen=fork,reuseaddr,backlog=64,nodelay
    here=$(cloud_of "$from").p1 there=$(cloud_of "$to").p1
    wan=$(wan_address "$(cloud_of "$to")")
    start=$(host_home "$from")/lib/qemu/$job
    for stream in ctl mem nbd; do
        port=$((port + 1))
        end=$(host_home "$to")/lib/qemu/$job-$stream.sock
        [ $stream != ctl ] || end=${5:-$(host_home "$to")/run/libvirt-sock}
        relay_hop "$to" "$job" "$stream.4" \
            "TCP-LISTEN:$port,bind=$(address "$to"),$listen" "UNIX-CONNECT:$end"
        relay_hop "$there" "$job" "$stream.3" \
            "TCP-LISTEN:$port,bind=$wan,$listen" "TCP:$(address "$to"):$port,nodelay"
        relay_hop "$here" "$job" "$stream.2" \
            "TCP-LISTEN:$port,bind=$(address "$here"),$listen" "TCP:$wan:$port,nodelay"
        relay_hop "$from" "$job" "$stream.1" \
            "UNIX-LISTEN:$start-$stream.sock,fork,unlink-early" "TCP:$(address "$here"):$port,nodelay"
    done
    until_true 5 test -S "$start-nbd.sock"
    until_true 5 relay_listens "$to" "$port"
}
relay_listens() { inside "$1" ss -Hltn "sport = :$2" | grep -q .; }
relays_down() { # JOB FROM TO
    local host pid
    census | awk -v start="relay.$1." 'index($1, start) == 1 { print $2 }' | while read -r pid; do
        pkill -KILL -P "$pid" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
    done
    for host in "$2" "$3"; do rm -f "$(host_home "$host")/lib/qemu/$1"-*.sock; done
}

# plain-migrate NAME FROM TO [--unpaused] [--mode cow|disk]: prints seconds, downtime and bytes.
# The copy is let go only when the source is proven off; --unpaused leaves it to libvirt: the raw
# downtime, but two runners if a reply is lost.
plain_migrate() {
    local name=$1 from=$2 to=$3 dir=/var/lib/libvirt/qemu began ended flags paused=1 mode=cow job disk
    shift 3
    require_one_of guest "$name" guests
    require_one_of host "$from" hosts
    require_one_of host "$to" hosts
    while [ $# -gt 0 ]; do
        case $1 in
            --unpaused) paused=0 ;;
            --mode) mode=${2:?}; shift ;;
            *) die "plain-migrate: what is $1?" ;;
        esac
        shift
    done
    job=plain-$name disk=$(disk_of "$from" "$name")
    flags=(--live --p2p --persistent --copy-storage-synchronous-writes)
    if [ "$mode" = disk ]; then flags+=(--copy-storage-all)
    else
        flags+=(--copy-storage-inc)
        in_host "$to" qemu-img create -q -f qcow2 -b /var/lib/libvirt/images/base.img -F raw \
            "$disk" "$(disk_mib "$from" "$name")M"
    fi
    [ $paused = 0 ] || flags+=(--suspend)
    relays_up "$job" "$from" "$to" $((7000 + 4 * $(guest_number "$name")))
    began=$EPOCHREALTIME
    if ! on "$from" migrate "${flags[@]}" --migrate-disks vda \
        --migrateuri "unix://$dir/$job-mem.sock" --disks-uri "unix://$dir/$job-nbd.sock" \
        "$name" "qemu+unix:///system?socket=$dir/$job-ctl.sock" >&2; then
        relays_down "$job" "$from" "$to"
        plain_discard "$to" "$name" "$disk"
        die "libvirt did not move $name"
    fi
    [ "$(on "$from" domstate "$name")" = "shut off" ] || die "the source of $name still runs"
    [ $paused = 0 ] || on "$to" resume "$name" >/dev/null
    ended=$EPOCHREALTIME
    on "$from" domjobinfo "$name" --completed --rawstats | awk -v a="$began" -v b="$ended" '
        { sub(/:$/, "", $1); at[$1] = $2 }
        END { printf "total_seconds=%.2f downtime_ms=%d disk_bytes=%d memory_bytes=%d\n",
            b - a, at["downtime"], at["disk_processed"], at["memory_processed"] }'
    relays_down "$job" "$from" "$to"
    plain_discard "$from" "$name" "$disk"
}
disk_of() { # HOST NAME
    on "$1" domblklist "$2" | awk '$1 == "vda" { print $2 }'
}
disk_mib() { # HOST NAME
    echo $(($(on "$1" domblkinfo "$2" vda | awk '/^Capacity/ { print $2 }') >> 20))
}
plain_discard() { # HOST NAME DISK : a copy that is not the running one
    on "$1" destroy "$2" >/dev/null 2>&1 || true
    on "$1" undefine "$2" >/dev/null 2>&1 || true
    rm -f "$(host_home "$1")/lib/images/$2.console" "$(host_home "$1")/lib/${3#/var/lib/libvirt/}"
    on "$1" pool-refresh images >/dev/null
}

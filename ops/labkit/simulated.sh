# shellcheck shell=bash
# simulated.sh: hosts without libvirt, QEMU or namespaces: each is a folder that its agent keeps VMs in
# (adapters/sim/host). All processes are on loopback; nothing between them is slow but what the agents
# send, at the lab's rate. Sourced.

free_ports() { # -> a port: it and the 900 that follow are free
    local port
    for port in $(seq 17300 1000 30300); do
        [ -n "$(ss -Hltun "sport >= :$port and sport < :$((port + 900))")" ] || { echo "$port"; return; }
    done
    die "no free ports on loopback"
}

# A VM whose memory and disk are random; what they were stays in LAB/run, to compare with.
simulated_vm() { # NAME HOST RAM DISK COW
    local home cloud origin=$LAB/run/$1
    home=$(host_home "$2") cloud=$(cloud_of "$2")
    give_number "$1"
    caravan_at "$cloud" van show "$VAN" >/dev/null 2>&1 || caravan_at "$cloud" van create "$VAN" >/dev/null
    head -c "$3M" /dev/urandom >"$origin.memory"
    head -c "$5M" /dev/urandom >"$origin.disk"
    cp "$origin.memory" "$home/$1.memory"
    cp "$origin.disk" "$home/$1.vda"
    truncate -s "$4M" "$home/$1.vda"
    cat >"$home/$1.json.new" <<-END
		{"vm": {"name": "$1", "uuid": "$(cat /proc/sys/kernel/random/uuid)", "memory": $(($3 << 20)), "vcpus": 1,
		 "machine": "pc-i440fx-7.2", "cpu_model": "qemu64",
		 "disks": [{"target": "vda", "capacity": $(($4 << 20)), "overlay": $(($5 << 20)),
		  "base_digest": "sha256:$(printf 'b%.0s' {1..64})"}],
		 "nics": [{"mac": "$(guest_mac "$1")", "van": "$VAN"}]}, "state": "running"}
	END
    mv "$home/$1.json.new" "$home/$1.json"
    until_true 20 caravan_at "$cloud" vms "$1" || die "$cloud does not see $1: $LAB/log/agent.$2"
    echo "$1 runs on $2, simulated"
}

state_of() { # NAME HOST -> running, paused, off, staged; nothing if it is not there
    sed -n 's/.*"state": *"\([a-z]*\)".*/\1/p' "$(host_home "$2")/$1.json" 2>/dev/null || true
}
simulated_guest() { # NAME status|verify
    local host home origin=$LAB/run/$1 bad_memory bad_disk verdict=ok
    for host in $(hosts) ''; do [ "$(state_of "$1" "$host")" != running ] || break; done
    [ -n "$host" ] || die "guest $1 runs nowhere"
    home=$(host_home "$host")
    case $2 in
        status) echo "status runs in $(cloud_of "$host")" ;;
        verify)
            bad_memory=$( (cmp -l "$origin.memory" "$home/$1.memory" 2>&1 || true) | wc -l)
            bad_disk=$( (cmp -l -n "$(stat -c %s "$origin.disk")" "$origin.disk" "$home/$1.vda" 2>&1 || true) | wc -l)
            [ "$bad_memory$bad_disk" = 00 ] || verdict=BAD
            echo "verify $verdict pages=$(($(stat -c %s "$origin.memory") / 4096)) stale=0 bad_words=$bad_memory" \
                "chunks=$(($(stat -c %s "$origin.disk") / 4096)) bad_chunks=$bad_disk disk_errors=0" ;;
        *) die "a simulated guest knows status and verify only" ;;
    esac
}
power_off() { # NAME HOST : its process is gone, as by kill -9
    [ "$(state_of "$1" "$2")" = running ] || die "qemu.$1@$2 does not run"
    sed -i 's/"state": *"running"/"state":"off"/' "$(host_home "$2")/$1.json"
}

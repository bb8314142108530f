# shellcheck shell=bash
# status.sh: what the lab consists of and what of it lives. Sourced.
process_names() { # all that should run, guests apart
    local cloud host
    if [ "$MODE" != simulated ]; then
        echo wan
        hosts | sed 's/^/host./'
        hosts | sed 's/^/libvirtd./'
    fi
    [ "$MODE" != plain ] || return 0
    for cloud in $(clouds); do echo "controller.$cloud"; echo "proxy.$cloud"; done
    for host in $(hosts); do echo "agent.$host"; done
}

facts() { # KIND FIELDS..., a line each, for status.py
    local name
    census | grep -Ev '^(power|relay|gate|turnstile)' | sed 's/^/process /'
    for name in $(process_names); do echo "expected $name"; done
    for name in $(hosts); do
        if [ "$MODE" = simulated ]; then echo "host $name - - - - $(host_home "$name")"
        else echo "host $name $(libvirt_uri "$name") $(host_name "$name")" \
            "$(<"$(host_home "$name")/uuid") $(netns "$name") $(host_home "$name")/lib/images"; fi
    done
    for name in $(links); do echo "link $name $(link_state "$name")"; done
    for name in $(clouds); do echo "cloud $name $(gateway_url "$name")"; done
    echo "mode $MODE"
    echo "program ${PROGRAM:--}"
}

show_status() {
    local output=table
    [ "${1:-}" != -o ] || output=${2:-}
    require_one_of output "$output" printf '%s\n' table json
    facts | python3 "$KIT/status.py" "$output"
}

show_env() { # CLOUD
    require_one_of cloud "$1" clouds
    [ "$MODE" != plain ] || die "a plain lab has no controllers"
    echo "export CARAVAN_URL=$(gateway_url "$1") CARAVAN_TOKEN=$(token_of "$1")"
    echo "export CARAVAN_CA=$(cloud_home "$1")/pki/ca.pem"
}

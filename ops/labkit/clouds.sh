# shellcheck shell=bash
# clouds.sh: Caravan's own processes: certificates, configuration files, starting. Sourced.
#
# A cloud's files are in LAB/clouds/CLOUD: pki/ (its CA and keys), peers/ (what it was given of the
# others: CA and signing certificate only), data/ (its journal), and one YAML file a process.
cloud_home() { echo "$LAB/clouds/$1"; }
token_of() { cat "$(cloud_home "$1")/token"; }

find_program() { # -> path of caravan: $CARAVAN, or the newest build
    local newest
    if [ -n "${CARAVAN:-}" ]; then
        [ -x "$CARAVAN" ] || die "CARAVAN=$CARAVAN cannot be executed"
        realpath "$CARAVAN"
        return
    fi
    # shellcheck disable=SC2012  # names of our own build folders
    newest=$(ls -t "$ROOT"/build/*/ops/caravan/caravan 2>/dev/null | head -1)
    [ -n "$newest" ] ||
        die "caravan is not built: cmake --preset dev && cmake --build --preset dev, or set CARAVAN"
    echo "$newest"
}
caravan_at() { # CLOUD COMMAND... : the operator's caravan, talking to that cloud
    local cloud=$1; shift
    CARAVAN_URL=$(gateway_url "$cloud") CARAVAN_TOKEN=$(token_of "$cloud") \
        CARAVAN_CA=$(cloud_home "$cloud")/pki/ca.pem "$PROGRAM" "$@"
}

issue() { # CLOUD ROLE NAME [IP...]
    local pki addresses=() ip
    pki=$(cloud_home "$1")/pki
    for ip in "${@:4}"; do addresses+=(--address "$ip"); done
    "$PROGRAM" pki issue --dir "$pki" --role "$2" --name "$3" "${addresses[@]}" >>"$LAB/log/pki"
}

make_pki() { # CLOUD
    local home host
    home=$(cloud_home "$1")
    mkdir -p "$home"/{pki,peers,data}
    "$PROGRAM" pki init --cloud "$1" --dir "$home/pki" >>"$LAB/log/pki"
    if [ "$MODE" = simulated ]; then
        issue "$1" controller controller 127.0.0.1
        issue "$1" proxy p1 127.0.0.1
    else
        issue "$1" controller controller "$(address "$1.controller")" "$(operator_address "$1" 2)"
        issue "$1" proxy p1 "$(address "$1.p1")"
    fi
    issue "$1" proxy proxy    # what the peers' proxies see: DTLS 1.2 shows it to the whole WAN
    issue "$1" operator lab
    for host in $(hosts "$1"); do
        if [ "$MODE" = simulated ]; then issue "$1" agent "${host#*.}" 127.0.0.1
        else issue "$1" agent "${host#*.}" "$(address "$host")"; fi
    done
    (umask 077
    od -An -N32 -tx8 /dev/urandom | tr -d ' \n' >"$home/token"
    echo "- {token: $(<"$home/token"), role: operator, name: lab}" >"$home/tokens.yaml")
}

exchange_trust() { # what two clouds' people hand each other beforehand
    local cloud peer to
    for cloud in $(clouds); do
        for peer in $(clouds | grep -vx "$cloud"); do
            to=$(cloud_home "$cloud")/peers/$peer
            mkdir -p "$to"
            cp "$(cloud_home "$peer")"/pki/{ca.pem,signing.pub} "$to/"
        done
    done
}

# ---- addresses of a cloud's processes, by mode: CLOUD -> "host:port"
at() { # CLOUD NODE PORT OFFSET : PORT on the node, or OFFSET on loopback when simulated
    if [ "$MODE" = simulated ]; then echo "127.0.0.1:$(port_of "$1" "$4")"
    else echo "$(address "$1.$2"):$3"; fi
}
at_wan() { # CLOUD PORT OFFSET
    if [ "$MODE" = simulated ]; then echo "127.0.0.1:$(port_of "$1" "$3")"
    else echo "$(wan_address "$1"):$2"; fi
}
control_of() { at "$1" controller 7401 1; }
tls_of() { echo "{ca: pki/ca.pem, certificate: pki/$1.pem, key: pki/$1.key}"; }

configure_controller() { # CLOUD
    local peer listen
    listen="\"$(at "$1" controller 7400 0)\""
    [ "$MODE" = simulated ] || listen="[$listen, \"$(operator_address "$1" 2):7400\"]"
    {
        cat <<-END
			cloud: $1
			data: data
			listen: $listen
			control: "$(control_of "$1")"
			tls: $(tls_of controller)
			signing_key: pki/signing.key
			tokens: tokens.yaml
			feeds: {directory: $LAB/feeds}
			peers:
		END
        for peer in $(clouds | grep -vx "$1"); do
            echo "  - {cloud: $peer, ca: peers/$peer/ca.pem, signing: peers/$peer/signing.pub," \
                "proxy: \"$(at_wan "$peer" 7500 11)\", van: \"$(at_wan "$peer" 7501 12)\"}"
        done
    } >"$(cloud_home "$1")/controller.yaml"
}

configure_proxy() { # CLOUD
    local peer
    {
        cat <<-END
			cloud: $1
			name: p1
			controller: "$(control_of "$1")"
			listen:
			  site: "$(at "$1" p1 7410 10)"
			  wan: "$(at_wan "$1" 7500 11)"
			  van: "$(at_wan "$1" 7501 12)"
			  vxlan: "$(at "$1" p1 4789 13)"
			tls: $(tls_of p1)
			wan: {certificate: pki/proxy.pem, key: pki/proxy.key, key_log: wan-keys.log}
			signing: pki/signing.pub
			stall: 7s
			peers:
		END
        for peer in $(clouds | grep -vx "$1"); do
            echo "  - {cloud: $peer, ca: peers/$peer/ca.pem}"
        done
    } >"$(cloud_home "$1")/proxy.yaml"
}

configure_agent() { # HOST
    local cloud name
    cloud=$(cloud_of "$1") name=${1#*.}
    {
        cat <<-END
			cloud: $cloud
			name: $name
			controller: "$(control_of "$cloud")"
			listen: "$(at "$cloud" "$name" 7411 $((20 + ${name#h})))"
			tls: $(tls_of "$name")
		END
        if [ "$MODE" = simulated ]; then
            mkdir -p "$(host_home "$1")"
            echo "hypervisor: simulated"
            echo "simulated: {folder: $(host_home "$1"), rate: ${RATE}MB/s}"
            # Of loopback's many addresses: nobody listens there, and no guest sends.
            echo "vxlan: {address: 127.0.$(number_of "$cloud").$((10 + ${name#h})), proxy: 127.0.0.1}"
        else
            cat <<-END
				hypervisor: libvirt
				libvirt:
				  uri: qemu:///system
				  images: /var/lib/libvirt/images
				  sockets: /var/lib/libvirt/qemu
				  boot: /var/lib/libvirt/boot
				  emulator: /var/lib/libvirt/boot/qemu-tcg
				  pool: images
				  domain_type: qemu
				vxlan: {address: $(address "$1"), proxy: $(address "$cloud.p1")}
			END
        fi
    } >"$(cloud_home "$cloud")/agent-$name.yaml"
}

configure_clouds() {
    local cloud host
    mkdir -p "$LAB/feeds"
    for cloud in $(clouds); do make_pki "$cloud"; done
    exchange_trust
    for cloud in $(clouds); do
        configure_controller "$cloud"
        configure_proxy "$cloud"
        for host in $(hosts "$cloud"); do configure_agent "$host"; done
    done
}

# ---- processes
spawn_part() { # NODE NAME COMMAND FILE : a caravan process where it belongs
    local stops=()
    [ -z "$STOPPABLE" ] || stops=(env LD_PRELOAD="$LAB/bin/doorstop.so" CARAVAN_LAB_STOP="$(stop_file "$(cloud_of "$1")")")
    case $MODE:$3 in
        simulated:*) spawn "$2" "$PROGRAM" "$3" --config "$4" ;;
        *:controller) spawn_in "$1" "$2" "${stops[@]}" "$PROGRAM" "$3" --config "$4" ;;
        *:agent) spawn_in_host "$1" "$2" "$PROGRAM" "$3" --config "$4" ;;
        *) spawn_in "$1" "$2" "$PROGRAM" "$3" --config "$4" ;;
    esac
}
start_part() { # NAME NODE COMMAND FILE
    ! is_running "$1" || die "$1 runs already"
    spawn_part "$2" "$1" "$3" "$4"
    sleep 0.1
    is_running "$1" || { tail -5 "$LAB/log/$1" >&2; die "$1 ended at once: $LAB/log/$1"; }
}
start_controller() { # CLOUD
    start_part "controller.$1" "$1.controller" controller "$(cloud_home "$1")/controller.yaml"
    until_true 20 gateway_answers "$1" || die "controller.$1 does not answer: $LAB/log/controller.$1"
}
gateway_answers() { (exec 3<>"/dev/tcp/$(gateway_url "$1" | sed 's,https://,,; s,:,/,')") 2>/dev/null; }
start_proxy() { start_part "proxy.$1" "$1.p1" proxy "$(cloud_home "$1")/proxy.yaml"; }
start_agent() { # HOST
    start_part "agent.$1" "$1" agent "$(cloud_home "$(cloud_of "$1")")/agent-${1#*.}.yaml"
}
# What a reader of the WAN's capture needs beside it: the keys, and what the feeds carried.
gather_evidence() { # DIR
    local cloud
    mkdir -p "$1"/{keys,feeds}
    for cloud in $(clouds); do cp "$(cloud_home "$cloud")/wan-keys.log" "$1/keys/$cloud"; done
    cp "$LAB"/feeds/* "$1/feeds/"
}
clouds_up() {
    local cloud
    for cloud in $(clouds); do start_controller "$cloud"; done
    for cloud in $(clouds); do start_proxy "$cloud"; done
}

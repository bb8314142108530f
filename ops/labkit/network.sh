# shellcheck shell=bash
# network.sh: namespaces, site networks, the WAN, the operator's link, and links that can be cut.
# Sourced. All settings are per namespace: the machine's own stay as they are.

quiet() { # NODE
    inside "$1" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.disable_ipv6=1 \
        net.ipv6.conf.default.disable_ipv6=1
    ip -n "$(netns "$1")" link set lo up
}

add_node() { # NODE : a namespace plugged into its cloud's switch
    local ns site
    ns=$(netns "$1")
    site=$(netns "$(cloud_of "$1").site")
    ip netns add "$ns"
    quiet "$1"
    ip link add eth0 netns "$ns" type veth peer name "${1#*.}" netns "$site"
    ip -n "$site" link set "${1#*.}" mtu 9000 master br0 up # 9000: room for VXLAN around 1500
    ip -n "$ns" link set eth0 mtu 9000
    ip -n "$ns" addr add "$(address "$1")/24" dev eth0
    ip -n "$ns" link set eth0 up
}

add_cloud() { # CLOUD
    local node site proxy
    site=$(netns "$1.site") proxy=$(netns "$1.p1")
    ip netns add "$site"
    quiet "$1.site"
    ip -n "$site" link add br0 type bridge
    ip -n "$site" link set br0 up
    for node in "$1.p1" "$1.controller" $(hosts "$1"); do add_node "$node"; done
    inside "$1.p1" sysctl -qw net.ipv4.tcp_rmem='4096 131072 33554432' \
        net.ipv4.tcp_wmem='4096 16384 33554432' # a long fat WAN needs large windows
    inside "$1.p1" ip tuntap add wan0 mode tun
    ip -n "$proxy" link set wan0 mtu 1500 txqueuelen 10000 up
    ip -n "$proxy" addr add "$(wan_address "$1")/24" dev wan0
    add_operator_link "$1"
}

add_operator_link() { # CLOUD : root namespace <-> controller, so that its gateway is reached from here
    local ns
    ns=$(netns "$1.controller")
    ip link add "$NS$1" type veth peer name op0 netns "$ns"
    ip addr add "$(operator_address "$1" 1)/30" dev "$NS$1"
    ip link set "$NS$1" up
    ip -n "$ns" addr add "$(operator_address "$1" 2)/30" dev op0
    ip -n "$ns" link set op0 up
}

free_operator_net() { # -> 169.254.K that nobody on this machine uses yet
    local used k
    used=$(ip -4 -o addr show)
    for ((k = 1; k < 169; k++)); do
        [[ $used == *" 169.254.$k."* ]] || { echo "169.254.$k"; return; }
    done
    die "no link-local network is free"
}

# The WAN hangs up on who says nothing for 0.1 s; on a loaded machine that happens to the honest.
wan_order() {
    local rc=0
    for _ in 1 2 3 4 5; do
        rc=0
        "$LAB/bin/wan" ctl "$LAB/run/wan.sock" "$1" || rc=$?
        [ $rc = 1 ] || break
    done
    return $rc
}
start_wan() {
    local cloud setting sites=()
    for cloud in $(clouds); do sites+=("$cloud=$(netns "$cloud.p1"),wan0,$(wan_address "$cloud")"); done
    # shellcheck disable=SC2086  # WAN_FLAGS may be empty; --bulk: see wan.cpp
    spawn wan "$LAB/bin/wan" run ${WAN_FLAGS:-} "$LAB/run/wan.sock" "${sites[@]}"
    until_true 20 wan_order stat
    for setting in "delay $(awk "BEGIN { print $RTT / 2 }")" "rate $(awk "BEGIN { print $RATE * 8 }")" \
        "queue ${WAN_QUEUE_KIB:-1024}" "loss ${WAN_LOSS_PERCENT:-0}"; do
        wan_order "$setting"
    done
}

network_up() {
    local cloud
    for cloud in $(clouds); do add_cloud "$cloud"; done
    exec 8<&- # the operators' networks are taken: see ops/lab
    start_wan
}

# ---- links: wan (all of it), wan.FROM.TO (one direction), feed (what controllers tell each other),
# control.CLOUD.NODE (between a host's agent or a proxy and their controller).
links() {
    local from to node
    [ "$MODE" != simulated ] || { echo feed; return; }
    echo wan
    for from in $(clouds); do
        for to in $(clouds); do [ "$from" = "$to" ] || echo "wan.$from.$to"; done
    done
    [ "$MODE" != plain ] || return 0
    echo feed
    for node in $(hosts) $(clouds | sed 's/$/.p1/'); do echo "control.$node"; done
}

link_state() { # LINK -> up | cut
    local black
    case $1 in
        wan*)
            black=$(wan_order stat 2>/dev/null | awk -v way="$(wan_way "$1")" \
                'way == "" || $1 == way { n++; if (/black=1/) b++ } END { print n ? n == b : 1 }')
            [ "$black" = 0 ] && echo up || echo cut ;;
        feed) [ -e "$LAB/feeds" ] && echo up || echo cut ;;
        control.*) inside "${1#*.}" nft list table inet lab >/dev/null 2>&1 && echo cut || echo up ;;
    esac
}
wan_way() { # wan.thales.umea -> thales>umea
    local way=${1#wan}
    way=${way#.}
    echo "${way/./>}"
}

cut_link() { # LINK
    require_one_of link "$1" links
    case $1 in
        wan*) wan_order "$(wan_way "$1") black on" ;;
        feed) # as a share whose server does not answer: the folder is gone, with all that it holds
            [ "$(link_state feed)" = cut ] || mv -T "$LAB/feeds" "$LAB/feeds.cut" ;;
        control.*)
            inside "${1#*.}" nft -f - <<-END
				table inet lab {
				    chain out { type filter hook output priority 0; tcp dport 7401 drop; }
				    chain in { type filter hook input priority 0; tcp sport 7401 drop; }
				}
			END
            ;;
    esac
}
heal_link() { # LINK
    require_one_of link "$1" links
    case $1 in
        wan*) wan_order "$(wan_way "$1") black off" ;;
        feed) [ "$(link_state feed)" = up ] || mv -T "$LAB/feeds.cut" "$LAB/feeds" ;;
        control.*) inside "${1#*.}" nft delete table inet lab 2>/dev/null || true ;;
    esac
}

# shellcheck shell=bash disable=SC2034  # used by those who source it
# topology.sh: what the lab consists of: names, addresses, paths. Sourced; makes nothing.
#
#   thales 10.1.0.0/24                                   umea 10.2.0.0/24
#   h1 .11 ─┐                                                            ┌─ h1 .11
#   h2 .12 ─┼─ site ─ p1 .1 ══ wan0 ══ wan (a process) ══ wan0 ══ p1 .1 ─┼─ h2 .12
#   controller .2 ┘   198.51.100.1              198.51.100.2             └─ controller .2
#
# A node is CLOUD.NAME (thales.h1, thales.p1, thales.controller) and owns the network namespace
# NS + CLOUD-NAME. Nothing forwards: a host reaches its site, only proxies meet on the WAN. An operator
# in the root namespace reaches each controller's gateway over a link-local pair of its own.
KIT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$KIT/../.." && pwd)
if [ "$(id -u)" = 0 ]; then
    : "${LAB:=/var/lib/caravan-lab}" "${LAB_CACHE:=/var/cache/caravan-lab}"
else
    : "${LAB:=/tmp/caravan-lab}" "${LAB_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/caravan-lab}"
fi
: "${NS:=cv-}" # prefix of every network namespace; two labs on one machine differ in LAB and NS
export LAB NS LAB_CACHE
CLOUD_NAMES=(thales umea lund turin porto basel gent oslo)
export LAB_CLOUD_NAMES="${CLOUD_NAMES[*]}"
VAN=blue # the virtual network that guests are plugged into
export LAB_VAN=$VAN

die() { echo "lab: $*" >&2; exit 1; }
[ ${#LAB} -le 46 ] || die "LAB is longer than 46 characters: unix socket paths end at 107"
[ ${#NS} -le 7 ] || die "NS is longer than 7 characters: device names end at 15"

is_up() { [ -e "$LAB/lab.conf" ]; }
load() { # what `up` decided: CLOUD_COUNT HOST_COUNT MODE RTT RATE PROGRAM OPERATOR_NET PORT STOPPABLE
    is_up || die "no lab is up in $LAB: ops/lab up"
    # shellcheck source=/dev/null
    . "$LAB/lab.conf"
}

clouds() { printf '%s\n' "${CLOUD_NAMES[@]:0:$CLOUD_COUNT}"; }
hosts() { # [CLOUD]
    local cloud n
    for cloud in ${1:-$(clouds)}; do
        for ((n = 1; n <= HOST_COUNT; n++)); do echo "$cloud.h$n"; done
    done
}
cloud_of() { echo "${1%%.*}"; }
number_of() { # CLOUD -> 1, 2 ...
    local i
    for i in "${!CLOUD_NAMES[@]}"; do
        [ "${CLOUD_NAMES[i]}" != "$1" ] || { echo $((i + 1)); return; }
    done
    die "no cloud is named $1"
}
require_one_of() { # KIND WORD COMMAND... : the word is a line of what the command prints
    local kind=$1 word=$2 choices; shift 2
    choices=$("$@")
    grep -qxF -- "$word" <<<"$choices" || die "no $kind is named $word; there are: ${choices//$'\n'/ }"
}

netns() { echo "$NS${1/./-}"; }
wan_address() { echo "198.51.100.$(number_of "$1")"; }
address() { # NODE -> its address in its site
    local site
    site=10.$(number_of "$(cloud_of "$1")").0
    case ${1#*.} in
        p1) echo "$site.1" ;;
        controller) echo "$site.2" ;;
        h*) echo "$site.$((10 + ${1#*.h}))" ;;
    esac
}
# The operator's pair: the root namespace has the first address, the controller the second.
operator_address() { echo "$OPERATOR_NET.$((4 * $(number_of "$1") + $2))"; }
gateway_url() {
    if [ "$MODE" = simulated ]; then echo "https://127.0.0.1:$(port_of "$1" 0)"
    else echo "https://$(operator_address "$1" 2):7400"; fi
}
port_of() { echo $((PORT + 100 * $(number_of "$1") + $2)); } # CLOUD N: on loopback, simulated

host_home() { echo "$LAB/hosts/$1"; }
# Worth hiding: proofs search for these words wherever a cloud's bytes leave it.
host_name() { echo "${1#*.}.inside.$(cloud_of "$1").example"; }
libvirt_uri() { echo "qemu+unix:///system?socket=$(host_home "$1")/run/libvirt-sock"; }
on() { # HOST VIRSH-COMMAND...
    local host=$1; shift
    virsh -q -c "$(libvirt_uri "$host")" "$@"
}

# Guests have one network of their own. Their number is given when they are made.
guests() { find "$LAB/vms" -maxdepth 1 -type f ! -name '*.xml' -printf '%f\n' | sort; }
guest_number() { cat "$LAB/vms/$1"; }
guest_address() { echo "10.9.0.$((100 + $(guest_number "$1")))"; }
guest_mac() { printf '52:54:00:09:00:%02x\n' "$(guest_number "$1")"; }
peer_address() { echo "10.9.0.$((50 + $(number_of "$1")))"; }

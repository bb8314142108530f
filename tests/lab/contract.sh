#!/bin/bash
# contract.sh [CHECK]: the hypervisor port's contract on real libvirt: two hosts of a lab without Caravan,
# with plain relays between them and, before the destination's libvirtd, both gates. A word takes only
# the checks whose names hold it.
set -euo pipefail
# shellcheck source=tests/lab/stage.bash
. "$(dirname "$(readlink -f "$0")")/stage.bash"
tests=$root/build/${CARAVAN_PRESET:-dev}/tests
export CARAVAN_LIBVIRT_LAB=$root/tests/contract/hypervisor/lab_script.sh CARAVAN_LIBVIRT_ONLY=${1:-}
export CARAVAN_LIBVIRT_EMULATOR=/var/lib/libvirt/boot/qemu-tcg
export CARAVAN_GATE_RELAY=$tests/fuzz/gate/gate_relay

raise --plain --hosts 1
open_case
"$tests/contract/hypervisor/test_hypervisor_libvirt" --durations yes || fault "see above"
close_case "the hypervisor's contract" "on libvirt"

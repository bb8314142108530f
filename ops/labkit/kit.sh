# shellcheck shell=bash
# kit.sh: all parts of the lab. Sourced; makes nothing.
for part in topology packages processes holds network hosts clouds guests simulated plain status teardown; do
    # shellcheck source=/dev/null
    . "$(dirname "${BASH_SOURCE[0]}")/$part.sh"
done

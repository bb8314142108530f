#!/bin/bash
# packages.sh OF_THE_LABKIT: a machine gets what it lacks, among that a package that it has never heard of (a new machine
# has heard of none), under the options that the callers set. Nothing is installed here: apt-get is a function.
set -euo pipefail
# shellcheck source=ops/labkit/packages.sh
. "$1"
id() { echo 0; } # only root installs
apt_get() { asked="$*"; }
asked=
need bash no-such-package-a no-such-package-b 2>/dev/null
want="install no-such-package-a no-such-package-b"
[ "$asked" = "$want" ] || { echo "asked of apt-get: '$asked', not '$want'"; exit 1; }
asked=
need bash
[ -z "$asked" ] || { echo "nothing is missing, and apt-get was asked: $asked"; exit 1; }

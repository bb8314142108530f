#!/bin/bash
# words.sh PROGRAM OPS_TEST: help is given to whoever asks for it, in each of the usual ways.
set -uo pipefail
caravan=$1 ops_test=$2
bad=0
same() { # WHAT "one" "other": both say the same, and that all is well
    local one other
    one=$($2 2>&1) && other=$($3 2>&1) && [ -n "$one" ] && [ "$one" = "$other" ] && return
    echo "$1: \"$2\" and \"$3\" differ"
    bad=1
}
same "all commands" "$caravan --help" "$caravan help"
same "one command" "$caravan migrate --help" "$caravan help migrate"
same "a command of a command" "$caravan van create --help" "$caravan help van create"
told=$($caravan help migrat 2>&1)
{ [ $? = 2 ] && grep -q 'did you mean "migrate"' <<<"$told"; } || { echo "help of no command: $told"; bad=1; }
told=$($ops_test --help 2>/dev/null)
{ [ $? = 0 ] && grep -q '^parts:\|^  parts:' <<<"$told"; } || { echo "ops/test --help: $told"; bad=1; }
exit $bad

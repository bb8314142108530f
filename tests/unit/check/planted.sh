#!/bin/bash
# planted.sh CHECK: ops/dev/check finds what it is there for. Each bad line stands alone in an empty tree.
set -euo pipefail
check=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

expect() { # WANTED(ok|bad) FILE LINE
    local wanted=$1 file=$2 line=$3 got
    mkdir -p "$tree/$(dirname "$file")"
    printf '%b\n' "$line" >"$tree/$file"
    if "$check" "$tree" >"$tree.out" 2>&1; then got=ok; else got=bad; fi
    # A failure counts only if it names the file that was planted.
    if [ $got = bad ] && ! grep -qF "$file" "$tree.out"; then got=crash; fi
    if [ $got != "$wanted" ]; then
        echo "$file: $line: wanted $wanted, got $got"
        cat "$tree.out"
        failed=1
    fi
    rm -f "$tree/$file" "$tree.out"
}

expect ok  events/fine.hpp          '#include "events/ids.hpp"'
expect bad events/up.hpp            '#include "actors/shape.hpp"'
expect bad topology/up.hpp          '#include "actors/vm/state.hpp"'
expect bad actors/ports/up.hpp      '#include "topology/federation.hpp"'
expect bad actors/visit/decide.cpp  '#include "actors/ports/journal.hpp"'
expect bad actors/care/decide.cpp   '#include "actors/runtime/shell.hpp"'
expect bad actors/vm/decide.cpp     '#include "actors/runtime/shell.hpp"'
expect ok  actors/vm/actor.cpp      '#include "actors/runtime/shell.hpp"'
expect bad adapters/van/up.cpp      '#include "actors/vm/state.hpp"'
expect bad adapters/van/ops.cpp     '#include "ops/caravan/main.hpp"'
expect ok  ops/caravan/x.cpp        '#include "adapters/van/frame.hpp"'
expect ok  actors/vm/actor.cpp      '#include <caf/all.hpp>'
expect bad actors/vm/decide.cpp     '#include <caf/all.hpp>'
expect bad adapters/van/x.cpp       '#include <libvirt/libvirt.h>'
expect bad adapters/van/x.cpp       '#include <sqlite3.h>'
expect bad adapters/sqlite/x.cpp    '#include <boost/asio.hpp>'
expect bad topology/x.cpp           '#include <openssl/sha.h>'
expect bad actors/vm/decide.cpp     'auto t = std::chrono::system_clock::now();'
expect ok  actors/vm/decide.cpp     '// not std::chrono::system_clock::now(): time comes as data'
expect bad actors/sagas/decide.cpp  'std::this_thread::sleep_for(1s);'
expect bad events/x.cpp             'std::random_device dice;'
expect bad adapters/van/link_manager.cpp 'int x;'
expect bad adapters/van/x.hpp       'struct string_helper {};'
expect ok  adapters/van/x.hpp       'class base_images {};'
expect bad docs/x.md                "see /wor""k/notes"
expect bad events/x.cpp             '\tint x;'
expect bad events/x.cpp             'int x; '
expect bad events/x.cpp             "// $(printf 'x%.0s' {1..180})"
exit $failed

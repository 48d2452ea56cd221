#!/bin/sh
# Prints source files that contain what delvegate copies to a Go machine:
#   scripts/embed.sh script FILE NAME          C: the bytes of FILE, as an array NAME
#   scripts/embed.sh bytes BUILD ARCH...       assembler: the supervisors, BUILD/supervisor-ARCH/supervisor
#   scripts/embed.sh table BUILD OWN ARCH...   C: a table of them; OWN is this machine's architecture, the ARCHs are those
#                                              whose supervisor can be copied to other machines
set -eu

usage() {
    sed -n 's/^#   /       /p' "$0" >&2
    exit 2
}

print_script() { # FILE NAME
    echo "static const unsigned char $2[] = {"
    od -An -v -tx1 "$1" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '};'
}

# They become part of delvegate as they are: compressed, one with musl would have 100 KB less of 200, and every Go machine
# would need what decompresses it.
print_bytes() { # BUILD ARCH...
    build=$1
    shift
    printf '%s\n' '#ifdef __CET__' '#include <cet.h>' '#endif' '.section .rodata'
    for arch; do
        printf '.balign 16\n.global program_%s\nprogram_%s: .incbin "%s"\n' "$arch" "$arch" "$build/supervisor-$arch/supervisor"
    done
    echo '.section .note.GNU-stack,"",%progbits'
}

define_program() { # BUILD ARCH
    program=$1/supervisor-$2/supervisor
    sum=$(sha256sum <"$program") crc=$(cksum <"$program") size=$(wc -c <"$program")
    printf 'extern const unsigned char program_%s[];\n#define PROGRAM_%s {"%s", "%s", program_%s, %s, %s}\n' \
        "$2" "$2" "$2" "${sum%% *}" "$2" "$((size))" "${crc%% *}"
}
print_table() { # BUILD OWN ARCH...
    build=$1 own=$2
    shift 2
    echo '#include "proxy/machine/programs.h"'
    define_program "$build" "$own"
    for arch; do
        [ "$arch" = "$own" ] || define_program "$build" "$arch"
    done
    echo "const struct bootstrap_program programs_own = PROGRAM_$own;"
    echo 'const struct bootstrap_program programs_table[] = {'
    for arch; do
        echo "    PROGRAM_$arch,"
    done
    echo '    {NULL, NULL, NULL, 0, 0}};'
    echo 'const size_t programs_count = sizeof programs_table / sizeof *programs_table - 1;'
}

[ $# -ge 3 ] || usage
what=$1
shift
case $what in
script) print_script "$@" ;;
bytes) print_bytes "$@" ;;
table) print_table "$@" ;;
*) usage ;;
esac

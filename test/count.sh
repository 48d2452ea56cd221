# shellcheck shell=bash
# How each kind of test program says what it counted. Each function reads the program's output, is given its exit
# status, and prints `PASSED FAILED SKIPPED`.

# cmocka: one summary for each group.
count_cmocka() {
    awk '/^\[  PASSED  \] [0-9]+ test\(s\)/ { p += $4 }
         /^\[  FAILED  \] [0-9]+ test\(s\)/ { f += $4 }
         /^\[  SKIPPED \] [0-9]+ test\(s\)/ { s += $4 }
         END { print p + 0, f + 0, s + 0 }'
}

# A shell test: its last line `N passed, N failed[, N skipped]`.
count_line() {
    awk '/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { p = $1; f = $3; s = NF > 4 ? $5 : 0 }
         END { print p + 0, f + 0, s + 0 }'
}

# Node's test runner: the totals that end its report; when they never came, the lines so far, and one failure for the
# end. A cancelled test is one that never came to an end. What is set in belongs to a failed test's own output.
count_node() {
    awk '/^ +✔/ { good++ } /^ +✖/ { bad++ }
         /^ / || NF != 3 { next }
         $2 == "pass" { p = $3 } $2 == "fail" { f = $3 } $2 == "cancelled" { c = $3 }
         $2 == "skipped" || $2 == "todo" { s[$2] = $3 }
         END {
             if (p == "")
                 print good + 0, bad + 1, 0
             else
                 print p + 0, f + c + 0, s["skipped"] + s["todo"] + 0
         }'
}

# A program that is one test: it passed when it ended with 0, was skipped when with 77.
count_status() {
    cat >/dev/null
    case $1 in
    0) echo 1 0 0 ;;
    77) echo 0 0 1 ;;
    *) echo 0 1 0 ;;
    esac
}

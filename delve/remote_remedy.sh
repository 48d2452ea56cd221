
# Fourth part of the supervisor: remedies.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of the other parts

# Puts back what a remedy of run directory $1 has moved aside, when it was ended in the middle.
restore() {
    return 0
}

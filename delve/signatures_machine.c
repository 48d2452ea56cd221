/* Building on this machine. */
#include "delve/signature_rows.h"

static const struct delve_signature rows[] = {
    ROW("output-unwritable", EITHER, "copying ", "^([^ :]+: )?go build [^ ]+: copying .*: " REFUSED "$", "",
        "the binary cannot be written", "Give the directory to the ssh user, or set output to a place of his own.",
        "1.19-1.27", NONE),
    ROW("build-killed", EITHER, "signal: killed", "^(go build [^ ]+: )?/[^:]*/[a-z0-9]+: signal: killed$", "",
        "the kernel ended the build, most often for lack of memory",
        "Free memory on the Go machine, or build with -p=1 in buildFlags.", "source 1.19-1.27", NONE),
    ROW("binary-busy", EITHER, "text file busy",
        "^([^ :]+: )?(go build [^ ]+: )?(copying |open |fork/exec |rename ).*: text file busy$", "",
        "an old process of this binary still runs", "End it on the Go machine and try again.", "source 1.19-1.27",
        NONE),
    ROW("c-compiler", EITHER, "C compiler ", "^C compiler \"[^\"]*\" not found", "", "cgo has no C compiler",
        "Install a C compiler on the Go machine, or set CGO_ENABLED=0 in env.", "source 1.19-1.27", NONE),
    ROW("version-control", BUILD, "error obtaining VCS status", "^error obtaining VCS status: ", "",
        "git does not let go read the state of the source",
        "Add -buildvcs=false to buildFlags, or let git trust the directory (safe.directory).", "source 1.19-1.27",
        NONE),
};

const struct delve_rows delve_rows_machine = {rows, sizeof rows / sizeof rows[0]};

/* Building on this machine. */
#include "delve/signature_rows.h"

static const char advice_pkg_config[] =
    "Install pkg-config and the library's development package on the Go machine, or "
    "correct PKG_CONFIG and PKG_CONFIG_PATH in env.";

static const struct delve_signature rows[] = {
    ROW("output-unwritable", EITHER, "copying ", "^([^ :]+: )?go build [^ ]+: copying .*: " REFUSED "$", "",
        "the binary cannot be written",
        "Let the ssh user write to the directory, or set output to a path that the user can write.", "1.19-1.27", NONE),
    ROW("build-killed", EITHER, "signal: killed", "^(go build [^ ]+: )?/[^:]*/[a-z0-9]+: signal: killed$", "",
        "the kernel killed the build, usually for lack of memory",
        "Free memory on the Go machine, or build with -p=1 in buildFlags.", "source 1.19-1.27", NONE),
    ROW("binary-busy", EITHER, "text file busy",
        "^([^ :]+: )?(go build [^ ]+: )?(copying |open |fork/exec |rename ).*: text file busy$", "",
        "an old process is still running this binary", "End it on the Go machine and try again.", "source 1.19-1.27",
        NONE),
    ROW("c-compiler", EITHER, "C compiler ", "^C compiler \"[^\"]*\" not found", "", "cgo has no C compiler",
        "Install a C compiler on the Go machine, or set CGO_ENABLED=0 in env.", "source 1.19-1.27", NONE),
    ROW("build-killed", EITHER, "fork/exec ",
        "^(.*: )?fork/exec .*: (resource temporarily unavailable|cannot allocate memory)$", "",
        "the build has reached the limit of processes, or memory is low",
        "Free memory or raise the limit (`ulimit -u`) on the Go machine, or build with -p=1 in buildFlags.",
        "source 1.19-1.27", NONE),
    ROW("pkg-config", EITHER, "pkg-con", "^(# )?\\[?([^ ]*/)?pkg-(config|conf) +--(cflags|libs)", "",
        "pkg-config, or a C library that it should find, is missing on the Go machine", advice_pkg_config, "1.19-1.27",
        NONE),
    ROW("pkg-config", EITHER, "pkg-con",
        "^(.*: )?(exec: \"[^\"]*pkg-con[^\"]*\": |([^ ]*/)?pkg-con[a-z]*: (exec: |fork/exec ))", "",
        "pkg-config is missing on the Go machine", advice_pkg_config, "1.19-1.27", NONE),
    ROW("version-control", BUILD, "error obtaining VCS status", "^error obtaining VCS status: ", "",
        "git does not let go read the repository's state",
        "Add -buildvcs=false to buildFlags, or make git trust the directory (safe.directory).", "source 1.19-1.27",
        NONE),
};

const struct delve_rows delve_rows_machine = {rows, sizeof rows / sizeof rows[0]};

/* The environment of the build. */
#include "delve/signature_rows.h"

static const struct delve_signature rows[] = {
    ROW("goroot", BUILD, "cannot find GOROOT directory", "^cannot find GOROOT directory: ", "", "GOROOT is wrong",
        "Remove GOROOT from the environment on the Go machine, or correct it in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("goroot", EITHER, " does not match go tool version ",
        "^(compile|asm|link|cgo|vet): version \"[^\"]*\" does not match go tool version ", "",
        "GOROOT is that of another Go",
        "Remove GOROOT from the environment on the Go machine, or correct it in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("goflags", BUILD, "parsing $GOFLAGS", "^parsing \\$GOFLAGS: ", "", "GOFLAGS holds what go does not take",
        "Correct GOFLAGS in env, in go.env of the target, or in `go env GOFLAGS` of the Go machine.", "1.19-1.27",
        NONE),
    ROW("goflags", BUILD, "-mod", "^-mod(=.* not supported| may only be set to )", "",
        "-mod has a value that go does not take here", "Correct -mod in GOFLAGS or buildFlags.", "1.19-1.27", NONE),
    ROW("module-mode-off", BUILD, " in any of:", "^cannot find package \"[^\"]*\" in any of:$", "",
        "modules are turned off", "Remove GO111MODULE from the environment on the Go machine.", "1.19-1.27", NONE),
    ROW("module-mode-off", BUILD, "GO111MODULE",
        "^(modules disabled by GO111MODULE=off|unknown environment setting GO111MODULE=)", "", "modules are turned off",
        "Remove GO111MODULE from the environment on the Go machine.", "source 1.19-1.27", NONE),
    ROW("work-directory", BUILD, "creating work dir: ", "^creating work dir: ", "",
        "the build has no directory for its work",
        "Start again; GOTMPDIR and TMPDIR must name directories of the Go machine.", "1.19-1.27", NONE),
};

const struct delve_rows delve_rows_environment = {rows, sizeof rows / sizeof rows[0]};

/* The environment of the build. */
#include "delve/signature_rows.h"

#define ADVICE_FILES "Raise the limit on the Go machine (`ulimit -n`, LimitNOFILE), or build with -p=1 in buildFlags."

static const char advice_goflags[] =
    "Correct GOFLAGS in env, in go.env of the target, or in `go env GOFLAGS` of the Go machine.";
static const char advice_flags[] =
    "Correct buildFlags, or GOFLAGS in env, in go.env of the target or on the Go machine.";
static const char advice_system[] = "Correct GOOS, GOARCH and the variable named in env, in go.env of the target, or "
                                    "on the Go machine, or remove them.";
static const char advice_goroot[] =
    "Reinstall Go on the Go machine, or remove GOROOT from the environment and from go.env of the target.";

static const struct delve_signature rows[] = {
    /* Limits come first: what goes wrong for want of a file looks like much else. */
    ROW("too-many-files", EITHER, "too many open files", "^.*: too many open files( in system)?( .*)?$", "",
        "the build has reached the limit of open files", ADVICE_FILES, "source 1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_IN_GOROOT, "too-many-files", BUILD, "cannot find package", "^cannot find package$", "",
             "Go cannot read its own directories, usually because of the limit of open files", ADVICE_FILES,
             "1.22-1.24", NONE),
    ROW("file-too-large", EITHER, "file too large", "^.*: file too large$", "",
        "the build needs to write a file larger than the limit",
        "Raise the limit on the Go machine (`ulimit -f`, LimitFSIZE), or build on another file system.", "1.19-1.27",
        NONE),
    ROW("goroot", BUILD, "cannot find GOROOT directory", "^cannot find GOROOT directory: ", "", "GOROOT is wrong",
        "Remove GOROOT from the environment on the Go machine, or correct it in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("goroot", EITHER, " does not match go tool version ",
        "^(compile|asm|link|cgo|vet): version \"[^\"]*\" does not match go tool version ", "",
        "GOROOT belongs to another version of Go",
        "Remove GOROOT from the environment on the Go machine, or correct it in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("goflags", BUILD, "parsing $GOFLAGS", "^parsing \\$GOFLAGS: ", "",
        "GOFLAGS has a flag or a value that go does not accept",
        "Correct GOFLAGS in env, in go.env of the target, or in `go env GOFLAGS` of the Go machine.", "1.19-1.27",
        NONE),
    ROW("goflags", BUILD, "-mod", "^-mod(=.* not supported| may only be set to )", "",
        "-mod has a value that go does not accept here", "Correct -mod in GOFLAGS or buildFlags.", "1.19-1.27", NONE),
    ROW("module-mode-off", BUILD, " in any of:", "^cannot find package \"[^\"]*\" in any of:$", "",
        "modules are turned off", "Remove GO111MODULE from the environment on the Go machine.", "1.19-1.27", NONE),
    ROW("module-mode-off", BUILD, "GO111MODULE",
        "^(modules disabled by GO111MODULE=off|unknown environment setting GO111MODULE=)", "", "modules are turned off",
        "Remove GO111MODULE from the environment on the Go machine.", "source 1.19-1.27", NONE),
    ROW("goflags", BUILD, "(from $GOFLAGS)", "^invalid value \"[^\"]*\" for flag -[^ ]+ \\(from \\$GOFLAGS\\)", "",
        "GOFLAGS has a flag or a value that go does not accept", advice_goflags, "1.19-1.27", NONE),
    ROW("goflags", BUILD, "does not have .mod extension", "^-modfile=.*: file does not have \\.mod extension", "",
        "-modfile does not name a .mod file", advice_flags, "1.19-1.27", NONE),
    ROW("goflags", BUILD, "buildmode=", "^-?buildmode=[^ ]* not supported", "",
        "-buildmode has a value that go does not accept here", advice_flags, "1.19-1.27", NONE),
    ROW("goflags", BUILD, "-tags ", "^-tags space-separated list contains comma", "", "-tags mixes spaces and commas",
        advice_flags, "1.19-1.27", NONE),
    ROW("goflags", BUILD, "requires cgo", "^-(race|msan|asan) requires cgo", "",
        "a build flag needs cgo, which is turned off",
        "Set CGO_ENABLED=1 in env and install a C compiler on the Go machine, or remove the flag.", "1.19-1.27", NONE),
    ROW("goflags", BUILD, "not supported on ", "^-[a-z]+(=[^ ]*)? is? ?not supported on ", "",
        "a build flag is not supported on this system", advice_flags, "source 1.19-1.27", NONE),
    ROW("goflags", BUILD, "error obtaining buildID", "^error obtaining buildID for go tool [a-z]+: (fork/exec|exec: )",
        "", "a Go tool, or the program that -toolexec names, cannot be run",
        "Correct -toolexec in buildFlags, or reinstall Go on the Go machine.", "1.19-1.27", NONE),
    ROW("overlay", BUILD, "overlay",
        "^(reading overlay( file)?|parsing overlay JSON|overlay contains a replacement)[: ]", "",
        "the file that -overlay names cannot be used", "Correct -overlay in buildFlags, or the file that it names.",
        "1.19-1.27", NONE),
    ROW("target-system", BUILD, "unsupported GOOS/GOARCH pair", "^(cmd/go: )?unsupported GOOS/GOARCH pair ", "",
        "Go does not support this combination of GOOS and GOARCH", advice_system, "1.19-1.27", NONE),
    ROW("target-system", BUILD, "GO",
        "^(cmd/go: )?(invalid GO(AMD64|ARM|ARM64|386|MIPS|MIPS64|PPC64|RISCV64|WASM)(=[^:]*)?: |"
        "unsupported setting GO)",
        "", "a processor variable, such as GOAMD64, has a value that Go does not know", advice_system, "1.19-1.27",
        NONE),
    ROW("goexperiment", BUILD, "GOEXPERIMENT", "^(cmd/go: )?(unknown GOEXPERIMENT |GOEXPERIMENT )", "",
        "GOEXPERIMENT names an experiment that this Go does not know",
        "Correct GOEXPERIMENT in env, in go.env of the target, or on the Go machine.", "1.19-1.27", NONE),
    ROW("gocacheprog", BUILD, "GOCACHEPROG", "^(.*: )?(error starting GOCACHEPROG|GOCACHEPROG )", "",
        "the program that GOCACHEPROG names does not work",
        "Correct GOCACHEPROG in env, in go.env of the target, or on the Go machine, or remove it.", "1.24-1.27", NONE),
    ROW("goroot", EITHER, "no such tool", "^no such tool \"", "", "GOROOT lacks a Go tool", advice_goroot, "1.19-1.27",
        NONE),
    ROW("goroot", BUILD, "no Go files in ", "^imports [^ .]+: no Go files in .*/src/", "",
        "GOROOT lacks packages of the standard library", advice_goroot, "1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_IN_GOROOT, "goroot", EITHER,
             ".go:", "^(syntax error: |expected |illegal |invalid (NUL|UTF-8|character))", "",
             "a file of GOROOT is damaged", advice_goroot, "1.19-1.27", NONE),
    FACT_ROW(DELVE_NEEDS_IN_GOROOT, "goroot", EITHER, "open ",
             "^(open|read|stat) (.*): (no such file or directory|permission denied|input/output error)$", "-p",
             "a file of GOROOT is missing or cannot be read", advice_goroot, "1.19-1.27", NONE),
    ROW("goroot", BUILD, " is not in ",
        "^package (fmt|os|io|errors|strings|strconv|sync|time|context|bytes|bufio|embed|math|net|net/http|"
        "runtime|sort|reflect|unicode|log|flag|path|path/filepath|encoding/json|sync/atomic|os/signal|testing) is not "
        "in (std|GOROOT)",
        "", "GOROOT lacks packages of the standard library", advice_goroot, "1.19-1.27", NONE),
    ROW("work-directory", BUILD, "creating work dir: ", "^creating work dir: ", "",
        "the build cannot create its work directory",
        "Restart; GOTMPDIR and TMPDIR must name directories on the Go machine.", "1.19-1.27", NONE),
};

const struct delve_rows delve_rows_environment = {rows, sizeof rows / sizeof rows[0]};

/* What a module asks of Go and the Go machine has not; no go.mod at all. */
#include "delve/signature_rows.h"

static const char advice_go[] = "Install that Go on the Go machine and set go.path of the target to it.";

static const char advice_toolchain[] = "Install that Go on the Go machine and set go.path of the target to it, give "
                                       "the machine access to a proxy that has it, or set GOTOOLCHAIN=local in env.";

static const struct delve_signature rows[] = {
    ROW("go-too-old", BUILD,
        " requires go >= ", "^(.*: )?(module )?([^ \":@]*go\\.(mod|work)) requires go >= [^ ]+ \\(running go ", "--f",
        "a module needs a newer Go", advice_go, "1.22-1.27", TOOLCHAIN),
    ROW("go-too-old", BUILD,
        " requires go >= ", "^(.*: )?(module )?" MODULE "@([^ \":/]+) requires go >= [^ ]+ \\(running go ", "--mv",
        "a module needs a newer Go", advice_go, "1.22-1.27", TOOLCHAIN),
    /* Where a toolchain that can't be had was asked for, the installed Go may do; where it does not, the remedy says
     * where another is. It may have been go.work alone that asked for it. */
    SECURITY_ROW("toolchain-mismatch", BUILD, "checksum mismatch", "^download go[0-9].*checksum mismatch", "",
                 "the fetched Go toolchain does not match the checksum database",
                 "Set GOTOOLCHAIN=local in env, report it to whoever runs the proxy, and do not turn the check off.",
                 "source 1.21-1.27", NONE),
    ROW("go-too-old", BUILD, "download go", "^download go[0-9][^ ]*( for [^ ]+)?: .", "",
        "the required Go toolchain is not available", advice_toolchain, "1.21-1.27", TOOLCHAIN, WORK_OFF),
    ROW("go-too-old", BUILD, "golang.org/toolchain@", "^(.*: )?golang\\.org/toolchain@v0[^ ]*: .", "",
        "the required Go toolchain is not available", advice_toolchain, "source 1.21-1.27", TOOLCHAIN, WORK_OFF),
    ROW("go-too-old", BUILD, "cannot find \"go", "^cannot find \"go[0-9][^\"]*\" in PATH", "",
        "the required Go toolchain is not on the Go machine", advice_toolchain, "1.21-1.27", TOOLCHAIN, WORK_OFF),
    ROW("go-too-old", BUILD, "exec go", "^exec go[0-9][^ ]*: .", "", "the required Go toolchain cannot be run",
        advice_toolchain, "source 1.21-1.27", TOOLCHAIN, WORK_OFF),
    ROW("go-too-old", BUILD, "toolchain switches", "^too many toolchain switches", "",
        "Go switches endlessly between toolchains", advice_toolchain, "source 1.21-1.27", TOOLCHAIN),
    ROW("go-too-old", BUILD, "invalid toolchain", "^invalid toolchain(:| \"[^\"]*\" in )", "",
        "a toolchain line does not name a Go toolchain", "Correct the toolchain line of go.mod or go.work.",
        "1.21-1.27", TOOLCHAIN),
    ROW("toolchain-invalid", BUILD, "invalid GOTOOLCHAIN", "^invalid GOTOOLCHAIN ", "",
        "GOTOOLCHAIN does not name a Go toolchain",
        "Correct GOTOOLCHAIN in env, in go.env of the target, or in `go env GOTOOLCHAIN` of the Go machine.",
        "1.21-1.27", NONE),
    ROW("go-too-old", COMPILER, "note: module requires Go", "^note: module requires Go [0-9]", "",
        "a module needs a newer Go", advice_go, "1.19-1.20", TOOLCHAIN),
    ROW("go-too-old", EITHER, "module requires Go", "^(.*: )?module requires Go [0-9.a-z]+ or later", "",
        "a module needs a newer Go", advice_go, "source 1.21-1.27", NONE),
    ROW("go-too-old", COMPILER, "requires newer Go version", "^package requires newer Go version go[0-9]", "",
        "a package needs a newer Go", advice_go, "source 1.21-1.27", NONE),
    ROW_WITH("note: imported by a module that requires go", "go-too-old", BUILD, " is not in ",
             "^package [^ ]+ is not in (std|GOROOT)( \\(.*)?$", "", "a module needs a newer Go", advice_go, "1.25-1.27",
             NONE),
    ROW("go-too-old", BUILD, " is not in ",
        "^package (cmp|maps|slices|iter|unique|weak|structs|log/slog|math/rand/v2|testing/(slogtest|synctest)|"
        "crypto/(ecdh|hkdf|pbkdf2|sha3|mlkem|fips140)|encoding/json/(v2|jsontext)|go/version|runtime/coverage) is not "
        "in "
        "(std|GOROOT)",
        "", "a package exists only in the standard library of a newer Go", advice_go, "source 1.19-1.27", NONE),

    ROW("no-go-mod", BUILD, "go.mod file not found",
        "^(no required module provides package [^ ]+: )?go\\.mod file not found in current directory", "",
        "there is no go.mod in or above the program's directory",
        "Copy go.mod to the Go machine, or correct program and the target's paths.", "1.19-1.27", NONE),
    ROW("no-go-mod", BUILD, "cannot find main module", "^cannot find main module(,|;|$)", "",
        "there is no go.mod in or above the program's directory",
        "Copy go.mod to the Go machine, or correct program and the target's paths.", "source 1.19-1.27", NONE),
};

const struct delve_rows delve_rows_toolchain = {rows, sizeof rows / sizeof rows[0]};

/* What a module asks of Go and the Go machine has not; no go.mod at all. */
#include "delve/signature_rows.h"

static const char advice_go[] = "Install that Go on the Go machine and name it with go.path of the target.";

static const struct delve_signature rows[] = {
    ROW("go-too-old", BUILD,
        " requires go >= ", "^(.*: )?(module )?([^ \":@]*go\\.(mod|work)) requires go >= [^ ]+ \\(running go ", "--f",
        "a module needs a newer Go", advice_go, "1.22-1.27", NONE),
    ROW("go-too-old", BUILD,
        " requires go >= ", "^(.*: )?(module )?" MODULE "@([^ \":/]+) requires go >= [^ ]+ \\(running go ", "--mv",
        "a module needs a newer Go", advice_go, "1.22-1.27", NONE),
    ROW("go-too-old", BUILD, "toolchain not available", "^download go[^ ]+ for [^ ]+: toolchain not available$", "",
        "the Go toolchain that go.mod asks for cannot be had", advice_go, "1.22-1.27", NONE),
    ROW("go-too-old", BUILD, "cannot find \"go", "^cannot find \"go[0-9][^\"]*\" in PATH", "",
        "the Go toolchain that is asked for is not on the Go machine", advice_go, "source 1.21-1.27", NONE),
    ROW("go-too-old", DELVE_IN_COMPILER, "note: module requires Go", "^note: module requires Go [0-9]", "",
        "a module needs a newer Go", advice_go, "source 1.19-1.20", NONE),
    ROW("no-go-mod", BUILD, "go.mod file not found",
        "^(no required module provides package [^ ]+: )?go\\.mod file not found in current directory", "",
        "there is no go.mod at or above the program",
        "Copy go.mod to the Go machine, or correct program and the target's paths.", "1.19-1.27", NONE),
    ROW("no-go-mod", BUILD, "cannot find main module", "^cannot find main module(,|;|$)", "",
        "there is no go.mod at or above the program",
        "Copy go.mod to the Go machine, or correct program and the target's paths.", "source 1.19-1.27", NONE),
};

const struct delve_rows delve_rows_toolchain = {rows, sizeof rows / sizeof rows[0]};

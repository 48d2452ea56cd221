/* Only warned of: it counts when nothing else says why the build failed. */
#include "delve/signature_rows.h"

static const char advice_modcache[] = "Make the ssh user the owner of the module cache (`chown -R`), or set GOMODCACHE "
                                      "of the target to a directory of that user.";

static const struct delve_signature rows[] = {
    ROW("modcache-unusable", BUILD, "writing ", "^writing (go\\.mod|stat|lookup|list) cache: .*" REFUSED "$", "",
        "the module cache cannot be written", advice_modcache, "1.19-1.27", MODCACHE, CLEAN_MODCACHE),
    /* Go's own packages compile: what the compiler says of them is damage. */
    FACT_ROW(DELVE_NEEDS_IN_GOROOT, "goroot", COMPILER, ".go:", "^[^:]*[a-z]", "",
             "a package of GOROOT does not compile: one of its files is missing or damaged",
             "Reinstall Go on the Go machine, or remove GOROOT from the environment and from go.env of the target.",
             "1.19-1.27", NONE),
};

const struct delve_rows delve_rows_last = {rows, sizeof rows / sizeof rows[0]};

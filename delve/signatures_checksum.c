/* Checksums: go.sum and the checksum database are the judges. */
#include "delve/signature_rows.h"

static const char advice_checksum[] =
    "Compare go.sum with its history and ask the module's author: do not delete the line, do not turn the check off.";
static const char advice_sumdb[] =
    "For a private module set GOPRIVATE in go.env of the target; otherwise let the Go machine reach sum.golang.org.";
static const char advice_cache[] = "Nothing to do when the module was fetched again; otherwise run `go clean -modcache`"
                                   " on the Go machine, with its network up.";

static const struct delve_signature rows[] = {
    SECURITY_ROW_WITH("reported by the checksum server", "checksum-database-mismatch", BUILD, "checksum mismatch",
                      "^verifying " MODULE "@" VERSION "(/go\\.mod)?: checksum mismatch$", "mv",
                      "the bytes fetched are not those that the checksum database knows", advice_checksum,
                      "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database-mismatch", BUILD, "checksum mismatch",
                 "^verifying (module|go\\.mod): checksum mismatch$", "-",
                 "the bytes fetched are not those that the checksum database knows", advice_checksum,
                 "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-mismatch", BUILD, "checksum mismatch",
                 "^verifying " MODULE "@" VERSION "(/go\\.mod)?: checksum mismatch$", "mv",
                 "the module is not the one that go.sum records", advice_checksum, "1.19-1.27", PURGE),
    ROW("cache-damaged", BUILD, "ziphash",
        "^verifying " MODULE "@" VERSION ": (unexpected ziphash|missing ziphash|open .*\\.ziphash: )", "mv",
        "an entry of the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW("cache-damaged", BUILD, "verifying ",
        "^verifying " MODULE "@" VERSION ": (open .*: no such file|zip: |unexpected EOF)", "mv",
        "an entry of the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    SECURITY_ROW("checksum-database", BUILD, "verifying ", "^verifying (module|go\\.mod|[^ :]+@v[^ :]+): .", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database", BUILD, "sumdb", "^(.*: )?(checksum missing from sumdb|initializing sumdb)", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database", BUILD, "GOSUMDB",
                 "^(.*: )?(checksum database disabled by GOSUMDB=off|missing GOSUMDB|invalid GOSUMDB)", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
};

const struct delve_rows delve_rows_checksum = {rows, sizeof rows / sizeof rows[0]};

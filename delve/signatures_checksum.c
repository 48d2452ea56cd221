/* Checksums that do not agree: go.sum and the checksum database are the judges. */
#include "delve/signature_rows.h"

static const char advice_checksum[] =
    "Compare go.sum with its history and ask the module's author: do not delete the line or turn the check off.";

static const struct delve_signature rows[] = {
    SECURITY_ROW_WITH("reported by the checksum server", "checksum-database-mismatch", BUILD, "checksum mismatch",
                      "^verifying " MODULE "@" VERSION "(/go\\.mod)?: checksum mismatch$", "mv",
                      "the fetched files do not match the checksum database", advice_checksum, "source 1.19-1.27",
                      NONE),
    SECURITY_ROW("checksum-database-mismatch", BUILD, "checksum mismatch",
                 "^verifying (module|go\\.mod): checksum mismatch$", "-",
                 "the fetched files do not match the checksum database", advice_checksum, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-mismatch", BUILD, "checksum mismatch",
                 "^verifying " MODULE "@" VERSION "(/go\\.mod)?: checksum mismatch$", "mv",
                 "the module does not match go.sum", advice_checksum, "1.19-1.27", PURGE),
    ROW("cache-damaged", BUILD, "ziphash",
        "^verifying " MODULE "@" VERSION ": (unexpected ziphash|missing ziphash|open .*\\.ziphash: )", "mv",
        "an entry of the module cache is damaged", ADVICE_CACHE, "source 1.19-1.27", PURGE, MODCACHE, CLEAN_MODCACHE),
    ROW("cache-damaged", BUILD, "verifying ",
        "^verifying " MODULE "@" VERSION ": (open .*: no such file|zip: |unexpected EOF)", "mv",
        "an entry of the module cache is damaged", ADVICE_CACHE, "source 1.19-1.27", PURGE, MODCACHE, CLEAN_MODCACHE),
};

const struct delve_rows delve_rows_checksum = {rows, sizeof rows / sizeof rows[0]};

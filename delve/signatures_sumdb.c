/* What the checksum database does not vouch for. */
#include "delve/signature_rows.h"

static const char advice_sumdb[] = "For a private module set GOPRIVATE in go.env of the target; otherwise give the Go "
                                   "machine access to sum.golang.org.";

static const struct delve_signature rows[] = {
    SECURITY_ROW("checksum-database", BUILD, "verifying ", "^verifying (module|go\\.mod|[^ :]+@v[^ :]+): .", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database", BUILD, "sumdb", "^(.*: )?(checksum missing from sumdb|initializing sumdb)", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database", BUILD, "GOSUMDB",
                 "^(.*: )?(checksum database disabled by GOSUMDB=off|missing GOSUMDB|invalid GOSUMDB)", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
};

const struct delve_rows delve_rows_sumdb = {rows, sizeof rows / sizeof rows[0]};

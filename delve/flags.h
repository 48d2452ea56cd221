/* Delve's own command-line flags, and what delvegate lets a user say with them. */
#ifndef DELVE_FLAGS_H
#define DELVE_FLAGS_H

#include "dap/must_use.h"
#include "delve/plan.h"

enum delve_flag_kind {
    DELVE_FLAG_USER,       /* passed on */
    DELVE_FLAG_SUPERVISOR, /* -r, --log-dest, --tty, --output, --continue, --init, ...: delvegate's own; dropped with a
                              note */
    DELVE_FLAG_PINNED /* --headless, --api-version, --only-same-user, --accept-multiclient, --listen (-l); dropped with
                         a note */
};

/* Reads a list of flags as a user writes them (`--name=value`, `--name value`, `-r x`, `--bool`) and appends what may
   pass to out as `--name=value`, a note for each that may not to notes. `--` and arguments that are no flag are
   refused, a flag that needs a value and has none too: returns -1 with *e. unknown flags pass only as --name=value.
   origin: "dlvFlags" or "delve.flags", for the texts. */
int delve_flags_read(const char *const *args, size_t count, const char *origin, struct delve_strings *out,
                     struct delve_strings *notes, struct err *e) MUST_USE;

/* What kind of flag a word names ("--listen=x", "-l"): for the check of the configuration. Unknown ones are
 * DELVE_FLAG_USER. */
enum delve_flag_kind delve_flag_kind_of(const char *arg);

#endif

/* The story that recovery tells in the Debug Console. */
#include "delve/recovery.h"

#include <string.h>

int delve_recovery_tell_broke(const struct delve_diagnosis *d, struct buf *out)
{
    bool places = d->file[0] && !strstr(d->words, d->file);
    (void)buf_printf(out, "%s: ", d->signature->cause);
    if (places && d->line)
        (void)buf_printf(out, "%s:%d: ", d->file, d->line);
    else if (places)
        (void)buf_printf(out, "%s: ", d->file);
    return buf_puts(out, d->words);
}

int delve_recovery_tell_for_good(const struct delve_diagnosis *d, enum delve_remedy mended_by, struct buf *out)
{
    if (mended_by == DELVE_REMEDY_DOWNLOAD || mended_by == DELVE_REMEDY_TIDY)
        return buf_printf(out, "for good: run `%s` in the module on the Go machine", delve_remedy_text(mended_by));
    return buf_printf(out, "%s%s", mended_by == DELVE_REMEDY_NONE ? "" : "for good: ", d->signature->advice);
}

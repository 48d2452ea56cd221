/* What is waited for, reported once it takes long. */
#ifndef PROXY_DELVE_WAITING_H
#define PROXY_DELVE_WAITING_H

#include <stdint.h>
#include <uv.h>

#include "dap/must_use.h"

struct waiting;

/* report gets the text of a wait that has taken long, and NULL when one that was reported has ended. NULL when memory
 * ran out. */
struct waiting *waiting_new(uv_loop_t *loop, void (*report)(void *arg, const char *text), void *arg) MUST_USE;
/* Another wait begins, and the one before it ends. It is reported after ms; the text is copied. */
void waiting_begin(struct waiting *w, uint64_t ms, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* It has ended, if there is one. While suspended nothing of that is reported. */
void waiting_end(struct waiting *w);
/* Nothing can come to its end for now, for this reason, which is reported at once; a wait that would be reported
 * meanwhile is not, and starts again at waiting_resume. */
void waiting_suspend(struct waiting *w, const char *text);
void waiting_resume(struct waiting *w);
/* NULL is fine. */
void waiting_free(struct waiting *w);

#endif

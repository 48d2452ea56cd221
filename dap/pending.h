/* What has been asked of one side and is not answered: its seq -> (who asked, the asker's seq, command).
   One such table stands between each session and its Delve. */
#ifndef DAP_PENDING_H
#define DAP_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include "dap/must_use.h"
#include "dap/message.h"

enum { DAP_PENDING_MAX = 4096 }; /* requests unanswered at a time */

/* Who may ask Delve something. */
enum dap_asker {
    DAP_ASKER_CLIENT,  /* the editor */
    DAP_ASKER_NAMES,   /* how the program calls its files: for the words on breakpoints that cannot be set */
    DAP_ASKER_JOURNAL, /* what is sent again to a new Delve; asker_seq is the entry's number */
    DAP_ASKER_SESSION  /* delvegate itself: its own initialize, attach, disconnect */
};

struct dap_asked {
    int64_t seq;       /* as sent */
    int64_t asker_seq; /* as the asker numbered it; 0 for the session */
    enum dap_asker asker;
    char command[DAP_NAME_MAX];
};

struct dap_pending;

/* Returns an empty table, or NULL when memory ran out. */
struct dap_pending *dap_pending_new(void) MUST_USE;
void dap_pending_free(struct dap_pending *p);

/* Remembers a request. Returns 0, or -1 when the table is full or memory ran out. */
int dap_pending_add(struct dap_pending *p, const struct dap_asked *asked) MUST_USE;

/* Takes the entry of seq out into *asked. Returns 1, or 0 when nothing with this seq waits: an answer to it is a second
 * one and is dropped. */
int dap_pending_take(struct dap_pending *p, int64_t seq, struct dap_asked *asked) MUST_USE;

/* Takes the oldest entry out into *asked. Returns 1, or 0 when the table is empty. */
int dap_pending_take_oldest(struct dap_pending *p, struct dap_asked *asked) MUST_USE;

size_t dap_pending_count(const struct dap_pending *p);

#endif

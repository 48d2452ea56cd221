/* Bytes of a stream that are kept while there is no link: in memory, then in a file. Inside flow. */
#ifndef PROXY_SUPERVISOR_FLOW_KEPT_H
#define PROXY_SUPERVISOR_FLOW_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proxy/supervisor/supervisor.h"

struct flow_kept {
    /* The oldest. */
    char *memory;
    size_t begin, len, size;
    /* What came after; without a name from its beginning. */
    char *path; /* NULL: none may be made */
    off_t file_begin, file_end, file_max;
    int file;
    /* What is on its way to the file, or did not fit there any more. */
    char *last;
    size_t last_begin, last_len;
    int error; /* the file could not be read: bytes are lost */
};

/* path: copied; NULL: no file. Returns -1 when memory is short. */
int kept_init(struct flow_kept *k, const char *path, long file_max) MUST_USE;
void kept_free(struct flow_kept *k);
bool kept_is_empty(const struct flow_kept *k);
/* Room for bytes that come now. NULL: its bounds are reached, or memory or the disk is full. */
char *kept_room(struct flow_kept *k, size_t *size);
/* So many bytes were put there. */
void kept_added(struct flow_kept *k, size_t n);
/* Takes the oldest bytes. Returns how many. */
size_t kept_take(struct flow_kept *k, void *room, size_t n);

#endif

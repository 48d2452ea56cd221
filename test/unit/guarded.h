/* Bytes that end where memory ends: one byte read behind them faults. */
#ifndef TEST_GUARDED_H
#define TEST_GUARDED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guarded {
    char *map;
    size_t size;
    char *bytes; /* len of them, right before a page that cannot be touched */
};

static inline int guarded_new(struct guarded *g, const char *bytes, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (len + page - 1) / page * page;
    *g = (struct guarded){.size = room + page};
    g->map = mmap(NULL, g->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED || mprotect(g->map + room, page, PROT_NONE) < 0)
        return -1;
    g->bytes = g->map + room - len;
    if (len)
        memcpy(g->bytes, bytes, len);
    return 0;
}

static inline void guarded_free(struct guarded *g)
{
    munmap(g->map, g->size);
}

#endif

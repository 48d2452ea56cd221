#include "proxy/supervisor/flow_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/flow.h"

enum { MEMORY_FIRST = 16 * 1024, FILE_CHUNK = 16 * 1024 };

int kept_init(struct flow_kept *k, const char *path, long file_max)
{
    *k = (struct flow_kept){.file = -1, .file_max = file_max, .path = path ? strdup(path) : NULL};
    return path && !k->path ? -1 : 0;
}

static void free_memory(struct flow_kept *k)
{
    free(k->memory);
    k->memory = NULL;
    k->begin = k->len = k->size = 0;
}

static void free_file(struct flow_kept *k)
{
    if (k->file >= 0)
        (void)close(k->file);
    k->file = -1;
    k->file_begin = k->file_end = 0;
}

static void free_last(struct flow_kept *k)
{
    free(k->last);
    k->last = NULL;
    k->last_begin = k->last_len = 0;
}

void kept_free(struct flow_kept *k)
{
    free_memory(k);
    free_file(k);
    free_last(k);
    free(k->path);
    k->path = NULL;
}

bool kept_is_empty(const struct flow_kept *k)
{
    return k->len == 0 && k->file_begin == k->file_end && k->last_len == 0;
}

/* --- In --- */

static char *memory_room(struct flow_kept *k, size_t *size)
{
    if (k->begin + k->len == k->size) {
        size_t larger = k->size ? 2 * k->size : MEMORY_FIRST;
        if (k->begin == 0 && larger > FLOW_MEMORY_MAX)
            return NULL;
        if (k->begin) {
            memmove(k->memory, k->memory + k->begin, k->len);
            k->begin = 0;
        } else {
            char *memory = realloc(k->memory, larger);
            if (!memory)
                return NULL;
            k->memory = memory;
            k->size = larger;
        }
    }
    *size = k->size - k->begin - k->len;
    return k->memory + k->begin + k->len;
}

static int open_file(struct flow_kept *k)
{
    if (k->file >= 0)
        return 0;
    (void)unlink(k->path);
    k->file = open(k->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (k->file < 0)
        return -1;
    (void)unlink(k->path);
    return 0;
}

static char *file_room(struct flow_kept *k, size_t *size)
{
    if (!k->path || k->last_len || k->file_end >= k->file_max || open_file(k) < 0)
        return NULL;
    if (!k->last)
        k->last = malloc(FILE_CHUNK);
    off_t left = k->file_max - k->file_end;
    *size = left < FILE_CHUNK ? (size_t)left : FILE_CHUNK;
    return k->last;
}

char *kept_room(struct flow_kept *k, size_t *size)
{
    char *room = NULL;
    if (k->file_begin == k->file_end && k->last_len == 0)
        room = memory_room(k, size);
    return room ? room : file_room(k, size);
}

static void write_last(struct flow_kept *k)
{
    while (k->last_len) {
        ssize_t n = pwrite(k->file, k->last + k->last_begin, k->last_len, k->file_end);
        if (n < 0 && errno == EINTR)
            continue;
        /* The disk is full: these stay where they are, and nothing more is read. */
        if (n <= 0)
            return;
        k->file_end += n;
        k->last_begin += (size_t)n;
        k->last_len -= (size_t)n;
    }
    k->last_begin = 0;
}

void kept_added(struct flow_kept *k, size_t n)
{
    /* Whether it was the memory's room follows from the same as there. */
    if (k->file_begin == k->file_end && k->memory && k->begin + k->len < k->size) {
        k->len += n;
        return;
    }
    k->last_len = n;
    k->last_begin = 0;
    write_last(k);
}

/* --- Out --- */

static size_t take_memory(struct flow_kept *k, void *room, size_t n)
{
    if (n > k->len)
        n = k->len;
    memcpy(room, k->memory + k->begin, n);
    k->begin += n;
    k->len -= n;
    if (k->len == 0)
        free_memory(k);
    return n;
}

static size_t take_file(struct flow_kept *k, void *room, size_t n)
{
    off_t left = k->file_end - k->file_begin;
    ssize_t got;
    if ((off_t)n > left)
        n = (size_t)left;
    do
        got = pread(k->file, room, n, k->file_begin);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        k->error = got < 0 ? errno : EIO;
        return 0;
    }
    k->file_begin += got;
    if (k->file_begin == k->file_end)
        free_file(k);
    return (size_t)got;
}

static size_t take_last(struct flow_kept *k, void *room, size_t n)
{
    if (n > k->last_len)
        n = k->last_len;
    memcpy(room, k->last + k->last_begin, n);
    k->last_begin += n;
    k->last_len -= n;
    return n;
}

size_t kept_take(struct flow_kept *k, void *room, size_t n)
{
    size_t taken = 0;
    if (k->len)
        return take_memory(k, room, n);
    if (k->file_begin != k->file_end)
        return take_file(k, room, n);
    if (k->last_len)
        taken = take_last(k, room, n);
    if (k->last_len == 0)
        free_last(k);
    return taken;
}

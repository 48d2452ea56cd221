/* Runs a program, collects what it prints, and gives up after a while. */
#ifndef PROXY_BASE_SPAWN_H
#define PROXY_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { SPAWN_OUTPUT_MAX = 256 * 1024 }; /* of each stream; a program that prints more is ended */

/* What became of it. Valid during the callback. */
struct spawn_result {
    int error;           /* libuv's error (negative) when it could not be started (UV_ENOENT: not in PATH), else 0 */
    bool timed_out;      /* it was killed at the deadline */
    bool too_long;       /* it was killed for printing more than SPAWN_OUTPUT_MAX */
    int exit_status;     /* 128 + signal */
    const char *out;     /* NUL-terminated */
    const char *err_out; /* likewise, of stderr */
};

struct spawn;

/* Starts argv (looked for in PATH) without input, in a session of its own, with the environment of
   environment_for_child. done is called once, later, and never from inside this call. Returns NULL when memory ran
   out; every other failure comes through done. argv is copied by the system before the return. */
struct spawn *spawn_run(uv_loop_t *loop, const char *const *argv, uint64_t deadline_ms,
                        void (*done)(void *arg, const struct spawn_result *r), void *arg);

/* Kills it; done is not called any more. The pointer is dead afterwards, as it is once done was called. */
void spawn_cancel(struct spawn *s);

#endif

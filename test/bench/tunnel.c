/* How fast one core carries bulk from one end of a tunnel to the other, both in this program: MB/s, and what a frame
 * costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/tunnel/tunnel.h"

enum { STREAMS = 4, ROOM = 64 * 1024, MS = 1000, MEGA = 1000 * 1000 };
static const uint64_t total = 8ULL * 1000 * MEGA;

static unsigned char content[TUNNEL_PAYLOAD_MAX];
static unsigned char link_bytes[ROOM];
static unsigned char read_bytes[ROOM];
static uint64_t given;

static uint64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * MS + (uint64_t)at.tv_nsec / MEGA;
}

static size_t source(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    (void)arg;
    (void)stream;
    (void)data;
    memcpy(room, content, n);
    given += n;
    return n;
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static struct tunnel *end(enum tunnel_side side)
{
    struct tunnel_config config = {.side = side, .instance = {(unsigned char)(side + 1)}, .source = source};
    struct tunnel *t = tunnel_new(&config, now());
    require(t != NULL, "memory is short");
    return t;
}

static uint64_t read_all(struct tunnel *t)
{
    struct tunnel_event e;
    uint64_t n = 0;
    while (tunnel_event(t, &e)) {
        const void *bytes;
        size_t part;
        if (e.kind != TUNNEL_EVENT_READABLE)
            continue;
        while ((part = tunnel_peek(t, e.stream, &bytes)) > 0) {
            memcpy(read_bytes, bytes, part < ROOM ? part : ROOM);
            tunnel_consume(t, e.stream, part);
            n += part;
        }
    }
    return n;
}

int main(void)
{
    struct tunnel *caller = end(TUNNEL_CALLER);
    struct tunnel *answerer = end(TUNNEL_ANSWERER);
    struct tunnel_greeting greeting = {.len = 0};
    struct tunnel_hello hello;
    uint64_t link = tunnel_call(caller, now());
    size_t used;
    size_t n = tunnel_output(caller, link_bytes, ROOM, now());
    require(tunnel_greeting_read(&greeting, link_bytes, n, &used, &hello) == TUNNEL_OK && used == n, "no hello");
    require(tunnel_answer(answerer, &hello, now()) == TUNNEL_OK, "no answer");
    for (uint32_t i = 0; i < STREAMS; i++) {
        uint32_t stream = tunnel_open(answerer, TUNNEL_BULK, i, 0, NULL);
        require(stream != 0, "no stream");
        tunnel_ready(answerer, stream);
    }
    clock_t began = clock();
    uint64_t carried = 0;
    while (carried < total) {
        n = tunnel_output(answerer, link_bytes, ROOM, now());
        require(tunnel_receive(caller, link, link_bytes, n, now()) == TUNNEL_OK, tunnel_reason(caller));
        carried += read_all(caller);
        n = tunnel_output(caller, link_bytes, ROOM, now());
        require(tunnel_receive(answerer, link, link_bytes, n, now()) == TUNNEL_OK, tunnel_reason(answerer));
        (void)read_all(answerer);
    }
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    printf("tunnel: %.0f MB/s a core, both ends in it (%.1f GB, %.0f ns a frame of 16 KiB)\n",
           (double)carried / MEGA / seconds, (double)carried / MEGA / 1000,
           seconds * 1e9 * TUNNEL_PAYLOAD_MAX / (double)carried);
    tunnel_free(caller);
    tunnel_free(answerer);
    return 0;
}

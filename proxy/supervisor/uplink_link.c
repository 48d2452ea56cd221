/* The descriptors that carry the tunnel: the present ones, and those whose hello has not come yet. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/supervisor/uplink_private.h"

enum {
    READ_SIZE = 64 * 1024,
    OUTPUT_SIZE = 2 * TUNNEL_FRAME_MAX, /* what is written is overtaken by nothing: little of it */
    GREETING_MAX = 16,                  /* links that have not said hello, the newest ones */
    GREETING_MS = 60 * 1000,            /* until they must have */
    NOISE_MAX = 1024 * 1024,            /* bytes before the nonce */
    NONCE_MAX = 128
};

struct link {
    struct link *next;
    unsigned long id; /* ours, of all that ever were */
    struct watch in;
    struct watch out;
    int in_flags; /* as they were */
    int out_flags;
    void (*over)(void *arg);
    void *arg;

    /* The nonce that is waited for, and what of it the present line has. */
    char nonce[NONCE_MAX + 1];
    size_t nonce_len; /* 0: it has come */
    size_t matched;
    bool line_is_other;
    size_t noise;

    struct tunnel_greeting greeting;
    struct alarm deadline;
    uint64_t number; /* of the tunnel's link; 0: hello has not come */
    bool refused;    /* it is closed when all is written */

    unsigned char output[OUTPUT_SIZE];
    size_t at, len;
};

static struct link *links;
static struct link *present;

/* --- Descriptors --- */

static void put_back(int fd, int flags)
{
    if (flags >= 0 && !(flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags);
    (void)close(fd);
}

static void take_out(struct link *l)
{
    struct link **at = &links;
    while (*at && *at != l)
        at = &(*at)->next;
    if (*at)
        *at = l->next;
    if (present == l)
        present = NULL;
}

static void close_link(struct link *l)
{
    void (*over)(void *arg) = l->over;
    void *arg = l->arg;
    take_out(l);
    loop_unwatch(&l->in);
    loop_unwatch(&l->out);
    loop_disarm(&l->deadline);
    put_back(l->in.fd, l->in_flags);
    if (l->out.fd != l->in.fd)
        put_back(l->out.fd, l->out_flags);
    free(l);
    if (over)
        over(arg);
}

void link_drop_present(void)
{
    if (present)
        close_link(present);
}

/* It is of no more use, which the tunnel has to know when it is its own. */
static void end_link(struct link *l, const char *why)
{
    bool was_present = l == present;
    uint64_t number = l->number;
    close_link(l);
    if (!was_present)
        return;
    tunnel_hang_up(uplink_tunnel(), number, why, loop_now());
    uplink_went_down();
    uplink_take_events();
}

static bool would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* --- Out --- */

/* Returns false when it is broken. */
static bool write_some(struct link *l)
{
    ssize_t n = write(l->out.fd, l->output + l->at, l->len - l->at);
    if (n < 0)
        return would_block(n);
    l->at += (size_t)n;
    if (l->at == l->len)
        l->at = l->len = 0;
    return true;
}

static const char unwritable[] = "what carried the tunnel takes no more";

/* The link with this number of ours; NULL: it is closed. */
static struct link *find(unsigned long id)
{
    struct link *l = links;
    while (l && l->id != id)
        l = l->next;
    return l;
}

static void receive(struct link *l, const char *bytes, size_t n);

/* What has come before counts all the same: delvegate's last orders are in it. */
static void end_read_out(struct link *l, const char *why)
{
    static char bytes[READ_SIZE];
    unsigned long id = l->id;
    ssize_t n;
    while ((l = find(id)) && (n = read(l->in.fd, bytes, sizeof bytes)) > 0)
        receive(l, bytes, (size_t)n);
    if (l)
        end_link(l, why);
}

static void on_writable(struct link *l)
{
    if (l->len == 0 && l == present)
        l->len = tunnel_output(uplink_tunnel(), l->output, sizeof l->output, loop_now());
    if (l->len && !write_some(l)) {
        end_read_out(l, unwritable);
        return;
    }
    if (l->refused && l->len == 0)
        end_link(l, "");
    else
        uplink_take_events();
}

static void on_out(void *arg, short revents)
{
    struct link *l = arg;
    if (revents & POLLOUT)
        on_writable(l);
    else
        end_read_out(l, unwritable);
}

void link_settle(void)
{
    if (!present)
        return;
    present->out.events = present->len || tunnel_has_output(uplink_tunnel()) ? POLLOUT : 0;
}

/* --- In --- */

/* Passes over what precedes the nonce's line. Returns how many bytes that are. */
static size_t pass_noise(struct link *l, const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && l->nonce_len) {
        char c = bytes[i++];
        if (c == '\n') {
            if (!l->line_is_other && l->matched == l->nonce_len)
                l->nonce_len = 0;
            l->matched = 0;
            l->line_is_other = false;
        } else if (l->line_is_other || l->matched == l->nonce_len || l->nonce[l->matched] != c) {
            l->line_is_other = true;
        } else {
            l->matched++;
        }
    }
    l->noise += i;
    return i;
}

static void refuse(struct link *l, const struct tunnel_hello *hello)
{
    tunnel_hello_write(uplink_tunnel(), hello->number, l->output);
    l->len = TUNNEL_HELLO_SIZE;
    l->refused = true;
    l->out.events = POLLOUT;
    loop_unwatch(&l->in);
}

/* Returns whether it is the present link now. */
static bool greet(struct link *l, const struct tunnel_hello *hello)
{
    enum tunnel_result r = uplink_answer(hello);
    if (r == TUNNEL_OK) {
        link_drop_present();
        present = l;
        l->number = hello->number;
        loop_disarm(&l->deadline);
        return true;
    }
    if (r == TUNNEL_OTHER)
        refuse(l, hello);
    else
        close_link(l);
    uplink_check(r);
    return false;
}

/* Returns how many bytes belong to what comes before the tunnel's frames; -1 when the link is not used (any more). */
static ssize_t read_greeting(struct link *l, const char *bytes, size_t n)
{
    struct tunnel_hello hello;
    size_t used;
    size_t noise = pass_noise(l, bytes, n);
    if (l->nonce_len && l->noise < NOISE_MAX)
        return (ssize_t)noise;
    enum tunnel_result r =
        l->nonce_len ? TUNNEL_NO_LINK : tunnel_greeting_read(&l->greeting, bytes + noise, n - noise, &used, &hello);
    if (r == TUNNEL_MORE)
        return (ssize_t)n;
    if (r != TUNNEL_OK) {
        close_link(l);
        return -1;
    }
    return greet(l, &hello) ? (ssize_t)(noise + used) : -1;
}

static void receive(struct link *l, const char *bytes, size_t n)
{
    if (l->number == 0) {
        ssize_t used = read_greeting(l, bytes, n);
        if (used < 0)
            return;
        bytes += used;
        n -= (size_t)used;
        if (l->number == 0)
            return;
    }
    uplink_heard();
    enum tunnel_result r = n ? tunnel_receive(uplink_tunnel(), l->number, bytes, n, loop_now()) : TUNNEL_OK;
    if (r == TUNNEL_NO_LINK || r == TUNNEL_OLD) {
        close_link(l);
        uplink_went_down();
    }
    uplink_check(r);
}

static void on_in(void *arg, short revents)
{
    static char bytes[READ_SIZE];
    struct link *l = arg;
    (void)revents;
    ssize_t n = read(l->in.fd, bytes, sizeof bytes);
    if (would_block(n))
        return;
    if (n <= 0) {
        end_link(l, n == 0 ? "the connection has ended" : strerror(errno));
        return;
    }
    receive(l, bytes, (size_t)n);
    uplink_take_events();
}

void uplink_hang_up(void *arg, const char *why)
{
    struct link *l = links;
    while (l && l->arg != arg)
        l = l->next;
    if (l)
        end_read_out(l, why);
}

/* --- New ones --- */

static void on_deadline(void *arg)
{
    close_link(arg);
}

static void make_room(void)
{
    struct link *oldest = NULL;
    size_t n = 0;
    for (struct link *l = links; l; l = l->next) {
        if (l == present)
            continue;
        oldest = l;
        n++;
    }
    if (n >= GREETING_MAX)
        close_link(oldest);
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return flags;
}

static struct link *new_link(int in, int out, const char *nonce)
{
    static unsigned long last_id;
    size_t len = nonce ? strlen(nonce) : 0;
    if (len > NONCE_MAX)
        return NULL;
    struct link *l = malloc(sizeof *l);
    if (!l)
        return NULL;
    memset(l, 0, sizeof *l);
    l->id = ++last_id;
    if (len)
        memcpy(l->nonce, nonce, len + 1);
    l->nonce_len = len;
    l->in = (struct watch){.fd = in, .events = POLLIN, .ready = on_in, .arg = l};
    l->out = (struct watch){.fd = out, .ready = on_out, .arg = l};
    l->deadline = (struct alarm){.ring = on_deadline, .arg = l};
    return l;
}

void uplink_serve(int in, int out, const char *nonce, void (*over)(void *arg), void *arg)
{
    struct link *l = new_link(in, out, nonce);
    if (!l) {
        (void)close(in);
        if (out != in)
            (void)close(out);
        if (over)
            over(arg);
        return;
    }
    make_room();
    l->over = over;
    l->arg = arg;
    l->in_flags = set_nonblocking(in);
    l->out_flags = out == in ? -1 : set_nonblocking(out);
    l->next = links;
    links = l;
    loop_watch(&l->in);
    loop_watch(&l->out);
    loop_alarm(&l->deadline, GREETING_MS);
}

#include "proxy/service/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    STATE_ESTABLISHED = 1, /* as in /proc/net/tcp and inet_diag */
    STATE_FIN_WAIT1 = 4,   /* its sending side is closed ... */
    STATE_FIN_WAIT2 = 5,   /* ... and that has been acknowledged */
    STATE_LISTEN = 10,
    NETLINK_REPLY_MAX = 8192,
    PROC_LINE_MAX = 512,
    ADDRESS_WORDS = 4
};

/* One socket as both sources describe it. */
struct entry {
    unsigned state;
    unsigned uid;
    unsigned long inode;
};

static enum peer_result owner_of(const struct entry *e, uid_t *uid)
{
    /* A closed socket has no inode; older kernels then report uid 0, which would let a stranger in where delvegate runs
     * as root. */
    bool is_connected = e->state == STATE_ESTABLISHED || e->state == STATE_FIN_WAIT1 || e->state == STATE_FIN_WAIT2;
    if (!is_connected || e->inode == 0)
        return PEER_CLOSED;
    *uid = e->uid;
    return PEER_FOUND;
}

static void address_words(const struct sockaddr *a, uint32_t words[ADDRESS_WORDS], uint16_t *port)
{
    memset(words, 0, ADDRESS_WORDS * sizeof *words);
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        words[0] = in->sin_addr.s_addr;
        *port = in->sin_port;
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;
        memcpy(words, &in6->sin6_addr, sizeof in6->sin6_addr);
        *port = in6->sin6_port;
    }
}

/* Returns 1 with *e, 0 when the kernel knows no such socket, -1 when it can't be asked. */
static int ask_netlink(const struct sockaddr *local, const struct sockaddr *peer, struct entry *e)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } ask = {
        .header = {.nlmsg_len = sizeof ask, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = (uint8_t)local->sa_family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0U},
    };
    union {
        struct nlmsghdr header;
        char bytes[NETLINK_REPLY_MAX];
    } reply;
    struct inet_diag_sockid *id = &ask.request.id;
    address_words(peer, id->idiag_src, &id->idiag_sport);
    address_words(local, id->idiag_dst, &id->idiag_dport);
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;

    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -1;
    ssize_t n = send(fd, &ask, sizeof ask, 0);
    if (n > 0)
        n = recv(fd, &reply, sizeof reply, 0);
    (void)close(fd);
    if (n < 0 || !NLMSG_OK(&reply.header, (size_t)n))
        return -1;
    if (reply.header.nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *failure = NLMSG_DATA(&reply.header);
        return failure->error == -ENOENT ? 0 : -1;
    }
    const struct inet_diag_msg *found = NLMSG_DATA(&reply.header);
    if (reply.header.nlmsg_type != SOCK_DIAG_BY_FAMILY || reply.header.nlmsg_len < NLMSG_LENGTH(sizeof *found))
        return -1;
    *e = (struct entry){.state = found->idiag_state, .uid = found->idiag_uid, .inode = found->idiag_inode};
    return 1;
}

/* Writes an address as /proc/net/tcp (family AF_INET) or tcp6 do. */
static void proc_address(const struct sockaddr *a, int family, char *out, size_t size)
{
    uint32_t w[ADDRESS_WORDS];
    uint16_t port = 0;
    address_words(a, w, &port);
    if (family == AF_INET) {
        (void)snprintf(out, size, "%08X:%04X", w[0], ntohs(port));
        return;
    }
    if (a->sa_family == AF_INET) { /* v4-mapped */
        w[3] = w[0];
        w[0] = w[1] = 0;
        w[2] = htonl(0xffff);
    }
    (void)snprintf(out, size, "%08X%08X%08X%08X:%04X", w[0], w[1], w[2], w[3], ntohs(port));
}

/* Reads one line of /proc/net/tcp or tcp6. */
static bool proc_line(const char *line, char local[64], char remote[64], struct entry *e)
{
    return sscanf(line, " %*d: %63s %63s %x %*s %*s %*s %u %*d %lu", local, remote, &e->state, &e->uid, &e->inode) == 5;
}

static int ask_proc(const struct sockaddr *local, const struct sockaddr *peer, struct entry *e)
{
    static const struct {
        const char *path;
        int family;
    } tables[] = {{"/proc/net/tcp", AF_INET}, {"/proc/net/tcp6", AF_INET6}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (tables[i].family == AF_INET && local->sa_family == AF_INET6)
            continue;
        char want_local[64], want_remote[64], got_local[64], got_remote[64], line[PROC_LINE_MAX];
        proc_address(peer, tables[i].family, want_local, sizeof want_local);
        proc_address(local, tables[i].family, want_remote, sizeof want_remote);
        FILE *f = fopen(tables[i].path, "re");
        bool found = false;
        while (f && !found && fgets(line, sizeof line, f))
            found = proc_line(line, got_local, got_remote, e) && strcmp(got_local, want_local) == 0 &&
                    strcmp(got_remote, want_remote) == 0;
        if (f)
            (void)fclose(f);
        if (found)
            return 1;
    }
    return 0;
}

enum peer_result peer_owner(const struct sockaddr *local, const struct sockaddr *peer, uid_t *uid)
{
    struct entry e = {0};
    int r = ask_netlink(local, peer, &e);
    if (r < 0)
        r = ask_proc(local, peer, &e);
    return r == 1 ? owner_of(&e, uid) : PEER_UNKNOWN;
}

bool peer_port_owner(int port, uid_t *uid, unsigned long *inode)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    bool found = false;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !found; i++) {
        char local[64], remote[64], line[PROC_LINE_MAX], suffix[8];
        struct entry e = {0};
        (void)snprintf(suffix, sizeof suffix, ":%04X", (unsigned)port & 0xffffU);
        FILE *f = fopen(tables[i], "re");
        while (f && !found && fgets(line, sizeof line, f)) {
            if (!proc_line(line, local, remote, &e) || e.state != STATE_LISTEN)
                continue;
            const char *colon = strrchr(local, ':');
            found = colon && strcmp(colon, suffix) == 0;
        }
        if (f)
            (void)fclose(f);
        if (found) {
            *uid = e.uid;
            *inode = e.inode;
        }
    }
    return found;
}

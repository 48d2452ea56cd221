/* What a door and a supervisor say to each other on the socket in the instance's directory, also when they are of
 * different builds. The supervisor speaks first: DOOR_GREETING. The door answers with a door_request, whose message
 * brings stdin and stdout, then the nonce and the environment; or with DOOR_QUIT alone. The supervisor's DOOR_OVER says
 * that it has no use for the descriptors any more; the end of the socket without it that the supervisor is gone. */
#ifndef PROXY_SUPERVISOR_DOOR_PRIVATE_H
#define PROXY_SUPERVISOR_DOOR_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "proxy/supervisor/door.h"

#define DOOR_SOCKET "socket"
#define DOOR_LOCK "lock"
#define DOOR_GREETING "delvegate-supervisor"
#define DOOR_ROLE "serve"
/* In the supervisor's environment: what door_note says. */
#define DOOR_NOTE "DELVEGATE_NOTE"

enum {
    DOOR_LINE_MAX = 256, /* bytes of "DOOR_GREETING BUILD PID SESSIONS\n" */
    DOOR_IDENTITY_MAX = 96,
    DOOR_NONCE_MAX = 128,               /* bytes of a nonce or client */
    DOOR_NAME_SIZE = 17,                /* of an instance's name, with its NUL */
    DOOR_ENVIRON_MAX = 4 * 1024 * 1024, /* bytes of an environment, with a NUL behind each */
    DOOR_ANSWER_MS = 5000,              /* until a supervisor that lives has answered */
    DOOR_SERVE = 'S',
    DOOR_QUIT = 'Q',
    DOOR_OVER = 'o'
};

struct door_request {
    uint32_t kind;
    uint32_t nonce_len;
    uint32_t environ_len;
};

/* The name of a client's instance: it differs with the client, the boot, and the container, whose processes are not
 * those of another one that has the same home. */
void door_instance(char name[DOOR_NAME_SIZE], const char *client);
/* The path of a file in an instance's directory. Returns -1 when it is too long. */
int door_path(char path[SUPERVISOR_PATH_MAX], const char *dir, const char *name) MUST_USE;
/* A socket that listens in the directory, in the place of one that is there. Returns -1 with errno. */
int door_bind(const char *dir) MUST_USE;

/* A hash of bytes that begins with DOOR_HASH: names have to differ, nobody is kept from making the same one. */
#define DOOR_HASH 0xcbf29ce484222325U
uint64_t door_hash(uint64_t hash, const void *bytes, size_t n);
/* Which program this is: its build's name and a hash of its bytes, for what is of one build must be of the same bytes.
 * identity: DOOR_IDENTITY_MAX bytes. */
void door_identity(char *identity);

/* Starts a supervisor for that directory, in a process session of its own, that has the socket; where logind would end
 * it at logout in a scope of the user's if that helps. Returns -1 with errno. */
int door_start(const char *dir, int socket) MUST_USE;

/* What logind does with what a user leaves running. Read from what `loginctl show-session` and `loginctl show-user`
 * print, pure. */
enum door_logout { DOOR_STAYS, DOOR_NEEDS_SCOPE, DOOR_IS_KILLED };
enum door_logout door_logout(const char *cgroup, const char *manager, const char *user, const char *user_name);

#endif

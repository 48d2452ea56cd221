/* A client of the SSH agent that never blocks: a confirmation, a hardware key or a passphrase dialog may take minutes.
 */
#ifndef PROXY_SSH_SSH_AGENT_H
#define PROXY_SSH_SSH_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dap/must_use.h"
#include "dap/err.h"
#include "proxy/ssh/ssh_wire.h"

enum {
    SSH_AGENT_RSA_SHA2_256 = 2, /* flags of a sign request (draft-miller-ssh-agent) */
    SSH_AGENT_RSA_SHA2_512 = 4
};

struct ssh_agent;

/* What the agent answered: why is NULL and reply (valid during the call) begins with the message type; or why says what
   went wrong, and the agent is of no more use. */
typedef void ssh_agent_answer(void *arg, const struct err *why, struct ssh_bytes reply);

/* Returns NULL when memory ran out. Connects with the first request. */
struct ssh_agent *ssh_agent_new(uv_loop_t *loop, const char *path) MUST_USE;

/* Ask for its keys; sign data with one. One request at a time; answer is called later. A failure to even send comes
   through answer too. */
void ssh_agent_list(struct ssh_agent *a, uint64_t deadline_ms, ssh_agent_answer *answer, void *arg);
void ssh_agent_sign(struct ssh_agent *a, struct ssh_bytes blob, struct ssh_bytes data, uint32_t flags,
                    uint64_t deadline_ms, ssh_agent_answer *answer, void *arg);

/* Whether an answer to ssh_agent_list has the keys: an agent may also say that it failed. */
bool ssh_agent_has_list(struct ssh_bytes reply);

/* Read the next key of an answer to ssh_agent_list, and the signature of one to ssh_agent_sign. r begins at the answer;
   ssh_agent_keys gives the number of keys. All: 0 or empty when the agent said something else. */
uint32_t ssh_agent_keys(struct ssh_reader *r);
struct ssh_bytes ssh_agent_key(struct ssh_reader *r, struct ssh_bytes *comment);
struct ssh_bytes ssh_agent_signature(struct ssh_bytes reply);

/* Ends it; answer is not called any more. NULL is fine. */
void ssh_agent_free(struct ssh_agent *a);

#endif

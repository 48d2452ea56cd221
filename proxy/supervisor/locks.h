/* Who holds the lock that go waits for, without a word of its own. */
#ifndef PROXY_SUPERVISOR_LOCKS_H
#define PROXY_SUPERVISOR_LOCKS_H

#include <sys/types.h>

#include "proxy/supervisor/session.h"

struct locks;

/* Looks every second at what the processes of a process session wait for, and reports it with ORDER_NOTE, also when it
 * has become free. gomodcache: borrowed. NULL when memory is short. */
struct locks *locks_watch(struct session *s, pid_t process_session, const char *gomodcache) MUST_USE;
/* Stops looking. report_free: whether the lock was got, which is reported when its holder was. */
void locks_free(struct locks *l, bool report_free);

#endif

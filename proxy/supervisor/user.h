/* Users of this machine by name. The C library's own functions are of no use in a static program: they load others. */
#ifndef PROXY_SUPERVISOR_USER_H
#define PROXY_SUPERVISOR_USER_H

#include <sys/types.h>

enum { USER_NAME_MAX = 256 };

/* Writes the user's name as /etc/passwd has it, else the number. */
void user_name(uid_t uid, char name[USER_NAME_MAX]);

#endif

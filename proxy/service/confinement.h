/* Whether the unit that runs delvegate confines it. What is started on this machine would inherit that: sudo, setuid
 * programs and just-in-time compilers break, and what Delve debugs runs otherwise than it would alone. */
#ifndef PROXY_SERVICE_CONFINEMENT_H
#define PROXY_SERVICE_CONFINEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"

/* Compares this process with its parent, the manager: systemd sets NoNewPrivileges=, filters of system calls, and
 * namespaces of mounts and users, between the two. Writes what is found as "NoNewPrivs, Seccomp"; returns whether
 * anything is. A parent that can't be looked at confines nobody. */
bool confinement_find(char *found, size_t size) MUST_USE;

#endif

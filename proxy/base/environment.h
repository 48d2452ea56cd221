/* The environment that children of delvegate get. */
#ifndef PROXY_BASE_ENVIRONMENT_H
#define PROXY_BASE_ENVIRONMENT_H

/* delvegate's own environment without what the service manager meant for delvegate alone (NOTIFY_SOCKET, WATCHDOG_*,
   LISTEN_*, and what else systemd.exec(5) lists: a debugged program would take itself for the service).
   NULL-terminated; the array is the caller's to free(), the strings are not. NULL when memory ran out. */
char **environment_for_child(void);

/* The same with entry ("NAME=value") instead of what has its name; NULL changes nothing. entry must live as long as the
   array. */
char **environment_for_child_with(char *entry);

/* The same with several entries, ended by NULL; NULL changes nothing. */
char **environment_for_child_set(char *const *entries);

#endif

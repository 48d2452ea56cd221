/* The environment that children of delvegate get. */
#ifndef PROXY_ENVIRONMENT_H
#define PROXY_ENVIRONMENT_H

/* delvegate's own environment without what the service manager meant for delvegate alone (NOTIFY_SOCKET, WATCHDOG_*,
   LISTEN_*). NULL-terminated; the array is the caller's to free(), the strings are not. NULL when memory ran out. */
char **environment_for_child(void);

#endif

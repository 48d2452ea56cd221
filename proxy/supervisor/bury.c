#include "proxy/supervisor/bury.h"
int bury_instance(const char *dir, void (*ended)(void *arg, pid_t pid), void *arg) { (void)dir; (void)ended; (void)arg; return 0; }
void bury_others(const char *own, void (*told)(void *arg, const char *text), void *arg) { (void)own; (void)told; (void)arg; }

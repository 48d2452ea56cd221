/* Small files, what is written to a descriptor, and the descriptors of this process as a whole. */
#ifndef PROXY_SUPERVISOR_FILE_H
#define PROXY_SUPERVISOR_FILE_H

#include <stddef.h>

#include "proxy/supervisor/supervisor.h"

/* Writes and reads a small text file (0600, written to a new file and moved into place). Return -1 with errno. */
int file_write(const char *path, const char *text) MUST_USE;
int file_read(const char *path, char *text, size_t size) MUST_USE;

/* Writes all of the bytes. Returns -1 with errno. */
int file_write_all(int fd, const void *bytes, size_t n) MUST_USE;
/* Closes a file that was written with this result (0 or -1 with errno). Returns that, or -1 with errno when the file
 * could not be closed: file systems with quotas on a server report some failures only then. */
int file_close_written(int fd, int result) MUST_USE;

/* Closes all descriptors from `first` on but the kept ones. Safe after fork of one thread. */
void file_close_from(int first, const int *kept, size_t count);

#endif

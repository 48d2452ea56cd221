/* What the files of flow share. */
#ifndef PROXY_SUPERVISOR_FLOW_PRIVATE_H
#define PROXY_SUPERVISOR_FLOW_PRIVATE_H

#include "proxy/supervisor/flow.h"

/* What is written to a descriptor as it takes it, from a stream. */
struct stream_writer {
    int fd;
    struct stream *stream;
    struct watch out;
    void (*broken)(void *arg, int error); /* it takes no more, the stream is stopped; may be NULL */
    void *arg;
};

void stream_writer_init(struct stream_writer *k, int fd, struct stream *stream, void (*broken)(void *arg, int error),
                        void *arg);
/* Writes what there is and the descriptor takes; the rest follows by itself. */
void stream_writer_flush(struct stream_writer *k);
/* Writes no more. */
void stream_writer_stop(struct stream_writer *k);

int flow_set_nonblocking(int fd);
/* Connections are read only while there is a link. */
void connect_outage(bool is_down);

#endif

/* What is known of a build that failed, of its environment, and of what it names: facts for the diagnosis. Never is
 * anything fetched or written, and everything runs in the process of the run, whose end is the end of it. */
#ifndef PROXY_SUPERVISOR_INSPECT_H
#define PROXY_SUPERVISOR_INSPECT_H

/* argv of the run: MODULE (or a package, or the name that a file gives it), VERSION, FILE, each may be "", then the
 * build flags; NULL ends it. In the process of the run: its environment and directory are those of the build. notes: a
 * descriptor for records, ORDER_FACT as delve/signatures.h has them, and besides go.refused    what go says when it
 * refuses to speak of its environment; then what would have to be taken away for it (GOTOOLCHAIN, GOFLAGS, GOWORK) is
 * not known file.parent   open or closed, as file.state: the nearest directory of the file that is there; file.owner is
 * its owner when the file itself is missing Returns the exit status: 0. */
int inspect_main(int argc, char *const *argv, int notes);

#endif

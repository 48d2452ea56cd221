/* Modules in go's module cache: where they are, and whether what is there is what was fetched. Nothing here starts a
 * program, and nothing is written. */
#ifndef PROXY_SUPERVISOR_MODCACHE_H
#define PROXY_SUPERVISOR_MODCACHE_H

#include "dap/buf.h"
#include "proxy/supervisor/supervisor.h"

enum modcache_state {
    MODCACHE_UNKNOWN, /* it was never unpacked, there is no hash to compare with, or a part of it can't be read */
    MODCACHE_WHOLE,   /* the unpacked directory has the hash that go.sum, or else the cache, records */
    MODCACHE_DAMAGED, /* it has another one */
    MODCACHE_MISSING  /* it is not there, or only a part of it, though its zip file or a trace of it is */
};

/* Writes CACHE/MODULE@VERSION, and CACHE/cache/download/MODULE/@v/VERSION, as the cache spells them: each
 * SUPERVISOR_PATH_MAX bytes, NULL: it is not wanted. Return -1 with ENAMETOOLONG when one does not fit. */
int modcache_paths(const char *cache, const char *module, const char *version, char *tree, char *entry) MUST_USE;
/* Finds out which module@version a path below CACHE is of, from its unpacked directory or its files in
 * CACHE/cache/download. module and version: SUPERVISOR_PATH_MAX bytes each. Returns false when it is of none. */
bool modcache_of_path(const char *cache, const char *path, char *module, char *version);
/* Appends the unpacked directories of the cache, each with its NUL. What can't be read is passed over. */
void modcache_trees(const char *cache, struct buf *dirs);
/* Compares module@version in the cache with the hash in one of the files of sums (go.sum's format; paths,
 * NULL-terminated; missing ones are passed over), else with the hash in the cache. Reads the whole directory, in
 * pieces. */
enum modcache_state modcache_state(const char *cache, const char *const *sums, const char *module, const char *version);
/* Its word in a fact: whole, damaged, missing or unknown. */
const char *modcache_state_text(enum modcache_state state);

/* Whether something in the cache that is there can be read by this user, and changed, if only after its mode was: go
 * itself makes what it unpacks read-only. Sets errno when not: ENOENT, EACCES, EPERM (immutable), EROFS, ... */
bool modcache_is_ours(const char *path);

/* Appends the hash of a directory as golang.org/x/mod/sumdb/dirhash.Hash1 has it ("h1:..."), with prefix
 * (module@version) in the place of dir. Returns -1 with errno; nothing is appended then. */
int modcache_hash(struct buf *out, const char *dir, const char *prefix) MUST_USE;

#endif

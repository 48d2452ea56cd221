/* The module cache. Nobody edits what is in it: whatever is wrong there with a source file is damage, unless the module
 * is whole; then the module itself is at fault, or the index of it that go keeps in the build cache. */
#include "delve/signature_parts.h"
#include "delve/signature_rows.h"

static const char advice_modcache[] = "Make the ssh user the owner of the module cache (`sudo chown -R USER "
                                      "DIRECTORY`), or set GOMODCACHE of the target to a directory of that user.";
static const char advice_disk[] = "Free some space on the Go machine (`go clean -cache` frees a lot).";
static const char advice_index[] = "Run `go clean -cache` on the Go machine: the build cache keeps an index of the "
                                   "module as it was when it was damaged.";
static const char advice_broken[] =
    "Require another version of the module, or a newer Go: its files are as its author published them.";

#define DAMAGE(...) FACT_ROW(DELVE_NEEDS_MODCACHE, "cache-damaged", __VA_ARGS__, PURGE, MODCACHE, CLEAN_MODCACHE)
/* What a whole module may say, too. */
#define IF_DAMAGED(NEEDS, ...)                                                                                         \
    FACT_ROW(DELVE_NEEDS_DAMAGED | (NEEDS), "cache-damaged", __VA_ARGS__, PURGE, MODCACHE, CLEAN_MODCACHE)
#define CHANGED "the files of a module are not those that were fetched"
#define CLOSED(TEXT)                                                                                                   \
    FACT_ROW(DELVE_NEEDS_MODCACHE, "modcache-unusable", EITHER, TEXT,                                                  \
             "^(.*: )?(open|mkdir|stat|lstat|rename|link|chmod|remove|unlinkat|readdirent|fdopendir|lock|RLock|Lock|"  \
             "write|read|copy_file_range|chtimes|truncate) (.*): " TEXT "$",                                           \
             "--p", "the module cache cannot be read or written by this user", advice_modcache, "1.19-1.27", MODCACHE, \
             CLEAN_MODCACHE)

static const struct delve_signature rows[] = {
    ROW("modcache-unusable", BUILD, "module cache", "^(could not create module cache: |module cache not found: )", "",
        "the module cache cannot be used", advice_modcache, "source 1.19-1.27", MODCACHE, CLEAN_MODCACHE),
    ROW("modcache-unusable", BUILD, "failed to create cache directory", "^failed to create cache directory: ", "",
        "the module cache cannot be used", advice_modcache, "source 1.19-1.27", MODCACHE, CLEAN_MODCACHE),
    ROW("modcache-unusable", BUILD, " entry is relative",
        "^(GOMODCACHE|GOPATH) entry is relative; must be absolute path", "",
        "the module cache is named by a relative path",
        "Set GOMODCACHE of the target (or GOPATH in go.env) to an absolute path on the Go machine.", "1.19-1.27", NONE),
    CLOSED("permission denied"),
    CLOSED("read-only file system"),
    CLOSED("operation not permitted"),
    CLOSED("disk quota exceeded"),
    ROW("disk-full", EITHER, "no space left on device",
        "^(unzip |go build |creating work dir: |writing |copying |open |write |mkdir |compile: |asm: |rename |link: "
        "|/.*/(compile|link|asm|cgo|pack): |\\$WORK/).*: no space left on device$",
        "", "a disk of the Go machine is full", advice_disk, "source 1.19-1.27", NONE),

    /* Damage that was there before the first build stays in go's index of the module. */
    FACT_ROW(DELVE_NEEDS_MODCACHE | DELVE_NEEDS_HELD, "module-index-stale", BUILD, ".go:", DELVE_SYNTAX_ERROR, "",
             "the build cache keeps an index of a module that was damaged", advice_index, "1.19-1.27", GOCACHE),
    FACT_ROW(DELVE_NEEDS_MODCACHE | DELVE_NEEDS_HELD, "module-broken", COMPILER, ".go:", DELVE_SYNTAX_ERROR, "",
             "a module does not compile as it was published", advice_broken, "source 1.19-1.27", NONE),

    DAMAGE(BUILD, "unzip ", "^unzip (.*/@v/[^/]*\\.zip): .", "p", "an entry of the module cache is damaged",
           ADVICE_CACHE, "1.19-1.27"),
    DAMAGE(EITHER, "no such file or directory",
           "^(open|stat|lstat|read|readdirent|fdopendir) (.*[^/]@v[0-9][^/]*(/.*)?): no such file or directory$", "-p",
           "a file of the module cache is missing", ADVICE_CACHE, "1.19-1.27"),
    DAMAGE(
        BUILD, "/cache/download/",
        "^(open|stat|read) (.*/cache/download/.*/@v/[^/]*\\.(mod|zip|ziphash)): (no such file|input/output error|is a "
        "directory)",
        "-p", "a file of the module cache is missing", ADVICE_CACHE, "source 1.19-1.27"),
    DAMAGE(EITHER, "not a directory", "^(open|stat|lstat|read|readdirent|fdopendir|mkdir) (.*): not a directory$", "-p",
           "a directory of the module cache is damaged", ADVICE_CACHE, "source 1.19-1.27"),
    DAMAGE(EITHER, "is a directory", "^(open|stat|lstat|read) (.*): is a directory$", "-p",
           "a file of the module cache is damaged", ADVICE_CACHE, "source 1.19-1.27"),
    DAMAGE(EITHER, "input/output error", "^(open|stat|lstat|read) (.*): input/output error$", "-p",
           "a file of the module cache cannot be read", ADVICE_CACHE, "source 1.19-1.27"),
    DAMAGE(EITHER, "unexpected NUL", "^(read )?(/?[^ ]*\\.go): unexpected NUL in input$", "-p",
           "a source file in the module cache is damaged", ADVICE_CACHE, "1.19-1.27"),
    DAMAGE(EITHER, "found packages ", "^found packages .* in (.*)$", "p",
           "a source file in the module cache is truncated: its package clause is missing", ADVICE_CACHE, "1.19-1.27"),
    DAMAGE(EITHER, ".go:", DELVE_SYNTAX_ERROR, "", "a source file in the module cache is damaged", ADVICE_CACHE,
           "1.19-1.27"),
    DAMAGE(BUILD, "no matching files found", "^pattern .*: no matching files found$", "",
           "a file of the module cache is missing", ADVICE_CACHE, "source 1.19-1.27"),
    IF_DAMAGED(DELVE_NEEDS_MODCACHE, EITHER, ".go:", "^[^:]*[a-z]", "", CHANGED, ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(DELVE_NEEDS_MODCACHE, EITHER, "Go files in ",
               "^((package|imports) [^ ]+: )?(no (non-test )?Go files|build constraints exclude all Go files) in (.*)$",
               "----p", "files of a module are missing in the module cache", ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, BUILD, "no required module provides package", "^no required module provides package " PACKAGE, "m",
               "a directory of a module is missing in the module cache", ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, BUILD, "cannot find module providing package", "^cannot find module providing package " PACKAGE, "m",
               "a directory of a module is missing in the module cache", ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, BUILD, "does not contain package", "^module [^ ]+ found.*, but does not contain package " PACKAGE,
               "m", "a directory of a module is missing in the module cache", ADVICE_CACHE, "1.19-1.27"),
    /* Of a package that lost a file before its first build no more is said than this. */
    IF_DAMAGED(0, COMPILER, "undefined: ", "^undefined: ([A-Za-z_][A-Za-z0-9_]*)\\.[A-Za-z]", "m",
               "files of a module are missing or damaged in the module cache", ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, COMPILER, "arguments in call to ",
               "^(too many|not enough) arguments in call to ([A-Za-z_][A-Za-z0-9_]*)\\.[A-Za-z]", "-m", CHANGED,
               ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, COMPILER,
               "assignment mismatch: ", "^assignment mismatch: .* but ([A-Za-z_][A-Za-z0-9_]*)\\.[A-Za-z].* returns ",
               "m", CHANGED, ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, COMPILER, " undefined (type ", "^[^ ]+ undefined \\(type [*]*([A-Za-z_][A-Za-z0-9_]*)\\.[A-Za-z]",
               "m", CHANGED, ADVICE_CACHE, "1.19-1.27"),
    IF_DAMAGED(0, COMPILER, " in struct literal of type ",
               "^unknown field .* in struct literal of type ([A-Za-z_][A-Za-z0-9_]*)\\.[A-Za-z]", "m", CHANGED,
               ADVICE_CACHE, "1.20-1.27"),
    IF_DAMAGED(0, COMPILER, "cannot use ", "^cannot use ([A-Za-z_][A-Za-z0-9_]*)\\.[A-Za-z].* as ", "m", CHANGED,
               ADVICE_CACHE, "1.19-1.27"),

    /* An alias that is not used and a name that is not there is what the program's own mistakes look like, too. */
    FACT_ROW_WITH(DELVE_NEEDS_DAMAGED, "undefined: ", "cache-damaged", COMPILER, "imported and not used",
                  "^imported and not used: \"([^\"]+)\" as ([^ ]+)$", "ma",
                  "a source file in the module cache is truncated: its package clause is missing", ADVICE_CACHE, "1.19",
                  PURGE, MODCACHE, CLEAN_MODCACHE),
    FACT_ROW_WITH(DELVE_NEEDS_DAMAGED, "undefined: ", "cache-damaged", COMPILER, "imported as ",
                  "^\"([^\"]+)\" imported as ([^ ]+) and not used$", "ma",
                  "a source file in the module cache is truncated: its package clause is missing", ADVICE_CACHE,
                  "1.22-1.27", PURGE, MODCACHE, CLEAN_MODCACHE),
    FACT_ROW_WITH(DELVE_NEEDS_DAMAGED | DELVE_NEEDS_UNNAMED, "undefined: ", "cache-damaged", COMPILER,
                  "imported and not used", "^imported and not used: \"([^\"]+)\" as ([^ ]+)$", "m-", CHANGED,
                  ADVICE_CACHE, "1.19", PURGE, MODCACHE, CLEAN_MODCACHE),
    FACT_ROW_WITH(DELVE_NEEDS_DAMAGED | DELVE_NEEDS_UNNAMED, "undefined: ", "cache-damaged", COMPILER, "imported as ",
                  "^\"([^\"]+)\" imported as ([^ ]+) and not used$", "m-", CHANGED, ADVICE_CACHE, "1.22-1.27", PURGE,
                  MODCACHE, CLEAN_MODCACHE),
    FACT_ROW_WITH(DELVE_NEEDS_NO_FACTS, "undefined: ", "cache-damaged", COMPILER, "imported and not used",
                  "^imported and not used: \"([^\"]+)\" as ([^ ]+)$", "ma",
                  "a source file in the module cache is truncated: its package clause is missing", ADVICE_CACHE, "1.19",
                  PURGE, MODCACHE, CLEAN_MODCACHE),
    FACT_ROW_WITH(DELVE_NEEDS_NO_FACTS, "undefined: ", "cache-damaged", COMPILER, "imported as ",
                  "^\"([^\"]+)\" imported as ([^ ]+) and not used$", "ma",
                  "a source file in the module cache is truncated: its package clause is missing", ADVICE_CACHE,
                  "1.22-1.27", PURGE, MODCACHE, CLEAN_MODCACHE),
};

const struct delve_rows delve_rows_modcache = {rows, sizeof rows / sizeof rows[0]};

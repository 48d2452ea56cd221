#include "delve/signatures.h"

/* Sources of the texts: cmd/go/internal of Go 1.19 to 1.27 (modload, modfetch, load, toolchain), and what the go
   command printed in broken set-ups. The first row that matches any line counts: what forbids a remedy comes before
   what has one, what is special before what is general, what is only warned of last. */

#define MODULE "([^ @\":]+)"
#define VERSION "(v[0-9][^ \":/]*)"
#define PACKAGE "([^ ;:\"]+)"
/* How the go command tells a refused directory. */
#define REFUSED "(permission denied|read-only file system|operation not permitted|disk quota exceeded)"
/* A place in the module cache. */
#define CACHED "(/cache/download/.*|/cache|/pkg/mod|/pkg/mod/.*|@v[0-9][^/]*|@v[0-9][^/]*/.*)"
/* An entry of the build cache. */
#define BUILT "/[0-9a-f][0-9a-f]/[0-9a-f]{64}-[ad]"
/* What stands before the reason when something is fetched: all texts of the go command have one of these words. */
#define FETCHING "^(.*: )?(reading |Get \"|Post \"|unrecognized import path |git |https fetch: )"

/* The address of the machine itself, as dialled. */
#define LOOPBACK "(127\\.[0-9.]+[: ]|\\[?::1[] :])"

#define BUILD (DELVE_IN_BUILD | DELVE_IN_LOG)
#define ANY_LOG (DELVE_IN_LOG | DELVE_IN_LOG_ANY_LEVEL)
#define EITHER (DELVE_IN_BUILD | DELVE_IN_COMPILER)

#define NONE DELVE_REMEDY_NONE
#define RETRY DELVE_REMEDY_RETRY
#define DOWNLOAD DELVE_REMEDY_DOWNLOAD
#define TIDY DELVE_REMEDY_TIDY
#define MOD_MOD DELVE_REMEDY_MOD_MOD
#define WORK DELVE_REMEDY_WORK
#define WORK_OFF DELVE_REMEDY_WORK_OFF
#define PURGE DELVE_REMEDY_PURGE
#define GOCACHE DELVE_REMEDY_GOCACHE
#define CLEAN_MODCACHE DELVE_REMEDY_CLEAN_MODCACHE

static const char advice_checksum[] =
    "Compare go.sum with its history and ask the module's author: do not delete the line, do not turn the check off.";
static const char advice_sumdb[] =
    "For a private module set GOPRIVATE in go.env of the target; otherwise let the Go machine reach sum.golang.org.";
static const char advice_cache[] = "Nothing to do when the module was fetched again; otherwise run `go clean -modcache`"
                                   " on the Go machine, with its network up.";
static const char advice_gocache[] =
    "Run `go clean -cache` on the Go machine, or set GOCACHE of the target to a directory of the ssh user.";
static const char advice_modcache[] =
    "Give the module cache back to the ssh user (`chown -R`), or set GOMODCACHE of the target to one of his own.";
static const char advice_go[] = "Install that Go on the Go machine and name it with go.path of the target.";
static const char advice_modfile[] = "Correct the file at the line shown, on the Go machine.";
static const char advice_sync[] = "Copy the directory to the Go machine, or correct the path that names it.";
static const char advice_work[] = "Run `go work use .` in the module on the Go machine, or set GOWORK=off in env.";
static const char advice_vendor[] =
    "Run `go mod tidy` and `go mod vendor` (in a workspace `go work vendor`) on the Go machine.";
static const char advice_network[] =
    "Let the Go machine reach the module proxy, or set GOPROXY in go.env of the target.";
static const char advice_proxy[] =
    "Correct HTTP_PROXY and HTTPS_PROXY: they are set in env, in go.env of the target, or on the Go machine itself.";
static const char advice_login[] =
    "Give git on the Go machine its credentials or key for this repository, and set GOPRIVATE to it.";
static const char advice_import[] = "Correct the import, copy the package to the Go machine if it is your own, or set "
                                    "GOPRIVATE in go.env of the target if it is private.";
static const char advice_tidy[] = "Run `go mod tidy` in the module on the Go machine.";
static const char advice_sums[] = "Run `go mod download all` (or `go mod tidy`) in the module on the Go machine.";
static const char advice_disk[] = "Free some space on the Go machine (`go clean -cache` gives back much).";
static const char advice_program[] = "Check program, cwd and the target's paths, and that the files are there.";

#define FIELDS(NAME, PLACES, TEXT, PATTERN, NAMES, CAUSE, ADVICE, SEEN, ...)                                           \
    .name = (NAME), .places = (PLACES), .text = (TEXT), .pattern = (PATTERN), .names = (NAMES), .cause = (CAUSE),      \
    .advice = (ADVICE), .seen = (SEEN), .remedies = {__VA_ARGS__}
#define ROW(...)                                                                                                       \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__)                                                                                            \
    }
#define ROW_WITH(BELONGS, ...)                                                                                         \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .belongs = (BELONGS)                                                                      \
    }
#define CACHED_ROW(...)                                                                                                \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .is_in_cache = true                                                                       \
    }
#define SECURITY_ROW(...)                                                                                              \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .is_security = true                                                                       \
    }
#define SECURITY_ROW_WITH(BELONGS, ...)                                                                                \
    {                                                                                                                  \
        FIELDS(__VA_ARGS__), .is_security = true, .belongs = (BELONGS)                                                 \
    }

static const struct delve_signature table[] = {

    /* Checksums: go.sum and the checksum database are the judges. */
    SECURITY_ROW_WITH("reported by the checksum server", "checksum-database-mismatch", BUILD, "checksum mismatch",
                      "^verifying " MODULE "@" VERSION "(/go\\.mod)?: checksum mismatch$", "mv",
                      "the bytes fetched are not those that the checksum database knows", advice_checksum,
                      "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database-mismatch", BUILD, "checksum mismatch",
                 "^verifying (module|go\\.mod): checksum mismatch$", "-",
                 "the bytes fetched are not those that the checksum database knows", advice_checksum,
                 "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-mismatch", BUILD, "checksum mismatch",
                 "^verifying " MODULE "@" VERSION "(/go\\.mod)?: checksum mismatch$", "mv",
                 "the module is not the one that go.sum records", advice_checksum, "1.19-1.27", PURGE),
    ROW("cache-damaged", BUILD, "ziphash",
        "^verifying " MODULE "@" VERSION ": (unexpected ziphash|missing ziphash|open .*\\.ziphash: )", "mv",
        "an entry of the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW("cache-damaged", BUILD, "verifying ",
        "^verifying " MODULE "@" VERSION ": (open .*: no such file|zip: |unexpected EOF)", "mv",
        "an entry of the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    SECURITY_ROW("checksum-database", BUILD, "verifying ", "^verifying (module|go\\.mod|[^ :]+@v[^ :]+): .", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database", BUILD, "sumdb", "^(.*: )?(checksum missing from sumdb|initializing sumdb)", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),
    SECURITY_ROW("checksum-database", BUILD, "GOSUMDB",
                 "^(.*: )?(checksum database disabled by GOSUMDB=off|missing GOSUMDB|invalid GOSUMDB)", "",
                 "the checksum database does not vouch for a module", advice_sumdb, "source 1.19-1.27", NONE),

    /* Module files that cannot be read. */
    ROW_WITH("errors parsing |parsing [^\n]*go\\.mod", "go-too-old", BUILD, "invalid go version",
             "^invalid go version '[^']*': must match format", "", "a go.mod is written for a newer Go", advice_go,
             "source 1.19-1.20", NONE),
    ROW_WITH("errors parsing |parsing [^\n]*go\\.mod", "go-too-old", BUILD, "unknown ",
             "^unknown (directive|block type): (toolchain|godebug|tool|ignore)$", "",
             "a go.mod is written for a newer Go", advice_go, "source 1.19-1.23", NONE),
    ROW_WITH("errors parsing ", "module-file-syntax", BUILD,
             "unknown directive: ", "^unknown directive: (<<<<<<<|=======|>>>>>>>|\\|\\|\\|\\|\\|\\|\\|)", "",
             "a merge conflict was left in a go.mod or go.work",
             "Settle the merge conflict at the line shown, on the Go machine.", "1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "errors parsing ", "^errors parsing .*\\.(mod|work):$", "",
        "a go.mod or go.work cannot be read", advice_modfile, "1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "no module declaration", "^no module declaration in go\\.mod", "",
        "a go.mod lacks its module line", "Run `go mod edit -module=PATH` in the module on the Go machine.",
        "source 1.19-1.27", NONE),
    ROW("module-file-syntax", BUILD, "reading go.work: ", "^reading go\\.work: ", "", "a go.work cannot be read",
        advice_modfile, "source 1.19-1.27", NONE),
    ROW("go-sum-malformed", BUILD, "malformed go.sum", "^malformed go\\.sum:$", "", "a line of go.sum is malformed",
        "Delete the line shown from go.sum and run `go mod tidy`, on the Go machine.", "1.22-1.27", NONE),
    ROW_WITH("module declares its path as", "module-path-mismatch", BUILD, "parsing ", "^parsing .*go\\.mod:$", "",
             "a module calls itself by another path than the one it is required by",
             "Correct the module's path in go.mod's require or replace line.", "source 1.19-1.27", NONE),
    ROW("cache-damaged", BUILD, "/cache/download/", "^parsing .*/cache/download/.*/@v/[^/]*\\.mod: .", "",
        "an entry of the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW("conflicting-replacements", BUILD, "conflicting replacements",
        "^conflicting replacements (found )?for " MODULE "(@" VERSION ")?( in |:)", "-m-v",
        "two modules of the workspace replace one module differently", "Settle it in go.work, as Go says.",
        "source 1.19-1.27", NONE),

    /* What a module asks for and the Go machine has not. */
    ROW("replacement-missing", BUILD, "replacement directory ", "^replacement directory (.*) does not exist$", "f",
        "the directory that a replace line names is missing", advice_sync, "1.19-1.27", NONE),
    ROW("replacement-missing", BUILD, "replacement directory ", "^replacement directory ([^:]*): .", "f",
        "the directory that a replace line names cannot be used", advice_sync, "source 1.19-1.27", NONE),
    ROW("replacement-missing", BUILD, "(replaced by ",
        "^(.*: )?" MODULE "@" VERSION " \\(replaced by [^)]*\\): reading (.*): open ", "-mvf",
        "the directory that a replace line names has no go.mod", advice_sync, "1.19-1.27", NONE),
    ROW("go-too-old", BUILD,
        " requires go >= ", "^(.*: )?(module )?([^ \":@]*go\\.(mod|work)) requires go >= [^ ]+ \\(running go ", "--f",
        "a module needs a newer Go", advice_go, "1.22-1.27", NONE),
    ROW("go-too-old", BUILD,
        " requires go >= ", "^(.*: )?(module )?" MODULE "@([^ \":/]+) requires go >= [^ ]+ \\(running go ", "--mv",
        "a module needs a newer Go", advice_go, "1.22-1.27", NONE),
    ROW("go-too-old", BUILD, "toolchain not available", "^download go[^ ]+ for [^ ]+: toolchain not available$", "",
        "the Go toolchain that go.mod asks for cannot be had", advice_go, "1.22-1.27", NONE),
    ROW("go-too-old", BUILD, "cannot find \"go", "^cannot find \"go[0-9][^\"]*\" in PATH", "",
        "the Go toolchain that is asked for is not on the Go machine", advice_go, "source 1.21-1.27", NONE),
    ROW("go-too-old", DELVE_IN_COMPILER, "note: module requires Go", "^note: module requires Go [0-9]", "",
        "a module needs a newer Go", advice_go, "source 1.19-1.20", NONE),
    ROW("no-go-mod", BUILD, "go.mod file not found",
        "^(no required module provides package [^ ]+: )?go\\.mod file not found in current directory", "",
        "there is no go.mod at or above the program",
        "Copy go.mod to the Go machine, or correct program and the target's paths.", "1.19-1.27", NONE),
    ROW("no-go-mod", BUILD, "cannot find main module", "^cannot find main module(,|;|$)", "",
        "there is no go.mod at or above the program",
        "Copy go.mod to the Go machine, or correct program and the target's paths.", "source 1.19-1.27", NONE),

    /* Workspaces. */
    ROW("workspace-empty", BUILD, "no modules were found in the current workspace",
        "^no modules were found in the current workspace", "", "go.work uses no module", advice_work,
        "source 1.19-1.27", WORK_OFF),
    ROW("not-in-workspace", BUILD, "not one of the workspace modules",
        "^(current directory|directory .*) is contained in a module that is not one of the workspace modules listed in "
        "go\\.work",
        "", "go.work does not use the program's module", advice_work, "1.19-1.27", WORK, WORK_OFF),
    ROW("not-in-workspace", BUILD, "outside modules listed in go.work",
        "^directory .* outside modules listed in go\\.work or their selected dependencies", "",
        "go.work does not use the program's module", advice_work, "source 1.19-1.27", WORK, WORK_OFF),
    ROW("workspace-go-version", BUILD, " listed in go.work ", "^module .* listed in go\\.work( file)? requires go >= ",
        "", "go.work names an older Go than one of its modules",
        "Run `go work use` in the workspace on the Go machine.", "source 1.21-1.27", WORK, WORK_OFF),
    ROW("workspace-module-missing", BUILD, "listed in go.work file",
        "^cannot load module (.+ )?listed in go\\.work file: open (.*): (no such file|not a directory)", "-f",
        "a module that go.work uses is missing",
        "Copy the module to the Go machine, or drop its use line from go.work.", "1.22-1.27", WORK_OFF),
    ROW("module-file-syntax", BUILD, "listed in go.work file", "^cannot load module (.+ )?listed in go\\.work file: ",
        "", "a module that go.work uses cannot be read", advice_modfile, "source 1.19-1.27", NONE),
    ROW("workspace-module-missing", BUILD, "go.mod: no such file", "^open (.*/go\\.mod): no such file or directory$",
        "f", "a module that go.work uses is missing",
        "Copy the module to the Go machine, or drop its use line from go.work.", "1.19", WORK_OFF),
    ROW("workspace-conflict", BUILD, "appears multiple times in workspace",
        "^path .* appears multiple times in workspace$", "", "go.work uses one directory twice", advice_modfile,
        "source 1.19-1.27", WORK_OFF),

    /* Vendoring. */
    ROW("vendor-inconsistent", BUILD, "inconsistent vendoring in ", "^inconsistent vendoring in .*:$", "",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "1.19-1.27", MOD_MOD),
    ROW("vendor-inconsistent", BUILD, "should be required explicitly in go.mod",
        "^vendored module " MODULE "@" VERSION " should be required explicitly in go\\.mod", "mv",
        "vendor/modules.txt does not agree with go.mod", advice_vendor, "source 1.19-1.27", MOD_MOD),
    ROW("vendor-package-missing", BUILD, "lookup disabled by -mod=vendor",
        "^(cannot find module providing package " PACKAGE ": )?(import|module) lookup disabled by -mod=vendor", "-m",
        "a package is missing from vendor/", advice_vendor, "1.22-1.27", MOD_MOD),
    ROW("vendor-package-missing", BUILD, "due to -mod=vendor", "^(.*: )?cannot query module due to -mod=vendor", "",
        "a package is missing from vendor/", advice_vendor, "source 1.19-1.27", MOD_MOD),
    ROW_WITH("\n\t[^\n]*/vendor/[^\n]*$", "vendor-package-missing", BUILD,
             "cannot find package \".\" in:", "^cannot find package \"\\.\" in:$", "",
             "a package is missing from vendor/", advice_vendor, "1.19", MOD_MOD),

    /* The build cache. */
    ROW("gocache-damaged", BUILD, "corrupt index", "^corrupt index$", "", "the build cache is damaged", advice_gocache,
        "1.19-1.27", GOCACHE),
    ROW_WITH("^/[^\n]*/src/[^\n:]*\\.go:[0-9:]+ package ", "gocache-damaged", BUILD, " is not in ",
             "^package [^ ]+ is not in (std|GOROOT)( \\(.*)?$", "",
             "the build cache is full or damaged: Go does not find its own packages", advice_gocache, "1.19-1.27",
             GOCACHE),
    ROW("gocache-damaged", DELVE_IN_COMPILER, "could not import ",
        "^could not import [^ ]+ \\((open|reading|read) .*" BUILT, "", "the build cache is damaged", advice_gocache,
        "source 1.19-1.27", GOCACHE),
    ROW("gocache-damaged", DELVE_IN_COMPILER, "could not import ",
        "^could not import [^ ]+ \\((not an object file|not a package file|object is \\[|import data|reading export "
        "data|unexpected export|file header)",
        "", "the build cache is damaged", advice_gocache, "source 1.19-1.27", GOCACHE),
    ROW("gocache-unusable", EITHER, "-",
        "^(go build [^ ]+: )?(open|write|mkdir|rename|stat|chtimes|remove) .*" BUILT ": .", "",
        "the build cache cannot be written or read", advice_gocache, "source 1.19-1.27", GOCACHE),
    ROW("gocache-unusable", BUILD, "failed to initialize build cache at ", "^failed to initialize build cache at .*: ",
        "", "the build cache cannot be written", advice_gocache, "1.19-1.27", GOCACHE),
    ROW("gocache-unusable", BUILD, "build cache is ",
        "^build cache is (required, but could not be located: |disabled by GOCACHE=off)", "", "there is no build cache",
        "Set GOCACHE of the target to an absolute path on the Go machine.", "1.19-1.27", GOCACHE),

    /* The module cache. */
    ROW("modcache-unusable", BUILD, "module cache", "^(could not create module cache: |module cache not found: )", "",
        "the module cache cannot be used", advice_modcache, "source 1.19-1.27", CLEAN_MODCACHE),
    ROW("modcache-unusable", BUILD, "failed to create cache directory", "^failed to create cache directory: ", "",
        "the module cache cannot be used", advice_modcache, "source 1.19-1.27", CLEAN_MODCACHE),
    ROW("modcache-unusable", BUILD, " entry is relative",
        "^(GOMODCACHE|GOPATH) entry is relative; must be absolute path", "",
        "the module cache is named by a relative path",
        "Set GOMODCACHE of the target (or GOPATH in go.env) to an absolute path on the Go machine.", "1.19-1.27", NONE),
    ROW("modcache-unusable", BUILD, "permission denied",
        "^(unzip .*: )?(open|mkdir|stat|lstat|rename|link|chmod|remove|unlinkat|readdirent|fdopendir|lock) .*" CACHED
        ": permission denied$",
        "", "the module cache cannot be read or written", advice_modcache, "1.19-1.27", CLEAN_MODCACHE),
    ROW("modcache-unusable", BUILD, "read-only file system",
        "^(unzip .*: )?(open|mkdir|stat|lstat|rename|link|chmod|remove|unlinkat|readdirent|fdopendir|lock) .*" CACHED
        ": read-only file system$",
        "", "the module cache cannot be read or written", advice_modcache, "1.19-1.27", CLEAN_MODCACHE),
    ROW("disk-full", EITHER, "no space left on device",
        "^(unzip |go build |creating work dir: |writing |copying |open |write |mkdir |compile: |asm: |rename |link: "
        "|/.*/(compile|link|asm|cgo|pack): |\\$WORK/).*: no space left on device$",
        "", "a disk of the Go machine is full", advice_disk, "source 1.19-1.27", NONE),
    ROW("cache-damaged", BUILD, "unzip ", "^unzip .*/@v/[^/]*\\.zip: .", "", "an entry of the module cache is damaged",
        advice_cache, "1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW("cache-damaged", EITHER, "no such file or directory",
        "^(open|stat|lstat|read) .*[^/]@v[0-9][^/]*/.*: no such file or directory$", "",
        "a file of the module cache is missing", advice_cache, "1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW("cache-damaged", BUILD, "/cache/download/",
        "^(open|stat|read) .*/cache/download/.*/@v/[^/]*\\.(mod|zip|ziphash): (no such file|input/output error|is a "
        "directory)",
        "", "a file of the module cache is missing", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    CACHED_ROW("cache-damaged", EITHER, "EOF", "^(syntax error: unexpected EOF|expected '?package'?, found '?EOF'?)",
               "", "a source file in the module cache is cut off", advice_cache, "source 1.19-1.27", PURGE,
               CLEAN_MODCACHE),
    CACHED_ROW("cache-damaged", EITHER, "package statement must be first",
               "^syntax error: package statement must be first", "", "a source file in the module cache is cut off",
               advice_cache, "1.19-1.27", PURGE, CLEAN_MODCACHE),
    CACHED_ROW("cache-damaged", EITHER, "not terminated",
               "^(string|raw string literal|raw string|comment|rune literal|string literal) not terminated", "",
               "a source file in the module cache is cut off", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    CACHED_ROW("cache-damaged", EITHER, "NUL", "^(invalid NUL character|illegal character NUL)", "",
               "a source file in the module cache is damaged", advice_cache, "1.19-1.27", PURGE, CLEAN_MODCACHE),
    CACHED_ROW("cache-damaged", EITHER, "UTF-8 encoding", "^(invalid|illegal) UTF-8 encoding", "",
               "a source file in the module cache is damaged", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    CACHED_ROW("cache-damaged", BUILD, "no matching files found", "^pattern .*: no matching files found$", "",
               "a file of the module cache is missing", advice_cache, "source 1.19-1.27", PURGE, CLEAN_MODCACHE),
    ROW_WITH("undefined: ", "cache-damaged", DELVE_IN_COMPILER, "imported ",
             "^imported and not used: \"([^\"]+)\" as [^ ]+$", "m",
             "a source file in the module cache is cut off: its package has lost its name", advice_cache, "1.19", PURGE,
             CLEAN_MODCACHE),
    ROW_WITH("undefined: ", "cache-damaged", DELVE_IN_COMPILER, "imported as ",
             "^\"([^\"]+)\" imported as [^ ]+ and not used$", "m",
             "a source file in the module cache is cut off: its package has lost its name", advice_cache, "1.22-1.27",
             PURGE, CLEAN_MODCACHE),

    /* The environment of the build. */
    ROW("goroot", BUILD, "cannot find GOROOT directory", "^cannot find GOROOT directory: ", "", "GOROOT is wrong",
        "Remove GOROOT from the environment on the Go machine, or correct it in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("goroot", EITHER, " does not match go tool version ",
        "^(compile|asm|link|cgo|vet): version \"[^\"]*\" does not match go tool version ", "",
        "GOROOT is that of another Go",
        "Remove GOROOT from the environment on the Go machine, or correct it in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("goflags", BUILD, "parsing $GOFLAGS", "^parsing \\$GOFLAGS: ", "", "GOFLAGS holds what go does not take",
        "Correct GOFLAGS in env, in go.env of the target, or in `go env GOFLAGS` of the Go machine.", "1.19-1.27",
        NONE),
    ROW("goflags", BUILD, "-mod", "^-mod(=.* not supported| may only be set to )", "",
        "-mod has a value that go does not take here", "Correct -mod in GOFLAGS or buildFlags.", "1.19-1.27", NONE),
    ROW("module-mode-off", BUILD, " in any of:", "^cannot find package \"[^\"]*\" in any of:$", "",
        "modules are turned off", "Remove GO111MODULE from the environment on the Go machine.", "1.19-1.27", NONE),
    ROW("module-mode-off", BUILD, "GO111MODULE",
        "^(modules disabled by GO111MODULE=off|unknown environment setting GO111MODULE=)", "", "modules are turned off",
        "Remove GO111MODULE from the environment on the Go machine.", "source 1.19-1.27", NONE),
    ROW("work-directory", BUILD, "creating work dir: ", "^creating work dir: ", "",
        "the build has no directory for its work",
        "Start again; GOTMPDIR and TMPDIR must name directories of the Go machine.", "1.19-1.27", NONE),

    /* Fetching. */
    ROW("credentials", BUILD, "fatal: could not read ", "^(.*: )?fatal: could not read (Username|Password) for ", "",
        "a repository asks for credentials", advice_login, "source 1.19-1.27", NONE),
    ROW("credentials", BUILD, "Authentication failed", "^(.*: )?fatal: Authentication failed for ", "",
        "a repository refuses the credentials", advice_login, "source 1.19-1.27", NONE),
    ROW("credentials", BUILD, "Permission denied (publickey", "^(.*: )?[^ ]+: Permission denied \\(publickey", "",
        "a repository refuses the key", advice_login, "source 1.19-1.27", NONE),
    ROW("credentials", BUILD, "Host key verification failed", "^(.*: )?Host key verification failed\\.?$", "",
        "a repository's host key is not known", advice_login, "source 1.19-1.27", NONE),
    ROW("credentials", BUILD, ": 40", FETCHING ".*: (401 Unauthorized|403 Forbidden|407 Proxy Authentication Required)",
        "", "a module's server asks for credentials",
        "Give go on the Go machine its credentials (~/.netrc), or set GOPROXY and GOPRIVATE in go.env of the target.",
        "source 1.19-1.27", NONE),
    ROW("lookup-disabled", BUILD, "lookup disabled by GOPROXY=off", "^(.*: )?module lookup disabled by GOPROXY=off", "",
        "a module is not in the cache and GOPROXY=off forbids to fetch it",
        "Fetch it on the Go machine with the network on, or set GOPROXY in go.env of the target.", "1.19-1.27", NONE),
    ROW("package-not-found", BUILD, "cannot find module providing package",
        "^cannot find module providing package " PACKAGE ": .*(: no such file or directory|: 404 Not Found|: 410 Gone)",
        "m", "no module that can be had holds the package", advice_import, "1.19-1.27", NONE),
    ROW("not-on-proxy", BUILD, "reading file://",
        "^(.*: )?reading file://.*: (no such file or directory|not a directory|permission denied)", "",
        "the file proxy lacks a module",
        "Add the module to the directory that GOPROXY names, or set GOPROXY in go.env of the target.", "1.19-1.27",
        NONE),
    ROW("not-on-proxy", BUILD, ": 4", FETCHING ".*: (404 Not Found|410 Gone)", "",
        "the module proxy does not know a module or its version",
        "Correct the version in go.mod; for a private module set GOPRIVATE in go.env of the target.",
        "source 1.19-1.27", NONE),
    ROW("certificate", BUILD, "x509: ", FETCHING ".*x509: ", "", "the module proxy's certificate is not trusted",
        "Let the Go machine trust the proxy's certificate, or set GOPROXY in go.env of the target.", "source 1.19-1.27",
        NONE),
    ROW("loopback-proxy", BUILD, "proxyconnect tcp: ", FETCHING ".*: proxyconnect tcp: .*dial (tcp|udp)[46]? " LOOPBACK,
        "", "the proxy that is set is one on the Go machine's own loopback, and none listens there", advice_proxy,
        "1.19-1.27", NONE),
    ROW("loopback-proxy", BUILD, "socks connect tcp ", FETCHING ".*: (proxyconnect tcp: )?socks connect tcp " LOOPBACK,
        "", "the proxy that is set is one on the Go machine's own loopback, and none listens there", advice_proxy,
        "source 1.19-1.27", NONE),
    ROW("loopback-proxy", BUILD, "fatal: unable to access",
        "^(.*: )?fatal: unable to access 'https?://[^']*': Failed to connect to (" LOOPBACK "|localhost )", "",
        "the proxy that is set is one on the Go machine's own loopback, and none listens there", advice_proxy,
        "source 1.19-1.27", NONE),
    ROW("network", BUILD, "dial ", FETCHING ".*: dial (tcp|udp)[ :]", "",
        "the module proxy or a repository cannot be reached", advice_network, "1.19-1.27", RETRY),
    ROW("network", BUILD, "timeout", FETCHING ".*(i/o timeout|TLS handshake timeout)( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "Client.Timeout exceeded", FETCHING ".*Client\\.Timeout exceeded", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "no such host", FETCHING ".*: no such host( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "connection refused", FETCHING ".*: connection refused( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "connection reset", FETCHING ".*: connection reset by peer( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "network is unreachable", FETCHING ".*: network is unreachable( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "EOF", FETCHING ".*: (unexpected )?EOF( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "context deadline exceeded", FETCHING ".*: context deadline exceeded( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "no route to host", FETCHING ".*: no route to host( .*)?$", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "50", FETCHING ".*: (50[0-9] [A-Z])", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "429 Too Many Requests", FETCHING ".*: 429 Too Many Requests", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "fatal: unable to access", "^(.*: )?fatal: unable to access '[^']*': ", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "stream error: ", FETCHING ".*: (http2: .*|)stream error: ", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "ssh: ", "^(.*: )?ssh: (Could not resolve hostname|connect to host) ", "",
        "the module proxy or a repository cannot be reached", advice_network, "source 1.19-1.27", RETRY),
    ROW("network", BUILD, "unexpected EOF", "^(.*: )?unexpected EOF$", "", "a download was cut off", advice_network,
        "source 1.19-1.27", RETRY),
    ROW("proxy-damaged", BUILD, "zip: not a valid zip file", "^(.*: )?zip: not a valid zip file", "",
        "the module proxy gives out a damaged zip",
        "Set GOPROXY in go.env of the target to another proxy, or mend this one.", "1.19-1.27", NONE),
    ROW("proxy-damaged", BUILD, " has unexpected file ", "^(.*: )?zip for [^ ]+ has unexpected file ", "",
        "the module proxy gives out a damaged zip",
        "Set GOPROXY in go.env of the target to another proxy, or mend this one.", "source 1.19-1.27", NONE),
    ROW("proxy-wrong", BUILD, "invalid response from proxy", "^(.*: )?invalid response from proxy ", "",
        "GOPROXY names no proxy of modules", "Correct GOPROXY in go.env of the target.", "source 1.19-1.27", NONE),
    ROW("proxy-wrong", BUILD, " proxy URL", "^(.*: )?invalid (file:// )?proxy URL", "",
        "GOPROXY names no proxy of modules", "Correct GOPROXY in go.env of the target.", "source 1.19-1.27", NONE),
    ROW("proxy-wrong", BUILD, "GOPROXY list is not the empty string",
        "^(.*: )?GOPROXY list is not the empty string, but contains no entries", "",
        "GOPROXY names no proxy of modules", "Correct GOPROXY in go.env of the target.", "source 1.19-1.27", NONE),
    ROW("not-on-proxy", BUILD, "unrecognized import path", "^(.*: )?unrecognized import path \"[^\"]*\"", "",
        "an import path leads to no repository",
        "Correct the version in go.mod; for a private module set GOPRIVATE in go.env of the target.",
        "source 1.19-1.27", NONE),
    ROW("not-on-proxy", BUILD, "invalid version: ", "^(.*: )?invalid version: ", "", "a module has no such version",
        "Correct the version in go.mod; for a private module set GOPRIVATE in go.env of the target.",
        "source 1.19-1.27", NONE),
    ROW("not-on-proxy", BUILD, "no matching versions for query", "^(.*: )?no matching versions for query \"", "",
        "a module has no such version",
        "Correct the version in go.mod; for a private module set GOPRIVATE in go.env of the target.",
        "source 1.19-1.27", NONE),
    ROW("not-on-proxy", BUILD, "unknown revision", "^(.*: )?unknown revision ", "", "a module has no such version",
        "Correct the version in go.mod; for a private module set GOPRIVATE in go.env of the target.",
        "source 1.19-1.27", NONE),
    ROW("malformed-path", BUILD, "malformed ", "^(.*: )?malformed (file|import|module) path \"[^\"]*\": ", "",
        "a path cannot be one of a module, a package or a file of theirs", "Correct or rename it.", "source 1.19-1.27",
        NONE),

    /* What go.mod and go.sum lack. */
    ROW("go-sum-missing", BUILD, "missing go.sum entry", "^missing go\\.sum entry( for go\\.mod file)?(; to add it:)?$",
        "", "go.sum lacks an entry", advice_sums, "1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-sum-missing", BUILD, "missing go.sum entry",
        "^missing go\\.sum entry for module providing package " PACKAGE, "m", "go.sum lacks an entry", advice_sums,
        "1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-sum-missing", BUILD, "missing go.sum entry", "^missing go\\.sum entry needed to verify package " PACKAGE,
        "m", "go.sum lacks an entry", advice_sums, "source 1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-sum-missing", BUILD, "updates to go.sum needed", "^updates to go\\.sum needed(,|;|$)", "",
        "go.sum lacks an entry", advice_sums, "source 1.19-1.27", DOWNLOAD, TIDY, WORK),
    ROW("go-work-outdated", BUILD, "updates to go.work", "^updates to go\\.work(\\.sum)? needed(,|;|$)", "",
        "go.work or its sums are not up to date", "Run `go work sync` in the workspace on the Go machine.",
        "source 1.21-1.27", WORK, WORK_OFF),
    ROW("go-mod-outdated", BUILD, "updates to go.mod needed", "^updates to go\\.mod needed(,|;|$)", "",
        "go.mod is not up to date", advice_tidy, "1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD, "no required module provides package",
        "^no required module provides package " PACKAGE "(;|: import lookup disabled|: cannot query|$)", "m",
        "go.mod lacks a requirement, or a package was not copied to the Go machine",
        "Run `go mod tidy` in the module on the Go machine; for a package of your own, check that it was copied there.",
        "1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD, "from implicitly required module",
        "^package [^ ]+ imports [^ ]+ from implicitly required module", "", "go.mod lacks a requirement", advice_tidy,
        "source 1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD, "is replaced but not required",
        "^module " MODULE "(@" VERSION ")? provides package [^ ]+ and is replaced but not required", "m-v",
        "go.mod lacks a requirement", advice_tidy, "source 1.19-1.27", TIDY),
    ROW("requirement-missing", BUILD,
        "missing module for import: ", "^missing module for import: " MODULE "@" VERSION " provides ", "mv",
        "go.mod lacks a requirement", advice_tidy, "source 1.19-1.27", TIDY),
    ROW("ambiguous-import", BUILD,
        "ambiguous import: ", "^ambiguous import: found package " PACKAGE " in multiple (modules|directories):", "m",
        "two modules hold the same package", "Drop one of the two with `go get MODULE@none`, on the Go machine.",
        "source 1.19-1.27", TIDY),

    /* What no module has, and what the program's own files lack. */
    ROW("package-not-found", BUILD, "does not contain package",
        "^(.*: )?module " MODULE "@[^ ]+ found( \\(" VERSION "[^)]*\\))?, but does not contain package", "-m-v",
        "a module that is required does not hold the package",
        "Correct the import, or copy the package to the Go machine if it is your own.", "source 1.19-1.27", NONE),
    ROW("package-not-found", BUILD, "not contain package", "^(.*: )?main module \\([^)]*\\) does not contain package ",
        "", "the program's module does not hold the package", advice_sync, "source 1.19-1.27", NONE),
    ROW("package-not-found", BUILD, "but not at required version",
        "^package [^ ]+ provided by " MODULE " at latest version " VERSION " but not at required version ", "mv",
        "the version required does not hold the package", "Run `go get` for the package, on the Go machine.",
        "source 1.19-1.27", NONE),
    ROW("package-not-found", BUILD, "cannot find module providing package",
        "^cannot find module providing package " PACKAGE, "m", "no module that can be had holds the package",
        advice_import, "1.19-1.27", NONE),
    ROW("package-not-found", BUILD, " is not in ", "^package " PACKAGE " is not in (std|GOROOT)( \\(.*)?$", "m",
        "the standard library does not hold the package",
        "Correct the import, copy the package to the Go machine if it is your own, or update Go.", "1.19-1.27", NONE),
    ROW("import-cycle", BUILD, "import cycle not allowed", "^imports .*: import cycle not allowed( in test)?$", "",
        "packages import each other in a circle", "Break the circle at one of the imports shown.", "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "no matching files found", "^pattern .*: no matching files found$", "",
        "a file that the program embeds is missing", "Copy the file to the Go machine, or correct the pattern.",
        "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "build constraints exclude all Go files",
        "^(package [^ ]+: )?build constraints exclude all Go files in (.*)$", "-f",
        "no file fits the tags and the system", "Check -tags in buildFlags, GOOS and GOARCH.", "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "Go files in ", "^(package [^ ]+: )?no (non-test )?Go files in (.*)$", "--f",
        "program names a directory without Go files", advice_program, "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "directory not found", "^stat (.*): directory not found$", "f",
        "program is not there on the Go machine", advice_program, "1.19-1.27", NONE),
    ROW("files-missing", BUILD, "outside main module",
        "^directory (.*) outside main module or its selected dependencies$", "f", "program lies outside its module",
        advice_program, "source 1.19-1.27", NONE),

    /* Building on this machine. */
    ROW("output-unwritable", EITHER, "copying ", "^([^ :]+: )?go build [^ ]+: copying .*: " REFUSED "$", "",
        "the binary cannot be written", "Give the directory to the ssh user, or set output to a place of his own.",
        "1.19-1.27", NONE),
    ROW("build-killed", EITHER, "signal: killed", "^(go build [^ ]+: )?/[^:]*/[a-z0-9]+: signal: killed$", "",
        "the kernel ended the build, most often for lack of memory",
        "Free memory on the Go machine, or build with -p=1 in buildFlags.", "source 1.19-1.27", NONE),
    ROW("binary-busy", EITHER, "text file busy",
        "^([^ :]+: )?(go build [^ ]+: )?(copying |open |fork/exec |rename ).*: text file busy$", "",
        "an old process of this binary still runs", "End it on the Go machine and try again.", "source 1.19-1.27",
        NONE),
    ROW("c-compiler", EITHER, "C compiler ", "^C compiler \"[^\"]*\" not found", "", "cgo has no C compiler",
        "Install a C compiler on the Go machine, or set CGO_ENABLED=0 in env.", "source 1.19-1.27", NONE),
    ROW("version-control", BUILD, "error obtaining VCS status", "^error obtaining VCS status: ", "",
        "git does not let go read the state of the source",
        "Add -buildvcs=false to buildFlags, or let git trust the directory (safe.directory).", "source 1.19-1.27",
        NONE),

    /* Names that guides to Delve's debug log give; no Delve from 1.20 to 1.27 writes them. */
    ROW("log-load-graph", ANY_LOG, "modload.LoadGraph",
        "^(could not (re)?build process: )?modload\\.LoadGraph([]:;,.() ]|$)", "",
        "the module graph could not be loaded", advice_sums, "guides only", DOWNLOAD, TIDY),
    ROW("log-load-pattern", ANY_LOG, "modload.loadPattern",
        "^(could not (re)?build process: )?modload\\.loadPattern([]:;,.() ]|$)", "",
        "the packages to build could not be loaded", advice_tidy, "guides only", TIDY),
    ROW("log-mismatch", ANY_LOG, "modload.mismatch",
        "^(could not (re)?build process: )?modload\\.mismatch([]:;,.() ]|$)", "",
        "the versions in the module graph do not agree", advice_tidy, "guides only", TIDY),
    ROW("log-directory-missing", ANY_LOG, "dirNotExistsError",
        "^(could not (re)?build process: )?dirNotExistsError([]:;,.() ]|$)", "",
        "a directory that the module graph names is missing", advice_sync, "guides only", NONE),

    /* Only warned of: it counts when nothing else says why the build failed. */
    ROW("modcache-unusable", BUILD, "writing ", "^writing (go\\.mod|stat|lookup|list) cache: .*" REFUSED "$", "",
        "the module cache cannot be written", advice_modcache, "1.19-1.27", CLEAN_MODCACHE),
};

const struct delve_signature *delve_signatures(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

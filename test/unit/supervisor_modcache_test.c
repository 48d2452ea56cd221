/* SHA-256, the hash of a module's directory, and what the cache of the real go holds. */
#include "test/unit/remedy_world.h"

#include "proxy/supervisor/modcache.h"
#include "proxy/supervisor/modfile.h"
#include "proxy/supervisor/sha256.h"

static const char *hex_of(const struct sha256 *hashed)
{
    static char text[2 * SHA256_SIZE + 1];
    unsigned char digest[SHA256_SIZE];
    struct sha256 s = *hashed;
    sha256_final(&s, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

/* The examples of FIPS 180-4 and its predecessor, and the borders of a block. */
static void test_sha256(void **state)
{
    static const struct {
        const char *text;
        size_t times;
        const char *digest;
    } examples[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqr"
         "stu",
         1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {"a", 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {"a", 65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct sha256 s;
        sha256_init(&s);
        for (size_t n = 0; n < examples[i].times; n++)
            sha256_update(&s, examples[i].text, strlen(examples[i].text));
        assert_string_equal(hex_of(&s), examples[i].digest);
    }
}

/* However the bytes are cut. */
static void test_sha256_in_pieces(void **state)
{
    static const char text[] = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopq"
                               "rlmnopqrsmnopqrstnopqrstu";
    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct sha256 s;
        sha256_init(&s);
        sha256_update(&s, text, cut);
        sha256_update(&s, text + cut, sizeof text - 1 - cut);
        assert_string_equal(hex_of(&s), "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    }
}

/* Sorted by whole paths: a.go comes before a/a.go, and a-b before both. */
static void test_directory(void **state)
{
    struct buf hash;
    (void)state;
    put_text(AT("d/a/a.go"), "package a\n");
    put_text(AT("d/a.go"), "package d\n");
    put_text(AT("d/a-b"), "");
    put_text(AT("d/Z"), "z");
    make_dirs(AT("d/empty"));
    buf_init(&hash, WORLD_MAX);
    assert_int_equal(modcache_hash(&hash, AT("d"), "example.com/m@v1.0.0"), 0);
    assert_string_equal(hash.data, "h1:hdtmcVDaAaLz6sYYwpbB9KhP92DA5T4ELfcvosPFXpw=");
    buf_clear(&hash);
    assert_int_equal(modcache_hash(&hash, AT("none"), "example.com/m@v1.0.0"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(hash.len, 0);
    buf_free(&hash);
}

static enum modcache_state state_of(const char *sum)
{
    const char *const sums[] = {AT("nowhere/go.sum"), sum, NULL};
    return modcache_state(AT("mod"), sums, "example.com/Lib", "v1.2.0");
}

/* What go itself has fetched and recorded. */
static void test_state(void **state)
{
    const char *sum = AT("my app/go.sum"), *tree_dir = AT("mod/example.com/!lib@v1.2.0");
    const char *ziphash = AT("mod/cache/download/example.com/!lib/@v/v1.2.0.ziphash");
    (void)state;
    assert_int_equal(state_of(sum), MODCACHE_WHOLE);
    assert_int_equal(state_of(NULL), MODCACHE_WHOLE);
    assert_int_equal(chmod(tree_dir, 0755), 0);
    put_text(text_of("%s/more.go", tree_dir), "package lib\n");
    assert_int_equal(state_of(sum), MODCACHE_DAMAGED);
    assert_int_equal(state_of(NULL), MODCACHE_DAMAGED);
    assert_int_equal(unlink(text_of("%s/more.go", tree_dir)), 0);
    assert_int_equal(state_of(sum), MODCACHE_WHOLE);
    assert_int_equal(unlink(text_of("%s/lib.go", tree_dir)), 0);
    assert_int_equal(state_of(sum), MODCACHE_DAMAGED);
    assert_int_equal(unlink(ziphash), 0);
    assert_int_equal(state_of(sum), MODCACHE_DAMAGED);
    assert_int_equal(state_of(NULL), MODCACHE_UNKNOWN);
    put_text(AT("mod/cache/download/example.com/!lib/@v/v1.2.0.partial"), "");
    assert_int_equal(state_of(sum), MODCACHE_MISSING);
    assert_int_equal(unlink(AT("mod/cache/download/example.com/!lib/@v/v1.2.0.partial")), 0);
    assert_int_equal(directory_remove(tree_dir), 0);
    assert_int_equal(state_of(sum), MODCACHE_MISSING);
    assert_int_equal(unlink(AT("mod/cache/download/example.com/!lib/@v/v1.2.0.zip")), 0);
    assert_int_equal(state_of(sum), MODCACHE_UNKNOWN);
}

/* A FIFO in the place of a file must not be waited for. */
static void test_no_file(void **state)
{
    const char *tree_dir = AT("mod/example.com/!lib@v1.2.0");
    (void)state;
    assert_int_equal(chmod(tree_dir, 0755), 0);
    assert_int_equal(unlink(text_of("%s/lib.go", tree_dir)), 0);
    assert_int_equal(mkfifo(text_of("%s/lib.go", tree_dir), 0600), 0);
    assert_int_equal(state_of(AT("my app/go.sum")), MODCACHE_UNKNOWN);
}

static void test_paths(void **state)
{
    static const struct {
        const char *path, *module, *version;
    } paths[] = {
        {"/m/example.com/!lib@v1.2.0", "example.com/Lib", "v1.2.0"},
        {"/m/example.com/!lib@v1.2.0/a/b.go", "example.com/Lib", "v1.2.0"},
        {"/m/cache/download/example.com/!lib/@v/v1.2.0.zip", "example.com/Lib", "v1.2.0"},
        {"/m/cache/download/example.com/lib/@v/v1.2.0-!r!c1.ziphash", "example.com/lib", "v1.2.0-RC1"},
        {"/m/cache/download/example.com/lib/@v/list", NULL, NULL},
        {"/m/cache/lock", NULL, NULL},
        {"/mm/example.com/lib@v1.2.0/a.go", NULL, NULL},
        {"/m/example.com/lib", NULL, NULL},
        {"/m/example.com/lib@v1..2/a.go", NULL, NULL},
        {"/m", NULL, NULL},
    };
    char module[SUPERVISOR_PATH_MAX], version[SUPERVISOR_PATH_MAX], tree_dir[SUPERVISOR_PATH_MAX],
        download[SUPERVISOR_PATH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(modcache_of_path("/m/", paths[i].path, module, version), paths[i].module != NULL);
        if (paths[i].module) {
            assert_string_equal(module, paths[i].module);
            assert_string_equal(version, paths[i].version);
        }
    }
    assert_int_equal(modcache_paths("/m", "example.com/Lib", "v1.0.0-RC", tree_dir, download), 0);
    assert_string_equal(tree_dir, "/m/example.com/!lib@v1.0.0-!r!c");
    assert_string_equal(download, "/m/cache/download/example.com/!lib/@v/v1.0.0-!r!c");
}

/* --- go.mod and go.work --- */

static void on_module(void *arg, const char *path)
{
    buf_printf(arg, "module %s;", path);
    assert_false(((const struct buf *)arg)->failed);
}
static void on_require(void *arg, const char *path, const char *version)
{
    buf_printf(arg, "require %s %s;", path, version);
    assert_false(((const struct buf *)arg)->failed);
}
static void on_replace(void *arg, const char *path, const char *version, const char *by, const char *by_version)
{
    buf_printf(arg, "replace %s %s=%s %s;", path, version, by, by_version);
    assert_false(((const struct buf *)arg)->failed);
}
static void on_use(void *arg, const char *dir)
{
    buf_printf(arg, "use %s;", dir);
    assert_false(((const struct buf *)arg)->failed);
}

static void assert_read(const char *text, const char *want)
{
    static const struct modfile_handler handler = {
        .module = on_module, .require = on_require, .replace = on_replace, .use = on_use};
    struct buf read;
    buf_init(&read, WORLD_MAX);
    buf_puts(&read, "");
    assert_false(read.failed);
    put_text(AT("file"), text);
    modfile_read(AT("file"), &handler, &read);
    assert_string_equal(read.data, want);
    buf_free(&read);
}

static void test_modfile(void **state)
{
    (void)state;
    assert_read("module example.com/a // indirect\ngo 1.99\nfuture x\n", "module example.com/a;");
    assert_read(
        "module \"example.com/a b\"\r\nrequire (\r\n\ta v1.0.0 // indirect\r\n\t`b` v2.0.0\r\n)\r\nrequire c v3\r\n",
        "module example.com/a b;require a v1.0.0;require b v2.0.0;require c v3;");
    assert_read("module(\n  x\n)\nrequire(\na v1\n)\n", "module x;require a v1;");
    assert_read("replace a => ../a\nreplace a v1.0.0 => b v1.1.0\nreplace (\n\"a\" => \"./c d\"\n)\n",
                "replace a =../a ;replace a v1.0.0=b v1.1.0;replace a =./c d ;");
    assert_read("use .\nuse (\n\t./a // x\n\t\"./b c\"\n)", "use .;use ./a;use ./b c;");
    assert_read("require a\nrequire\nreplace a b\nmodule\nuse ( // none\n// use x\n)\n\"", "");
}

static void test_versions(void **state)
{
    static const char *const rising[] = {"none",           "v0.9.9",      "v1.0.0-alpha",  "v1.0.0-alpha.1",
                                         "v1.0.0-alpha.b", "v1.0.0-beta", "v1.0.0-beta.2", "v1.0.0-beta.11",
                                         "v1.0.0",         "v1.2.0",      "v1.10.0",       "v2.0.0+incompatible"};
    (void)state;
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
        for (size_t j = 0; j < sizeof rising / sizeof *rising; j++) {
            int order = modfile_compare(rising[i], rising[j]);
            assert_int_equal(order < 0, i < j);
            assert_int_equal(order > 0, i > j);
        }
    assert_int_equal(modfile_compare("v1.0.0+a", "v1.0.0+b"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_sha256_in_pieces),
        IN_WORLD(test_directory),      IN_WORLD(test_state),
        IN_WORLD(test_no_file),        cmocka_unit_test(test_paths),
        IN_WORLD(test_modfile),        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests_name("modules in the cache", tests, NULL, NULL);
}

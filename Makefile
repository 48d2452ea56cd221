# delvegate: GNU make. Plain `make` builds build/delvegate; `make KIND=asan` (debug, fuzz, cov) builds under build/KIND.
KIND ?= release
BUILD ?= build/$(KIND)
PREFIX ?= /usr/local
VERSION := 0.1.0
# Of the version, for the manual pages.
DATE := 2026-11-30
MAKEFLAGS += --no-print-directory
# `make V=1` shows the commands.
Q := $(if $(V),,@)
# As a word for the shell.
quoted = '$(subst ','\'',$1)'
say = @$(if $(V),:,printf '%-5s %s\n' $1 $@)

ifneq ($(filter $(KIND),release debug asan fuzz cov),$(KIND))
$(error there is no KIND=$(KIND): set it to release, debug, asan, fuzz or cov)
endif
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(KIND)),clang,gcc)
endif

# Debian's package of each library; a library that is missing is named by the target `libraries`.
PACKAGE_libuv := libuv1-dev
PACKAGE_jansson := libjansson-dev
PACKAGE_libssh2 := libssh2-1-dev
PACKAGE_libcrypto := libssl-dev
PKGS := libuv jansson libssh2 libcrypto
PKG_CONFIG ?= pkg-config

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# Compilers of some distributions define _FORTIFY_SOURCE themselves.
FORTIFY := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# Those of the flags that a compiler takes: aarch64 has no -fcf-protection.
taken = $(foreach f,$2,$(shell echo 'int x;' | $1 -Werror $f -x c -c -o /dev/null - 2>/dev/null && echo $f))
HARDENING := -fstack-clash-protection -fcf-protection
HARDENED := $(if $(filter release,$(KIND)),$(call taken,$(CC),$(HARDENING)))
# What is installed does not name the tree that it was built in.
KIND_release := -O2 -g -ffile-prefix-map='$(CURDIR)'=. $(FORTIFY) -fstack-protector-strong $(HARDENED)
# An impossible edge of a state machine ends every build but the one that is installed.
STRICT := -DSTATE_ABORTS
KIND_debug := -O0 -g3 $(STRICT)
KIND_asan := -O1 -g $(SANITIZE) $(STRICT)
KIND_fuzz := -O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link $(STRICT)
KIND_cov := -O0 -g --coverage $(STRICT)
# A compiler that is newer than this warns of more: it is an error only where delvegate is developed, with WERROR=1.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes $(if $(filter 1,$(WERROR)),-Werror)
# CFLAGS, CPPFLAGS and LDFLAGS stay the caller's.
ALL_CPPFLAGS := -D_GNU_SOURCE -DDELVEGATE_VERSION='"$(VERSION)"' -DDELVEGATE_DATE='"$(DATE)"' -I. -I$(BUILD) \
    $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null) $(CPPFLAGS)
ALL_CFLAGS := -std=c11 $(WARNINGS) $(KIND_$(KIND)) $(CFLAGS)
ALL_LDFLAGS := -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)
LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)

# Whether `make install` alone was asked for, without a word of how to build.
FLAGS_GIVEN := $(foreach v,CC CPPFLAGS CFLAGS LDFLAGS,$(filter environment command,$(origin $v)))
flags_kept = $(if $(strip $(FLAGS_GIVEN) $1 $(filter-out install,$(or $(MAKECMDGOALS),all))),,yes)
# A file of this text, which is newer only when the text has changed; $2: what is there stays.
define keep_text
	@mkdir -p $(@D)
	@$(if $2,[ -e $@ ] ||) echo $(call quoted,$1) | cmp -s - $@ || echo $(call quoted,$1) >$@
endef

PURE := $(wildcard dap/*.c delve/*.c config/*.c)
# The layers of proxy/, each below those that may use it.
LAYERS := base tunnel supervisor machine ssh delve session service cli
PROXY := $(foreach r,$(LAYERS),$(wildcard proxy/$r/*.c))
TUNNEL := $(wildcard proxy/tunnel/*.c)
# What the supervisor is made of, a program of its own.
SUPERVISOR := $(wildcard proxy/supervisor/*.c)
# What it shares with delvegate: no more than libc below it.
SUPERVISOR_SHARED := delve/order.c delve/rpc.c dap/buf.c dap/json.c dap/json_path.c dap/decoder.c \
    dap/err.c dap/message.c dap/utf8.c
SUPERVISOR_SRC := $(SUPERVISOR) $(TUNNEL) $(SUPERVISOR_SHARED)
# What of proxy/ is a plain function of bytes, and tested as such; and what is tested over a transport of the test's own.
PROXY_PLAIN := $(addprefix proxy/ssh/,ssh_parse.c ssh_known.c ssh_offer.c ssh_ignored.c ssh_unsupported.c ssh_wire.c ssh_agent_env.c) \
    $(addprefix proxy/cli/,command_line.c completion.c) $(wildcard proxy/machine/keeper*.c proxy/machine/machine*.c) \
    $(addprefix proxy/machine/,transport.c programs.c boot.c channel.c local.c command.c child.c child_carrier.c) \
    proxy/machine/stderr_tail.c \
    $(addprefix proxy/base/,timer.c nonce.c log.c state.c environment.c fd_reader.c) proxy/delve/waiting.c \
    proxy/session/routes.c $(TUNNEL)
TEST_SRC := $(wildcard test/*/*.c test/*/*/*.c)
UNIT_SRC := $(wildcard test/unit/*_test.c)
FUZZ_SRC := $(wildcard test/fuzz/*.c)
HEADERS := $(wildcard dap/*.h delve/*.h config/*.h proxy/*/*.h test/*/*.h test/*/*/*.h)
# What clang-format sets.
C_FILES := $(PURE) $(PROXY) $(TEST_SRC) $(HEADERS)
SHELL_SCRIPTS := $(wildcard scripts/*.sh scripts/gomachine/*.sh scripts/devcontainer/*/*.sh \
    $(addprefix scripts/devcontainer/delvegate/,entrypoint start supervise) delve/*.sh test/*.sh test/modgraph/*.sh \
    test/ssh/*.sh test/supervisor/*.sh test/install/*.sh test/install/systemd/run test/container/*/run \
    test/container/devcontainer/engine test/e2e/vscode/run test/e2e/vscode/install) .ci/run

# Sources that no test is part of, which clang-tidy and cppcheck read; headers that the build makes for them.
TIDIED := $(PURE) $(PROXY)
MADE_HEADERS := $(addprefix $(BUILD)/,bootstrap_sh.h supervisor_build.h commit.h)

PURE_OBJ := $(PURE:%.c=$(BUILD)/%.o)
PROXY_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(SUPERVISOR),$(PROXY)))
# Tests link what they use of it.
TESTED := $(BUILD)/tested.a
TESTED_OBJ := $(PURE_OBJ) $(PROXY_PLAIN:%.c=$(BUILD)/%.o)
SUPERVISOR_OBJ := $(SUPERVISOR_SRC:%.c=$(BUILD)/%.o)
# All of the supervisor but its main, for tests.
SUPERVISOR_LIB := $(BUILD)/supervisor.a
SUPERVISOR_TESTS := $(patsubst test/supervisor/%.c,$(BUILD)/supervisor-tests/%,$(wildcard test/supervisor/*_test.c))
UNIT := $(UNIT_SRC:test/unit/%.c=$(BUILD)/unit/%)
SSH_TESTS := $(patsubst test/ssh/%.c,$(BUILD)/ssh/%,$(wildcard test/ssh/*.c))
SCHEDULES_SRC := $(wildcard test/unit/schedules/*.c)
# What of proxy/ the made-up world of the schedules does not stand in for.
SCHEDULED := $(filter-out proxy/session/client.c,$(filter proxy/session/% proxy/delve/%,$(PROXY))) proxy/base/nonce.c \
    proxy/supervisor/flight.c
FUZZ := $(FUZZ_SRC:test/fuzz/%.c=$(BUILD)/fuzzers/%)

# The supervisors: one for each architecture of SUPERVISORS, as `uname -m` there prints it (Go's names are taken too). This
# machine's own is always among them, and by default the other of the two usual ones where its cross compiler is.
# They are release builds whatever KIND is, but for this machine's: that is a KIND of its own. SUPERVISOR_CC_aarch64=...
# names another compiler, which must link statically; CFLAGS, CPPFLAGS and LDFLAGS are for delvegate alone.
ARCH_amd64 := x86_64
ARCH_arm64 := aarch64
ARCH_386 := i686
ARCH_i386 := i686
ARCH_i586 := i686
ARCH_powerpc64le := ppc64le
ARCH_loong64 := loongarch64
arch_name = $(or $(ARCH_$1),$1)
TRIPLET_ppc64le := powerpc64le
triplet = $(or $(TRIPLET_$1),$1)-linux-gnu
DEBIAN_x86_64 := amd64
DEBIAN_aarch64 := arm64
DEBIAN_i686 := i386
DEBIAN_ppc64le := ppc64el
DEBIAN_loongarch64 := loong64
cross_packages = gcc-$(subst _,-,$(call triplet,$1)) libc6-dev-$(or $(DEBIAN_$1),$1)-cross
# A compiler's file, or nothing.
compilers_file = $(filter /%,$(shell command -v $(firstword $1) >/dev/null && $1 -print-file-name=$2))

OWN_ARCH := $(call arch_name,$(firstword $(subst -, ,$(or $(shell $(CC) -dumpmachine 2>/dev/null),$(shell uname -m)))))
MUSL := $(if $(filter $(OWN_ARCH),$(call arch_name,$(firstword $(subst -, ,$(shell command -v musl-gcc >/dev/null && \
    musl-gcc -dumpmachine))))),musl-gcc)
SUPERVISOR_CC_$(OWN_ARCH) := $(or $(MUSL),$(CC))
# Whether this machine's own can be, which is to be so for others to get it.
OWN_STATIC := $(if $(MUSL)$(call compilers_file,$(SUPERVISOR_CC_$(OWN_ARCH)),libc.a),-static)
# Whether it is for other machines too. Those of tests are this one.
PORTABLE := $(if $(filter release,$(KIND)),$(OWN_STATIC),yes)

ifeq ($(origin SUPERVISORS),undefined)
SUPERVISORS := $(foreach a,$(filter-out $(OWN_ARCH),$(if $(filter release,$(KIND)),x86_64 aarch64)),\
    $(if $(call compilers_file,$(call triplet,$a)-gcc,libc.a),$a))
endif
SUPERVISORS_GIVEN := $(filter environment command,$(origin SUPERVISORS))
# As CFLAGS do, it holds for the `make install` after it.
override SUPERVISORS := $(or $(if $(call flags_kept,$(SUPERVISORS_GIVEN)),$(file <$(BUILD)/supervisors)),\
    $(OWN_ARCH) $(filter-out $(OWN_ARCH),$(foreach a,$(SUPERVISORS),$(call arch_name,$a))))
FOREIGN := $(filter-out $(OWN_ARCH),$(SUPERVISORS))

SUPERVISOR_CFLAGS := -std=c11 $(WARNINGS) -Os -g -ffile-prefix-map='$(CURDIR)'=. -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
    -fstack-protector-strong -fno-pie -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables
# musl's CMSG_NXTHDR converts signs; the builds with glibc find our own.
SUPERVISOR_CFLAGS += $(if $(MUSL),-Wno-sign-conversion)
SUPERVISOR_CPPFLAGS := -D_GNU_SOURCE -DDELVEGATE_VERSION='"$(VERSION)"' -I. -I$(BUILD)
# What a supervisor calls its build: the same for all of the same source, whatever compiler it went through.
SUPERVISOR_BUILD := $(firstword $(shell { echo $(VERSION); cat $(sort $(SUPERVISOR_SRC)) $(sort $(wildcard \
    $(SUPERVISOR_SRC:.c=.h) proxy/supervisor/*.h proxy/tunnel/*.h)); } | sha256sum | cut -c 1-16))
# Of what a static libc can't do without its shared one (getpwnam, dlopen) the linker warns.
SUPERVISOR_LDFLAGS := -no-pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--fatal-warnings -Wl,--build-id=none
PROGRAMS_OBJ := $(BUILD)/programs_table.o $(BUILD)/programs_bytes.o

# What is installed, but for the units: these hold the program's path.
PRINTED := build/delvegate.json.5 build/config.schema.json \
    build/completions/delvegate build/completions/_delvegate build/completions/delvegate.fish
all: build/delvegate build/supervisor build/delvegate.1 build/delvegate-recovery.7 $(PRINTED)
build/delvegate build/supervisor: build/%: $(BUILD)/%
	cp $< $@.new && mv $@.new $@
build/delvegate.1: scripts/delvegate.1.in build/delvegate
	sed 's/@VERSION@/$(VERSION)/; s/@DATE@/$(DATE)/' $< >$@.new && mv $@.new $@
# The table of signatures is the program's own.
build/delvegate-recovery.7: scripts/delvegate-recovery.7.in build/delvegate
	./build/delvegate --print-signatures=man >build/signatures.man
	sed -e 's/@VERSION@/$(VERSION)/; s/@DATE@/$(DATE)/' -e '/^@SIGNATURES@$$/{r build/signatures.man' -e 'd}' $< >$@.new && \
	    mv $@.new $@
build/delvegate.json.5: PRINT := --print-manual
build/config.schema.json: PRINT := --print-schema
build/completions/delvegate: PRINT := --print-completion=bash
build/completions/_delvegate: PRINT := --print-completion=zsh
build/completions/delvegate.fish: PRINT := --print-completion=fish
$(PRINTED): build/delvegate
	@mkdir -p $(@D)
	./build/delvegate $(PRINT) >$@.new && mv $@.new $@

$(BUILD)/delvegate: $(PROXY_OBJ) $(PURE_OBJ) $(PROGRAMS_OBJ)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/%.o: %.c $(BUILD)/flags | libraries
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(TESTED): $(TESTED_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(SUPERVISOR_LIB): $(filter-out $(BUILD)/proxy/supervisor/main.o,$(SUPERVISOR_OBJ))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
# $CASE chooses among a test's cases.
CASE_OBJ := $(BUILD)/test/unit/case.o
# Tests of the supervisor, and nothing else, have its parts.
parts_of_supervisor = $(if $(filter supervisor_%_test,$(notdir $1)),$(SUPERVISOR_LIB))
$(filter $(BUILD)/unit/supervisor_%_test,$(UNIT)): $(SUPERVISOR_LIB)
$(BUILD)/unit/%: test/unit/%.c $(CASE_OBJ) $(TESTED)
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(CASE_OBJ) $(call parts_of_supervisor,$@) \
	    $(TESTED) -lcmocka $(LIBS)
# They start the supervisor that $SUPERVISOR names.
$(BUILD)/supervisor-tests/%: test/supervisor/%.c $(wildcard test/supervisor/driver.[ch]) $(CASE_OBJ) $(SUPERVISOR_LIB)
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) $(CASE_OBJ) \
	    $(SUPERVISOR_LIB) -lcmocka
# delvegate's side of reaching a supervisor, for the tests of how it gets there.
$(BUILD)/reach: test/supervisor/reach.c $(TESTED)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(TESTED)
$(BUILD)/fuzzers/%: test/fuzz/%.c $(TESTED)
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(TESTED) $(LIBS)
# delvegate with a transport that fails on purpose.
FLAKY_OBJ := $(BUILD)/test/e2e/helpers/flaky.o
$(BUILD)/delvegate-flaky: $(filter-out $(BUILD)/proxy/machine/transport_target.o,$(PROXY_OBJ)) $(FLAKY_OBJ) $(PURE_OBJ) \
    $(PROGRAMS_OBJ)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/schedules: $(SCHEDULES_SRC:%.c=$(BUILD)/%.o) $(SCHEDULED:%.c=$(BUILD)/%.o) $(TESTED)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/bench/%: test/bench/%.c $(TUNNEL:%.c=$(BUILD)/%.o)
	@mkdir -p $(@D)
	$(call say,BENCH)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $^
# A service manager of the tests' own.
$(BUILD)/manager: test/e2e/helpers/manager.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<
$(BUILD)/ssh/%: test/ssh/%.c $(filter-out $(BUILD)/proxy/cli/main.o,$(PROXY_OBJ)) $(PROGRAMS_OBJ) $(TESTED)
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< \
	    $(filter-out $(BUILD)/proxy/cli/main.o,$(PROXY_OBJ)) $(PROGRAMS_OBJ) $(TESTED) $(LIBS)

# The script that puts the supervisor on the Go machine is part of delvegate.
$(BUILD)/delve/bootstrap.o: $(BUILD)/bootstrap_sh.h
$(BUILD)/bootstrap_sh.h: delve/bootstrap.sh scripts/embed.sh
	@mkdir -p $(@D)
	$(call say,EMBED)
	$(Q)scripts/embed.sh script $< bootstrap_sh >$@.new && mv $@.new $@

# A clone may be another user's than who runs make in it, and runs what it says.
GIT := git -c safe.directory='*' -c core.fsmonitor=false
# The commit that it was built of, which is empty where there is no git tree of its own: a tarball may lie in another's.
COMMIT = $(shell [ -e .git ] && $(GIT) --no-optional-locks describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
$(BUILD)/commit.h: always
	$(call keep_text,#define DELVEGATE_COMMIT "$(COMMIT)",$(FLAGS_KEPT))
$(BUILD)/proxy/cli/main.o: $(BUILD)/commit.h
$(BUILD)/supervisor_build.h: always
	$(call keep_text,#define SUPERVISOR_BUILD "$(SUPERVISOR_BUILD)",)
$(foreach d,$(BUILD) $(SUPERVISORS:%=$(BUILD)/supervisor-%),$d/proxy/supervisor/supervise.o) $(BUILD)/proxy/machine/programs.o: \
    $(BUILD)/supervisor_build.h

# $1: the architecture; $2: -static or nothing; $3: what must be there to compile.
define supervisor_rules
SUPERVISOR_CC_$1 ?= $(call triplet,$1)-gcc
SUPERVISOR_CFLAGS_$1 := $$(SUPERVISOR_CFLAGS) $$(call taken,$$(SUPERVISOR_CC_$1),$$(HARDENING))
SUPERVISOR_FLAGS_$1 = $$(SUPERVISOR_CC_$1) $$(SUPERVISOR_CPPFLAGS) $$(SUPERVISOR_CFLAGS_$1) $$(SUPERVISOR_LDFLAGS) $2
$$(BUILD)/supervisor-$1/flags: always
	$$(call keep_text,$$(SUPERVISOR_FLAGS_$1),$$(FLAGS_KEPT))
$$(BUILD)/supervisor-$1/%.o: %.c $$(BUILD)/supervisor-$1/flags | $3
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$$(SUPERVISOR_CC_$1) $$(SUPERVISOR_CPPFLAGS) $$(SUPERVISOR_CFLAGS_$1) -MMD -MP -c -o $$@ $$<
$$(BUILD)/supervisor-$1/supervisor: $$(SUPERVISOR_SRC:%.c=$$(BUILD)/supervisor-$1/%.o)
	$$(call say,LINK)
	$$(Q)$$(SUPERVISOR_CC_$1) $$(SUPERVISOR_CFLAGS_$1) $$(SUPERVISOR_LDFLAGS) $2 -o $$@.full $$^
	$$(Q)"$$$$($$(SUPERVISOR_CC_$1) -print-prog-name=strip)" -o $$@ -R .comment $$@.full
	$(if $2,,@echo "make: there is no static libc: this delvegate can debug on this machine only. For Go machines reached by ssh or a" \
	    "command, install one (apt-get install musl-tools; on Fedora, dnf install glibc-static) and run make again" >&2)
-include $$(SUPERVISOR_SRC:%.c=$$(BUILD)/supervisor-$1/%.d)
endef
$(foreach a,$(FOREIGN),$(eval $(call supervisor_rules,$a,-static,cross-compilers)))
cross-compilers:
	@missing=; $(foreach a,$(FOREIGN),$(if $(call compilers_file,$(SUPERVISOR_CC_$a),libc.a),,missing=yes; \
	    echo "make: the supervisor for $a needs $(SUPERVISOR_CC_$a) and a static libc for it:" \
	    "apt-get install $(call cross_packages,$a)" >&2;)) test -z "$$missing"
ifeq ($(KIND),release)
$(eval $(call supervisor_rules,$(OWN_ARCH),$(OWN_STATIC),libraries))
else
$(BUILD)/supervisor-$(OWN_ARCH)/supervisor: $(SUPERVISOR_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^
endif
$(BUILD)/supervisor: $(BUILD)/supervisor-$(OWN_ARCH)/supervisor
	$(Q)cp $< $@.new && mv $@.new $@

# So are the supervisors.
PROGRAMS := $(foreach a,$(SUPERVISORS),$(BUILD)/supervisor-$a/supervisor)
$(BUILD)/supervisors: always
	$(call keep_text,$(SUPERVISORS),$(FLAGS_KEPT))
$(BUILD)/programs_bytes.S: $(PROGRAMS) $(BUILD)/supervisors scripts/embed.sh
	$(call say,EMBED)
	$(Q)scripts/embed.sh bytes $(BUILD) $(SUPERVISORS) >$@.new && mv $@.new $@
$(BUILD)/programs_bytes.o: $(BUILD)/programs_bytes.S
	$(Q)$(CC) $(HARDENED) -c -o $@ $<
$(BUILD)/programs_table.c: $(PROGRAMS) $(BUILD)/supervisors scripts/embed.sh
	$(Q)scripts/embed.sh table $(BUILD) $(OWN_ARCH) $(if $(PORTABLE),$(SUPERVISORS),$(FOREIGN)) >$@.new && mv $@.new $@
$(BUILD)/programs_table.o: $(BUILD)/programs_table.c proxy/machine/programs.h delve/bootstrap.h
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# A change of compiler or flags rebuilds what it concerns. `make install` alone installs what was built, whatever its
# flags: `sudo make install` lacks the environment of the `make` before it.
FLAGS_KEPT := $(call flags_kept,$(SUPERVISORS_GIVEN))
FLAGS := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: always
	$(call keep_text,$(FLAGS),$(FLAGS_KEPT))

libraries:
	@command -v $(firstword $(CC)) >/dev/null || \
	    { echo "make: the compiler $(CC) is missing: apt-get install $(firstword $(CC)), or scripts/bootstrap.sh build" >&2; exit 1; }
	@command -v $(PKG_CONFIG) >/dev/null || \
	    { echo "make: $(PKG_CONFIG) is missing: apt-get install pkg-config, or scripts/bootstrap.sh build" >&2; exit 1; }
	@missing=; $(foreach p,$(PKGS),$(PKG_CONFIG) --exists $p || { missing=yes; \
	    echo "make: the library $p is missing: apt-get install $(PACKAGE_$p), or scripts/bootstrap.sh build" >&2; };) \
	    test -z "$$missing"

# Tests. test/run.sh runs suites, shows what they print, and ends with the sum of their counts.
check:
	@scripts/bootstrap.sh check
	@test/run.sh unit fuzz lint supervisor install ssh systemd e2e feature
check-all:
	@scripts/bootstrap.sh check-all
	@test/modgraph/fetch-go.sh
	@CHECK_ALL=1 test/run.sh compilers unit fuzz lint supervisor install ssh systemd e2e feature container devcontainer vscode
# The real VS Code. SCENARIO=name plays one scenario, with pictures in build/vscode/shots/name.
e2e-vscode:
	@scripts/bootstrap.sh vscode
	@test/run.sh vscode
check-unit:
	@test/run.sh unit
check-e2e:
	@test/run.sh e2e
fuzz:
	@test/run.sh fuzz
run-unit: unit-programs
	@for t in $(UNIT); do $$t || exit 1; done
unit-programs: $(UNIT) $(BUILD)/schedules
fuzz-programs: $(FUZZ)
program: $(BUILD)/delvegate $(BUILD)/supervisor $(BUILD)/delvegate-flaky $(BUILD)/manager
supervisor-programs: $(BUILD)/supervisor $(BUILD)/reach $(SUPERVISOR_TESTS)
ssh-programs: program $(SSH_TESTS)
objects: $(PURE_OBJ) $(PROXY_OBJ) $(SUPERVISOR_OBJ)

bench:
	@scripts/bootstrap.sh demo
	@$(MAKE) all
	@test/node.sh test/bench/bench.mjs build/delvegate
bench-sessions:
	@scripts/bootstrap.sh demo
	@$(MAKE) all $(BUILD)/bench/standin
	@test/node.sh test/bench/bench.mjs build/delvegate sessions
bench-tunnel: $(BUILD)/bench/tunnel
	@$<
demo:
	@scripts/bootstrap.sh demo
	@$(MAKE) all
	@test/node.sh test/e2e/demo/demo.mjs build/delvegate
# What go says to the second set of broken set-ups, and what mends them: `make modgraph-capture GO=/usr/lib/go-1.19` writes
# test/modgraph/second-go1.19.jsonl. What is cut short goes on where it was.
modgraph-capture:
	@scripts/bootstrap.sh demo
	@test/node.sh test/modgraph/capture.mjs $(if $(GO),--go $(call quoted,$(GO)))
cov:
	@$(MAKE) KIND=cov WERROR=1 unit-programs
	@test/run.sh coverage

# Source: how each file is compiled, for clangd and other tools; how it is set; what linters find in it.
compile_commands.json: $(MADE_HEADERS) always
	@scripts/compile-commands.sh $(call quoted,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS)) proxy/cli/main.c \
	    $(filter-out proxy/cli/main.c $(SUPERVISOR),$(PURE) $(PROXY) $(TEST_SRC)) \
	    -- $(call quoted,$(SUPERVISOR_CC_$(OWN_ARCH)) $(SUPERVISOR_CPPFLAGS) $(SUPERVISOR_CFLAGS)) $(SUPERVISOR) >$@
	@echo $@
format:
	clang-format -i $(C_FILES)
lint:
	@test/run.sh lint
lint-format:
	$(Q)clang-format --dry-run -Werror $(C_FILES)
# clang-tidy, once for each file that has changed or includes one that has. All but a twentieth of its time goes to the
# path-sensitive analyzer (clang-analyzer-*): lint-tidy gives that a tenth of the depth, lint-analyze all that it wants.
lint-tidy: $(TIDIED:%=$(BUILD)/tidy/%)
lint-analyze: $(TIDIED:%=$(BUILD)/analyze/%)
$(BUILD)/tidy/%: TIDY := $(foreach a,-Xclang -analyzer-config -Xclang max-nodes=20000,--extra-arg=$a)
define tidy
	@mkdir -p $(@D)
	$(call say,TIDY)
	$(Q)clang-tidy --quiet $(TIDY) $< -- -std=c11 $(ALL_CPPFLAGS) 2>$@.err || { cat $@.err >&2; exit 1; }
	$(Q)$(CC) -std=c11 $(ALL_CPPFLAGS) -MM -MP -MT $@ -MF $@.d $<
	@touch $@
endef
$(BUILD)/tidy/%: % .clang-tidy | $(MADE_HEADERS) libraries
	$(tidy)
$(BUILD)/analyze/%: % .clang-tidy | $(MADE_HEADERS) libraries
	$(tidy)
# What it knows of unchanged files is in its build directory; that is also how it follows a value from file to file in spite of -j.
lint-cppcheck: $(MADE_HEADERS)
	@mkdir -p $(BUILD)/cppcheck
	$(Q)cppcheck --quiet -j2 --cppcheck-build-dir=$(BUILD)/cppcheck --std=c11 --inline-suppr --error-exitcode=1 \
	    --enable=warning,portability,performance --suppress=missingIncludeSystem --suppress=ctuuninitvar \
	    -D_GNU_SOURCE -I. -I$(BUILD) $(TIDIED)
lint-words: all
	@test/lint-words.sh
lint-layers:
	@test/lint-layers.sh '$(LAYERS)' '$(SUPERVISOR_SHARED)'
# SC2319, of newer ones than Debian 12's: the tests count what a condition has returned.
lint-shell:
	$(Q)shellcheck -x -S warning -e SC2319 $(SHELL_SCRIPTS)

# Installation. The directory variables are GNU's, and given to make; DESTDIR goes in front of all. PREFIX may also come
# from the environment.
INSTALL ?= install
prefix := $(if $(word 2,$(PREFIX)),$(PREFIX),$(patsubst %/,%,$(PREFIX)))
exec_prefix := $(prefix)
bindir := $(exec_prefix)/bin
libexecdir := $(exec_prefix)/libexec
pkglibexecdir := $(libexecdir)/delvegate
datarootdir := $(prefix)/share
datadir := $(datarootdir)
pkgdatadir := $(datadir)/delvegate
docdir := $(datarootdir)/doc/delvegate
exampledir := $(docdir)/examples
mandir := $(datarootdir)/man
man1dir := $(mandir)/man1
man5dir := $(mandir)/man5
man7dir := $(mandir)/man7
bashcompletiondir := $(datadir)/bash-completion/completions
zshcompletiondir := $(datadir)/zsh/site-functions
fishcompletiondir := $(datadir)/fish/vendor_completions.d
# systemd's user manager looks for units below /usr/lib, /usr/local/lib and ~/.local/share, but not below ~/.local/lib.
systemduserunitdir := $(if $(filter %/.local,$(prefix)),$(datadir),$(prefix)/lib)/systemd/user
INSTALLED_INTO := bindir pkglibexecdir man1dir man5dir man7dir pkgdatadir bashcompletiondir zshcompletiondir fishcompletiondir docdir \
    exampledir systemduserunitdir
INSTALLATION = DIRECTORIES='$(INSTALLED_INTO)' $(foreach v,DESTDIR INSTALL $(INSTALLED_INTO),$v=$(call quoted,$($v)))
install: all
	@$(INSTALLATION) scripts/install.sh install
uninstall:
	@$(INSTALLATION) scripts/install.sh uninstall

# Packing: the source, and the dev container Feature.
dist:
	@mkdir -p build
	$(GIT) archive --format=tar.gz --prefix=delvegate-$(VERSION)/ -o build/delvegate-$(VERSION).tar.gz HEAD
	@echo build/delvegate-$(VERSION).tar.gz
feature:
	@scripts/feature.sh $(VERSION) build/feature/delvegate
clean:
	rm -rf build

define HELP
Building:
  make                   builds build/delvegate with the supervisors in it, the manual pages and the completions
  make KIND=asan         the same with sanitizers, in build/asan; also debug, fuzz, cov
  make SUPERVISORS="x86_64 aarch64"   for Go machines of these architectures
  make clean             removes build/
Installing:
  make install           installs below PREFIX ($(PREFIX)); DESTDIR=DIR for another root directory
  make uninstall         removes what make install has installed
Trying it out:
  make demo              a debug session on this machine, through a real sshd
  make bench             measures a session; also bench-sessions, bench-tunnel
Testing:
  make check             installs what the tests need, and runs all suites but the slow ones
  make check-all         runs the slow ones too
  make check-unit        runs the unit tests; also check-e2e, fuzz, lint, lint-analyze, e2e-vscode
  make format            formats the source with clang-format
  make compile_commands.json   for clangd
Packaging:
  make dist              makes a tarball
  make feature           makes the dev container Feature
V=1 shows the commands; WERROR=1 makes warnings errors. You can set CC, CPPFLAGS, CFLAGS and LDFLAGS.
test/README.md describes the tests.
endef
help:
	@$(info $(HELP)):

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all always help libraries cross-compilers check check-all e2e-vscode check-unit check-e2e fuzz run-unit unit-programs fuzz-programs program supervisor-programs ssh-programs objects bench bench-sessions bench-tunnel demo modgraph-capture cov \
    format lint lint-format lint-tidy lint-analyze lint-cppcheck lint-words lint-layers lint-shell install uninstall dist feature clean
-include $(TIDIED:%=$(BUILD)/tidy/%.d) $(TIDIED:%=$(BUILD)/analyze/%.d)
-include $(PURE_OBJ:.o=.d) $(PROXY_OBJ:.o=.d) $(SUPERVISOR_OBJ:.o=.d) $(UNIT:=.d) $(SUPERVISOR_TESTS:=.d) $(FUZZ:=.d) $(SSH_TESTS:=.d) $(SCHEDULES_SRC:%.c=$(BUILD)/%.d) $(FLAKY_OBJ:.o=.d)

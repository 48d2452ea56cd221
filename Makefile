# delvegate: GNU make. Plain `make` builds build/delvegate.
CC ?= gcc
KIND ?= release
BUILD := build/$(KIND)
CFLAGS_WARN := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PKGS := libuv jansson libssh2
CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD) $(shell pkg-config --cflags $(PKGS))
CFLAGS += $(CFLAGS_WARN) $(CFLAGS_$(KIND))
LDLIBS += $(shell pkg-config --libs $(PKGS))

PURE := $(wildcard dap/*.c delve/*.c config/*.c)
PROXY := $(wildcard proxy/*.c)
PURE_OBJ := $(PURE:%.c=$(BUILD)/%.o)
PROXY_OBJ := $(PROXY:%.c=$(BUILD)/%.o)
UNIT := $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/*_test.c))

all: build/delvegate
build/delvegate: $(BUILD)/delvegate
	cp $< $@
$(BUILD)/delvegate: $(PROXY_OBJ) $(PURE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/delve/supervisor.o: $(BUILD)/remote_sh.h
$(BUILD)/remote_sh.h: delve/remote.sh
	@mkdir -p $(@D)
	{ echo 'static const unsigned char remote_sh[] = {'; od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '};'; } >$@
$(BUILD)/unit/%: test/unit/%.c $(PURE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(PURE_OBJ) -lcmocka $(LDLIBS)
check-unit:
	$(MAKE) KIND=asan run-unit
run-unit: $(UNIT)
	@for t in $(UNIT); do $$t || exit 1; done
clean:
	rm -rf build
.PHONY: all check-unit run-unit clean
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# SPDX-License-Identifier: GPL-2.0-only
#
# make              module (for the running kernel, or KDIR=) and tools
# make demo         see it work: a real guest in an emulated hypervisor
# make check        all tests that take minutes; does its own set-up
# make check-matrix ground truth in every MMU mode on every kernel: hours
# make bench        what it costs, beside others
# make help         the rest

KDIR ?= /lib/modules/$(shell uname -r)/build

all: modules tools

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

tools:
	$(MAKE) -C tools

install: tools
	$(MAKE) -C tools install

modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

demo:
	tests/demo/run

check:
	tests/check

check-unit:
	tests/check unit

check-vm:
	tests/check vm

check-matrix:
	tests/matrix/run

check-debug:
	tests/debug/run

bench:
	tests/bench/run

sparse:
	tests/lint/kernel 5.10 6.1 6.12 7.2 newest
	tests/lint/kernel --arch arm64 6.1 6.12 6.12-16k 7.2 newest

lint: sparse
	tests/lint/layers
	tests/lint/shell
	tests/lint/checkpatch

clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean || true
	$(RM) -r build

help:
	@echo 'make                  module (KDIR=, default the running kernel) and tools, in build/'
	@echo 'make demo             a real guest in an emulated hypervisor, and what is seen of it'
	@echo 'make check            the tests; does all its own set-up'
	@echo 'make check-unit       those that need no emulator'
	@echo 'make check-vm         those in emulators alone'
	@echo 'make check-matrix     ground truth in every MMU mode on every kernel; hours'
	@echo 'make check-debug      the tests on a kernel that looks for bugs, which it builds first'
	@echo 'make bench            what it costs, beside others; into Documentation/performance.rst'
	@echo 'make sparse           W=1 and sparse for each kernel'
	@echo 'make lint             sparse, checkpatch, layers, shellcheck'
	@echo 'make install          tools and man pages (DESTDIR=, PREFIX=)'
	@echo 'make modules_install  the module, without DKMS'
	@echo 'make clean'

.PHONY: all modules tools install modules_install demo check check-unit \
	check-vm check-matrix check-debug bench sparse lint clean help

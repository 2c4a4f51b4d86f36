# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Architectures, by Debian's names for them, to be sourced.

arch_host() {
	dpkg --print-architecture
}

# arch_cross ARCH: the prefix of the tools for it; none if they are our own.
arch_cross() {
	if [ "$1" = "$(arch_host)" ]; then
		return
	fi
	case $1 in
	amd64) echo x86_64-linux-gnu- ;;
	arm64) echo aarch64-linux-gnu- ;;
	esac
}

# arch_kbuild ARCH: what the kernel calls it.
arch_kbuild() {
	case $1 in
	amd64) echo x86 ;;
	*) echo "$1" ;;
	esac
}

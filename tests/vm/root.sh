# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The root file system of a test machine, to be sourced, after arch.sh.

# root_libraries ROOT ARCH FILE: what the dynamic linker loads for FILE, under the
# same path. Nothing if FILE is no dynamic program. What is for another machine
# than ours has to be static, as its libraries are not here.
root_libraries() {
	local root=$1 arch=$2 file=$3 machine list library

	machine=$({ LC_ALL=C readelf -h "$file" 2>/dev/null || true; } | sed -n 's/^ *Machine: *//p')
	case $machine:$arch in
	:* | *X86-64:amd64 | AArch64:arm64) ;;
	*)
		echo "$file is for $machine, the machine for $arch" >&2
		return 1
		;;
	esac
	if [ "$arch" != "$(arch_host)" ]; then
		[ -n "$machine" ] && LC_ALL=C readelf -l "$file" | grep -q INTERP || return 0
		echo "$file is not static" >&2
		return 1
	fi
	list=$(LC_ALL=C LD_LIBRARY_PATH=$root/usr/lib ldd "$file" 2>/dev/null) || return 0
	if grep 'not found' <<<"$list" >&2; then
		echo "$file needs libraries that are not here" >&2
		return 1
	fi
	grep -o '/[^ ]*' <<<"$list" | while read -r library; do
		case $library in
		"$root"/*) continue ;;
		esac
		if [ ! -e "$root$library" ]; then
			mkdir -p "$root$(dirname "$library")"
			cp -L "$library" "$root$library"
		fi
	done
}

# root_add ROOT ARCH FILE INSIDE: a file or a whole folder, with the libraries of
# the programs in it.
root_add() {
	local root=$1 arch=$2 file=$3 inside=$4 program

	if [ -d "$file" ]; then
		mkdir -p "$root$inside"
		cp -RL "$file/." "$root$inside/"
	else
		mkdir -p "$root$(dirname "$inside")"
		cp -L "$file" "$root$inside"
	fi
	find "$root$inside" -type f -perm -u+x | while read -r program; do
		root_libraries "$root" "$arch" "$program"
	done
}

# root_modules ROOT KERNEL_DIR MODULE...: modules of the kernel and what they
# depend on. They are unpacked here rather than in every boot.
root_modules() {
	local root=$1 kernel=$2 release file inside
	shift 2

	release=$(cat "$kernel/release")
	mkdir -p "$root/usr/lib/modules/$release"
	cp "$kernel"/modules/modules.{order,builtin,builtin.modinfo} "$root/usr/lib/modules/$release/"
	[ $# -eq 0 ] || modprobe -d "$kernel" -S "$release" --show-depends -a "$@" |
		sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u |
		while read -r file; do
			inside=$root/usr/lib/modules/$release/${file##*"/$release/"}
			mkdir -p "$(dirname "$inside")"
			cp "$file" "$inside"
			case $inside in
			*.xz) unxz "$inside" ;;
			*.zst) unzstd -q --rm "$inside" ;;
			esac
		done
	depmod -b "$root" "$release"
}

# root_create ROOT KERNEL_DIR BUSYBOX MODULE...: what every test machine has, but
# for /init.
root_create() {
	local root=$1 kernel=$2 busybox=$3 tool
	shift 3

	mkdir -p "$root"/{dev,proc,sys,run,tmp,root,home/tester,tests,vm,etc}
	# As in a merged /usr.
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"

	cp "$busybox" "$root/usr/bin/busybox"
	busybox --list | grep -vx busybox | while read -r tool; do
		ln -s busybox "$root/usr/bin/$tool"
	done
	cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
tester:x:1000:1000:tester:/home/tester:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
END
	cat >"$root/etc/group" <<'END'
root:x:0:
tester:x:1000:
nogroup:x:65534:
END
	root_modules "$root" "$kernel" "$@"
}

# root_pack ROOT OUTPUT: as the kernel wants it for an initramfs.
root_pack() {
	(cd "$1" && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0) >"$2"
}

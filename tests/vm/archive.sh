# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian's archive, to be sourced: which kernels there are, where each is found,
# and how to get packages of any suite and architecture without installing them.
# $cache is where to keep package lists.

# All of Debian's releases and suites are signed by keys that are in there.
readonly archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# archive_matrix ARCH: the kernels that the module is tested on, but for those
# that do not exist.
archive_matrix() {
	case $1 in
	amd64) echo 5.10 6.1 6.12 7.2 newest ;;
	arm64) echo 6.1 6.12 6.12-16k 7.2 7.2-16k newest newest-16k ;;
	esac
}

# archive_suites SERIES: the suites to look into, of which the one with the highest
# version counts.
archive_suites() {
	case $1 in
	5.10) echo bullseye-security ;;
	6.1 | 6.12) echo bookworm-security ;;
	7.2) echo trixie-backports ;;
	newest) echo trixie-backports sid experimental ;;
	*) return 1 ;;
	esac
}

# archive_release SUITE: the release whose C library and compiler its kernels'
# headers want, if they are later than those of Debian 12.
archive_release() {
	case $1 in
	bullseye* | bookworm*) ;;
	trixie*) echo trixie ;;
	*) echo sid ;;
	esac
}

# archive_uri SUITE: where it is: on the mirror that this machine's own packages
# come from.
archive_uri() {
	local part=debian

	case $1 in
	*-security) part=debian-security ;;
	esac
	# shellcheck disable=SC2016 # apt's variable, not the shell's
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		sed -n "s|^\(.*/$part\)/\$|\1|p" | sort -u | head -n 1 | grep . || {
		echo "apt's sources name no mirror of $part" >&2
		return 1
	}
}

# archive_apt SUITE ARCH TOOL [ARGUMENT]...: apt-TOOL, of that suite alone.
archive_apt() {
	local suite=$1 arch=$2 tool=$3
	shift 3

	"apt-$tool" -c "$cache/apt/$suite-$arch/apt.conf" "$@"
}

# archive_update SUITE ARCH [now]: sees to it that there are package lists, and
# that they are of today. Where that fails, those of another day are better than
# none, for this day.
archive_update() {
	local suite=$1 arch=$2 when=${3-today} dir=$cache/apt/$1-$2

	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	exec 8>"$dir/lock"
	flock 8
	if [ "$when" = now ] || [ -z "$(find "$dir/updated" -mtime -1 2>/dev/null)" ]; then
		: >"$dir/status"
		echo "deb [arch=$arch signed-by=$archive_keyring] $(archive_uri "$suite") $suite main" \
			>"$dir/sources.list"
		cat >"$dir/apt.conf" <<-END
			APT::Architecture "$arch";
			APT::Architectures { "$arch"; };
			APT::Sandbox::User "root";
			APT::Update::Error-Mode "any";
			Dir::Etc::sourcelist "$dir/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			Dir::State::Lists "$dir/lists";
			Dir::State::status "$dir/status";
			Dir::Cache "$dir";
		END
		if ! archive_apt "$suite" "$arch" get -qq update >&2 &&
		   [ ! -e "$dir/updated" ]; then
			echo "no package lists of $suite for $arch" >&2
			exec 8>&-
			return 1
		fi
		touch "$dir/updated"
	fi
	exec 8>&-
}

# archive_depends SUITE ARCH PACKAGE PATTERN: what first matches the PATTERN (grep -E)
# among what PACKAGE depends on.
archive_depends() {
	archive_apt "$1" "$2" cache show --no-all-versions "$3" |
		sed -n 's/^Depends: //p' | sed 's/[,|] */\n/g' | grep -oE "$4" | sed -n 1p
}

# archive_headers SUITE ARCH SERIES SUFFIX: "VERSION RELEASE" of each kernel for
# which there are headers. Not by the meta packages: a kernel has none until it
# has been signed, nor when another has taken its place.
archive_headers() {
	local suite=$1 arch=$2 series=$3 suffix=$4 packages

	packages=$(archive_apt "$suite" "$arch" cache pkgnames linux-headers- |
		grep -E "^linux-headers-[^-]+(-(rc)?[0-9]+)?-$suffix\$") || return 0
	# shellcheck disable=SC2086 # a list
	archive_apt "$suite" "$arch" cache show --no-all-versions $packages |
		awk -v series="$series" '
			/^Package: / { release = substr($2, length("linux-headers-") + 1) }
			/^Version: / { version = $2 }
			# Meta packages do not.
			/^Depends: .*linux-kbuild-/ &&
			(series == "newest" || index(version, series ".") == 1 ||
			 index(version, series "~") == 1) { print version, release }'
}

# archive_find ARCH SERIES SUFFIX: "VERSION RELEASE SUITE" of the current kernel.
archive_find() {
	local arch=$1 series=$2 suffix=$3 suite best='' best_version version release

	for suite in $(archive_suites "$series"); do
		while read -r version release; do
			if [ -z "$best" ] ||
			   dpkg --compare-versions "$version" gt "$best_version"; then
				best="$version $release $suite"
				best_version=$version
			fi
		done < <(archive_headers "$suite" "$arch" "$series" "$suffix")
	done
	[ -n "$best" ] && echo "$best"
}

# archive_image SUITE ARCH RELEASE: the packages with the image and the modules.
archive_image() {
	local names image

	names=$(archive_apt "$1" "$2" cache pkgnames linux-)
	# From 6.19 or so there is one package each for image, modules and the rest.
	# What is not signed yet is the same kernel.
	for image in "linux-binary-$3" "linux-binary-unsigned-$3" \
		"linux-image-$3" "linux-image-$3-unsigned"; do
		grep -Fx "$image" <<<"$names" && break
	done
	grep -Fx -e "linux-base-$3" -e "linux-modules-$3" <<<"$names" || true
}

# archive_download SUITE ARCH DIRECTORY PACKAGE...: unpacked there.
archive_download() {
	local suite=$1 arch=$2 directory=$3 deb
	shift 3

	(cd "$directory" && archive_apt "$suite" "$arch" get -qq download "$@") >&2 || return
	for deb in "$directory"/*.deb; do
		dpkg -x "$deb" "$directory" || return
		rm "$deb"
	done
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154 # $kvmidle is set by whoever sources this
#
# Tests as shell functions, for bash and busybox. ktap_run TEST... runs each in
# a shell of its own with -eu and prints KTAP. A test passes if its function
# returns 0; what it prints becomes diagnostics if it does not.

# Ends the running test: skipped, and why.
skip() {
	echo "$*" >&3
	exit 0
}

# Ends the running test: failed, and why.
fail() {
	echo "$*"
	exit 1
}

# ktap_run TEST...; returns 1 if one of them failed.
ktap_run() {
	ktap_dir=$(mktemp -d) || return 1
	ktap_number=0
	ktap_failed=0

	echo "1..$#"
	for ktap_test; do
		ktap_number=$((ktap_number + 1))
		: >"$ktap_dir/skip"
		(
			set -eu
			work=$ktap_dir/work
			mkdir "$work"
			cd "$work"
			"$ktap_test"
		) >"$ktap_dir/out" 2>&1 3>"$ktap_dir/skip"
		ktap_status=$?

		ktap_name=$(echo "$ktap_test" | tr _ ' ')
		if [ "$ktap_status" != 0 ]; then
			echo "not ok $ktap_number - $ktap_name"
			sed 's/^/# /' "$ktap_dir/out"
			ktap_failed=1
		elif [ -s "$ktap_dir/skip" ]; then
			echo "ok $ktap_number - $ktap_name # SKIP $(cat "$ktap_dir/skip")"
		else
			echo "ok $ktap_number - $ktap_name"
		fi
		rm -rf "$ktap_dir/work"
	done
	rm -rf "$ktap_dir"
	return $ktap_failed
}

# Run kvmidle with arguments: its output goes to the files out and err, its exit
# status must be $1.
expect_status() {
	ktap_expected=$1
	shift
	ktap_got=0
	"$kvmidle" "$@" >out 2>err || ktap_got=$?
	[ "$ktap_got" = "$ktap_expected" ] && return
	echo "kvmidle $*: exit status $ktap_got instead of $ktap_expected"
	cat out err
	exit 1
}

# The file $1 has a line with the text $2.
expect_text() {
	grep -qF -- "$2" "$1" && return
	echo "'$2' is not in $1:"
	cat "$1"
	exit 1
}

# The file $1 is empty.
expect_empty() {
	[ -s "$1" ] || return 0
	echo "$1 should be empty:"
	cat "$1"
	exit 1
}

# expect_json EXPRESSION...: jq's verdict on the file out: are they all true? One
# jq for all of them, as it takes its time to start.
expect_json() {
	ktap_filter=
	ktap_n=0
	for ktap_expression; do
		ktap_n=$((ktap_n + 1))
		ktap_filter="$ktap_filter (if ($ktap_expression) then empty else $ktap_n end),"
	done
	jq -c "[$ktap_filter empty]" out >verdict 2>&1 || true
	[ "$(cat verdict)" != "[]" ] || return 0
	ktap_n=0
	for ktap_expression; do
		ktap_n=$((ktap_n + 1))
		echo "$ktap_n: $ktap_expression"
	done
	echo "not true of them:"
	cat verdict out
	exit 1
}

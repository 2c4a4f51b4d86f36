# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # $logs, $lane and $pattern are set by whoever sources this
#
# What runs tests and counts them, to be sourced at the top of the tree: output and
# tallies go into the folder $logs, the tally into that of a $lane, and a test whose
# name does not match $pattern is left out.

# NAME COMMAND...: runs a test, and says when it did and how long it took
test_() {
	local name=$1 start=$SECONDS
	shift
	# shellcheck disable=SC2053 # a pattern
	[[ $name == $pattern ]] || return 0
	if tests/ktap-run "$logs/$lane.tally" "$name" -- "$@" >"$logs/$name.log" 2>&1; then
		printf 'ok      %-28s %4d s\n' "$name" $((SECONDS - start))
	else
		printf 'FAILED  %-28s %4d s\n' "$name" $((SECONDS - start))
		tail -n 40 "$logs/$name.log" | sed 's/^/    /'
		printf '        all of it: %s\n' "${logs#"$PWD/"}/$name.log"
	fi
}

# NAME RUN-OPTIONS -- COMMAND...: commands in one emulated machine
vm() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	test_ "$name" tests/vm/run --log "$logs/$name.d" --add tests/vm/each:/each \
		"${options[@]}" -- /each "$@"
}

# The verdict on all of them.
sum_up() {
	echo
	cat "$logs"/*.tally >"$logs/all" 2>/dev/null
	tests/ktap-run --sum "$logs/all"
}

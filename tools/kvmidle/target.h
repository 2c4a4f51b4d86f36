/* SPDX-License-Identifier: GPL-2.0-only */
/* What a command is about: a VM, named by process or by name, or a recording. */
#ifndef TARGET_H
#define TARGET_H

#include "common.h"
#include "report.h"

#include <kvmidle.h>

/**
 * struct target - a VM or a recording, opened
 * @vm: the handle
 * @mode: it was opened for
 * @is_recording: it is one
 * @file: the path of the recording, else NULL
 * @shown: the same, printable
 * @partial: it is damaged or cut off, and what is before that was taken
 * @recorded_ns: when the recording began, in ns since 1970 (UTC), else 0
 * @pid: the process; of a recording, as it was then
 * @index: which virtual machine of the process
 * @index_given: it was asked for
 * @machines: how many the process has
 * @name: of the VM
 */
struct target {
	struct kvmidle_vm *vm;
	enum kvmidle_mode mode;
	bool is_recording;
	const char *file;
	char *shown;
	bool partial;
	uint64_t recorded_ns;
	pid_t pid;
	unsigned int index;
	bool index_given;
	unsigned int machines;
	char name[128];
};

/**
 * target_open() - open what the user has named
 * @self: the command, for usage errors
 * @word: a process (its number), a recording (a file; -: the standard input), or a VM
 *	(its name). A file that is no recording does not hide a VM that is called so
 * @mode: what reading shall do; of a recording it means nothing
 * @c: --vm, --host, --tlb and so on: set here, or refused
 * @t: out; close it with target_close() if EXIT_OK
 *
 * Return: EXIT_OK; else the exit code to leave with, and it has said why.
 */
int target_open(const struct command *self, const char *word,
		enum kvmidle_mode mode, const struct common *c, struct target *t);

/**
 * target_argument() - the only argument of a command, opened
 * @self: the command; @argc and @argv as of run(), after parse_options()
 *
 * Everything else as of target_open(); it is a usage error if there is no argument or
 * more than one.
 */
int target_argument(const struct command *self, int argc, char **argv,
		    enum kvmidle_mode mode, const struct common *c,
		    struct target *t);

/**
 * target_recording() - open a recording and nothing else, whatever it is called
 * @word: the file; -: the standard input
 *
 * Everything else as of target_open().
 */
int target_recording(const struct command *self, const char *word,
		     const struct common *c, struct target *t);

/**
 * target_plan() - when to look at it
 * @t: the target
 * @c: --interval and --count
 * @passes: how many passes without --count; 0: until something else ends it. Of a
 *	recording, all
 * @plan: out: for series_run(). Of a recording, @plan->passes is never above what it
 *	has, and never 0
 *
 * Return: EXIT_OK; EXIT_FAILED: a recording that has the baseline alone. It has said so.
 */
int target_plan(const struct target *t, const struct common *c, uint64_t passes,
		struct plan *plan);

/**
 * target_report() - fill in the part of a report that is the caller's
 * @t: the target
 * @plan: of target_plan()
 * @m: what was measured; kept
 * @r: out: as report_build() wants it. Hot is what was touched in the last pass, cold
 *	what was idle in as many as there were; by slots alone
 */
void target_report(const struct target *t, const struct plan *plan,
		   const struct measurement *m, struct report *r);

/**
 * target_needs_vm() - what is wanted takes a VM that runs
 * @self: the command
 * @t: the target; closed if it is a recording
 *
 * Return: EXIT_OK, or that of usage_error() if it is a recording.
 */
int target_needs_vm(const struct command *self, struct target *t);

/**
 * target_failed() - say what went wrong with it
 * @t: the target
 * @err: a negative errno as of libkvmidle
 *
 * Return: EXIT_FAILED.
 */
int target_failed(const struct target *t, int err);

/* Close it; it may have been closed before. */
void target_close(struct target *t);

#endif /* TARGET_H */

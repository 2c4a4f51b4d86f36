// SPDX-License-Identifier: GPL-2.0-only
/* What a command is about: a VM, named by process or by name, or a recording. */
#include "target.h"
#include "parse.h"

#include <printable.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Room for what the library has to say, and for some words more. */
#define WHY_TEXT	1024

static void set_name(struct target *t, const char *name)
{
	snprintf(t->name, sizeof(t->name), "%s", name);
}

/* ---- Recordings ----------------------------------------------------------- */

static int refuse_live_options(const struct command *self, const char *word,
			       const struct common *c)
{
	const char *option = NULL;

	if (c->vm_given)
		option = "vm";
	else if (c->interval_given)
		option = "interval";
	else if (c->options.set & KVM_IDLE_OPTION_HOST)
		option = "host";
	else if (c->options.set & KVM_IDLE_OPTION_TLB)
		option = "tlb";
	if (!option)
		return EXIT_OK;
	return usage_error(self, "--%s is settled already: %s is a recording and has its own",
			   option, word);
}

/* Opens it, whatever has been asked for; or @why is what to say. */
static int open_recording(const char *word, const struct common *c,
			  struct target *t, char why[WHY_TEXT])
{
	struct kvmidle_recording_head head;
	int err;

	*t = (struct target){ 0 };
	t->file = strcmp(word, "-") ? word : "/dev/stdin";
	/* Damaged or not: --partial is to be recommended only if there is something to take. */
	err = kvmidle_open_recording(t->file, KVMIDLE_RECORDING_PARTIAL, &t->vm, why,
				     WHY_TEXT / 2);
	if (!err && *why && !c->partial) {
		strcat(why, "\nWith --partial, the whole passes before that are taken.");
		err = -EBADMSG;
	}
	if (!err) {
		t->shown = strdup(t->file);
		err = t->shown ? 0 : -ENOMEM;
	}
	if (err) {
		target_close(t);
		return err;
	}
	kvmidle_make_printable(t->shown);
	kvmidle_recording_get_head(t->vm, &head);
	t->is_recording = true;
	t->partial = *why;
	t->recorded_ns = head.wall_ns;
	t->pid = head.pid;
	t->index = head.vm;
	t->machines = 1;
	set_name(t, head.name);
	return 0;
}

/* Of one that is open: an exit code. */
static int take_recording(const struct command *self, const char *word,
			  const struct common *c, struct target *t, const char *why)
{
	int code = refuse_live_options(self, word, c);

	if (code)
		target_close(t);
	else if (t->partial)
		remark("%s: these are taken", why);
	return code;
}

int target_recording(const struct command *self, const char *word,
		     const struct common *c, struct target *t)
{
	char why[WHY_TEXT];

	if (open_recording(word, c, t, why))
		return failure("%s", why);
	return take_recording(self, word, c, t, why);
}

/* ---- Virtual machines ----------------------------------------------------- */

static bool same_vm(const struct kvmidle_list_entry *e, const char *name)
{
	return !strcmp(e->name, name);
}

static void name_candidates(const struct kvmidle_list *list, const char *name)
{
	pid_t last = 0;
	size_t i;

	for (i = 0; i < kvmidle_list_count(list); i++) {
		const struct kvmidle_list_entry *e = kvmidle_list_at(list, i);

		if ((!name || same_vm(e, name)) && e->pid != last)
			fprintf(stderr, "  %d  %s\n", e->pid, e->name);
		last = e->pid;
	}
}

static int no_such_name(const struct kvmidle_list *list, const char *word)
{
	size_t unseen = kvmidle_list_unseen(list);

	failure("there is no virtual machine '%s', and no recording of that name%s",
		word, kvmidle_list_count(list) ? ". There are:" :
		": no virtual machine was found at all");
	name_candidates(list, NULL);
	if (unseen)
		fprintf(stderr, "%zu processes could not be looked into: run as root to see all.\n",
			unseen);
	return EXIT_FAILED;
}

/*
 * The process of the VM called @word; an exit code, with @pid set if EXIT_OK. @otherwise:
 * what to say if there is none; NULL: which there are.
 */
static int find_name(const char *word, const char *otherwise, pid_t *pid)
{
	struct kvmidle_list *list;
	int code = EXIT_OK, err;
	bool several = false;
	size_t i;

	err = kvmidle_list_get(0, &list);
	if (err && otherwise)
		return failure("%s", otherwise);
	if (err == -ENOENT)
		return failure("There is no /proc here. Mount it: mount -t proc proc /proc.");
	if (err)
		return failure("%s", strerror(-err));

	*pid = 0;
	for (i = 0; i < kvmidle_list_count(list); i++) {
		const struct kvmidle_list_entry *e = kvmidle_list_at(list, i);

		if (!same_vm(e, word))
			continue;
		several |= *pid && *pid != e->pid;
		*pid = e->pid;
	}
	if (several) {
		code = failure("'%s' is the name of several virtual machines. Give the number of one:",
			       word);
		name_candidates(list, word);
	} else if (!*pid) {
		code = otherwise ? failure("%s", otherwise) : no_such_name(list, word);
	}
	kvmidle_list_free(list);
	return code;
}

static void find_out_name(struct target *t)
{
	struct kvmidle_list *list = NULL;
	const struct kvmidle_list_entry *entry;

	set_name(t, "?");
	if (kvmidle_list_get(t->pid, &list))
		return;
	entry = kvmidle_list_at(list, 0);
	if (entry)
		set_name(t, entry->name);
	kvmidle_list_free(list);
}

static int open_vm(const struct common *c, struct target *t)
{
	struct kvm_idle_options options = c->options;
	int err, machines;

	err = kvmidle_open(t->pid, t->mode, &t->vm);
	if (err)
		return target_failed(t, err);

	/* Never in silence: it is a sign that the module could not do all it wanted. */
	if (kvmidle_door(t->vm) == KVMIDLE_DOOR_DEVICE)
		remark("read through %s, as there is no /proc/%d/idle_bitmap here",
		       KVM_IDLE_DEVICE, t->pid);

	err = kvmidle_select_vm(t->vm, c->vm);
	/* A module that knows no options will do if none is wanted. */
	if (!err && options.set)
		err = kvmidle_set_options(t->vm, &options);
	if (err) {
		target_failed(t, err);
		target_close(t);
		return EXIT_FAILED;
	}
	machines = kvmidle_count_vms(t->vm);
	t->machines = machines > 0 ? machines : 1;
	find_out_name(t);
	return EXIT_OK;
}

/* ---- Both ----------------------------------------------------------------- */

static bool is_file(const char *word)
{
	struct stat st;

	return !stat(word, &st) && !S_ISDIR(st.st_mode);
}

static bool is_number(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

int target_open(const struct command *self, const char *word,
		enum kvmidle_mode mode, const struct common *c, struct target *t)
{
	const struct target vm = {
		.mode = mode,
		.index = c->vm,
		.index_given = c->vm_given,
	};
	char why[WHY_TEXT] = "";
	uint64_t pid;
	int err, code;

	*t = vm;
	if (!*word)
		return usage_error(self, "'' is no process, no name of a virtual machine and no file");
	if (is_number(word)) {
		if (!parse_number(word, 1, INT_MAX, &pid))
			return usage_error(self, "'%s' is no PID: give the number of a process, the name of a virtual machine, or a file ('./%s' if that is one)",
					   word, word);
		t->pid = pid;
		return open_vm(c, t);
	}
	if (!strcmp(word, "-"))
		return target_recording(self, word, c, t);
	if (is_file(word)) {
		err = open_recording(word, c, t, why);
		if (!err)
			return take_recording(self, word, c, t, why);
		if (err != -ENOEXEC || strchr(word, '/'))
			return failure("%s", why);
		*t = vm;	/* a file that just happens to be called so */
	}
	code = find_name(word, *why ? why : NULL, &t->pid);
	return code ? code : open_vm(c, t);
}

int target_argument(const struct command *self, int argc, char **argv,
		    enum kvmidle_mode mode, const struct common *c,
		    struct target *t)
{
	if (argc == optind)
		return usage_error(self, "which virtual machine? Give its PID or its name, or a recording");
	if (argc - optind > 1)
		return usage_error(self, "give one PID, name or recording only: kvmidle %s takes %s", self->name, self->args);
	return target_open(self, argv[optind], mode, c, t);
}

int target_plan(const struct target *t, const struct common *c, uint64_t passes,
		struct plan *plan)
{
	ssize_t recorded;

	*plan = c->plan;
	if (!t->is_recording) {
		if (!plan->passes)
			plan->passes = passes;
		return EXIT_OK;
	}
	recorded = kvmidle_recording_passes(t->vm) - 1;
	if (recorded < 1)
		return failure("%s: it was ended before the first pass after the baseline: there is nothing to tell",
			       t->shown);
	if (plan->passes > (uint64_t)recorded)
		remark("%s has %zd passes: these are taken", t->shown, recorded);
	if (!plan->passes || plan->passes > (uint64_t)recorded)
		plan->passes = recorded;
	return EXIT_OK;
}

void target_report(const struct target *t, const struct plan *plan,
		   const struct measurement *m, struct report *r)
{
	*r = (struct report){
		.pid = t->pid,
		.name = t->name,
		.machines = t->machines,
		.vm = t->index,
		.vm_given = t->index_given,
		.door = kvmidle_door(t->vm),
		.file = t->shown,
		.partial = t->partial,
		.recorded_ns = t->recorded_ns,
		.plan = *plan,
		.m = m,
		.hot_passes = 1,
		.cold_passes = KVMIDLE_AGE_MAX,
	};
}

int target_needs_vm(const struct command *self, struct target *t)
{
	if (!t->is_recording)
		return EXIT_OK;
	usage_error(self, "%s is a recording: this takes a virtual machine that runs", t->shown);
	target_close(t);
	return EXIT_USAGE;
}

int target_failed(const struct target *t, int err)
{
	char why[512];

	kvmidle_diagnose(t->pid, t->mode, t->vm, err, why, sizeof(why));
	return t->is_recording ? failure("%s: %s", t->shown, why) : failure("%s", why);
}

void target_close(struct target *t)
{
	kvmidle_close(t->vm);
	free(t->shown);
	t->vm = NULL;
	t->shown = NULL;
}

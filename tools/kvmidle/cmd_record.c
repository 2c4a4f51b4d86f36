// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle record: write down what each pass has seen. */
#include "json.h"
#include "parse.h"
#include "target.h"

#include <printable.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct cmd_option options[] = {
	OPTION_VM,
	OPTION_INTERVAL,
	OPTION_COUNT("until Ctrl-C, or the end of the virtual machine"),
	{ "nodes", 'n', NULL,
	  "record on which NUMA nodes the memory lies, too\n"
	  "(of a recording: always, if it says so)" },
	{ "force", 'f', NULL,
	  "replace FILE if it is there, once there is a pass" },
	OPTION_HOST,
	OPTION_TLB,
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Records what each pass sees: which pages are mapped and which were touched\n"
"since the pass before. All other commands take such a file in place of a\n"
"virtual machine, at any time and on any machine. FILE - is the standard output,\n"
"TARGET - a recording on the standard input.\n"
"\n"
"Each pass is written as soon as it was made, so a recording that is still being\n"
"written, or was cut off, can be read with --partial. Ctrl-C ends it properly.\n"
"Of a recording as TARGET it makes a copy: with --partial, one that is whole\n"
"again.\n"
"\n"
"Examples:\n"
"  kvmidle record web1 monday.kvi                        until Ctrl-C\n"
"  kvmidle record --interval 1m --count 60 web1 hour.kvi\n"
"  kvmidle report hour.kvi\n"
"  ssh host kvmidle record --count 60 web1 - | kvmidle heatmap -\n";

struct arguments {
	struct common common;
	const char *path;
	bool nodes;
	bool force;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	(void)self;
	if (letter == 'n')
		a->nodes = true;
	else
		a->force = true;
	return EXIT_OK;
}

static bool to_stdout(const struct arguments *a)
{
	return !strcmp(a->path, "-");
}

/* ---- The file ------------------------------------------------------------- */

/* What is read must not be overwritten: the same file by another name, too. */
static bool is_source(const struct target *t, const char *path)
{
	struct stat source, st;

	return t->file && !stat(t->file, &source) && !stat(path, &st) &&
	       source.st_dev == st.st_dev && source.st_ino == st.st_ino;
}

/**
 * struct output - where it is written to
 * @fd: of it
 * @path: of the file; NULL: the standard output
 * @made: it was not there before
 * @replaces: the file that it takes the place of once there is something in it, else NULL
 */
struct output {
	int fd;
	char *path;
	bool made;
	char *replaces;
};

/* In the same folder, so that it can take the place at once. */
static int make_beside(struct output *out, mode_t mode)
{
	if (asprintf(&out->path, "%s.XXXXXX", out->replaces) < 0) {
		out->path = NULL;
		return -ENOMEM;
	}
	out->fd = mkostemp(out->path, O_CLOEXEC);
	if (out->fd < 0)
		return -errno;
	out->made = true;
	return fchmod(out->fd, mode & 0777) ? -errno : 0;
}

static int open_path(struct output *out, const char *path, bool force)
{
	struct stat st;
	bool there = force && !stat(path, &st);

	if (there && S_ISREG(st.st_mode)) {
		out->replaces = realpath(path, NULL);
		return out->replaces ? make_beside(out, st.st_mode) : -errno;
	}
	out->path = strdup(path);
	if (!out->path)
		return -ENOMEM;
	/* What is there and is no file (a pipe, a device) is just written to. */
	out->fd = open(path, O_WRONLY | O_CLOEXEC | (there ? 0 : O_CREAT | O_EXCL), 0666);
	out->made = !there && out->fd >= 0;
	return out->fd < 0 ? -errno : 0;
}

/* An exit code; close_output() in any case. */
static int open_output(const struct arguments *a, const struct target *t,
		       struct output *out)
{
	int err;

	*out = (struct output){ .fd = STDOUT_FILENO };
	if (to_stdout(a))
		return EXIT_OK;
	out->fd = -1;
	if (is_source(t, a->path))
		return failure("%s is what is to be read: give another name", a->path);
	err = open_path(out, a->path, a->force);
	if (err == -EEXIST)
		return failure("%s is there already: give another name, or --force to overwrite it",
			       a->path);
	return err ? failure("%s: %s", a->path, strerror(-err)) : EXIT_OK;
}

/* There is something in it. Returns 0 or a negative errno. */
static int keep_output(struct output *out)
{
	if (out->replaces && rename(out->path, out->replaces))
		return -errno;
	out->made = false;
	return 0;
}

/* What was not kept is missed by nobody, and the next try does not find it in its way. */
static void close_output(struct output *out)
{
	if (out->made)
		unlink(out->path);
	if (out->fd > STDOUT_FILENO)
		close(out->fd);
	free(out->path);
	free(out->replaces);
}

static void head_of(const struct target *t, struct kvmidle_recording_head *head)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*head = (struct kvmidle_recording_head){
		.pid = t->pid,
		.vm = t->index,
		.name = t->name,
		.wall_ns = t->is_recording ? t->recorded_ns :
			   now.tv_sec * NS_PER_SECOND + now.tv_nsec,
	};
}

/* ---- Recording ------------------------------------------------------------ */

/* What is going on. */
struct recording {
	const struct target *target;
	struct output *out;
	struct kvmidle_recorder *recorder;
	bool nodes;
	uint64_t passes;	/* the baseline included */
	int not_kept;		/* why the output could not take its place, else 0 */
	bool ended_early;
};

static int record_nodes(const struct recording *r)
{
	struct kvmidle_nodes *nodes = NULL;
	struct kvmidle_slots *slots = NULL;
	struct kvmidle_node_range *ranges;
	size_t count, i;
	int err;

	err = kvmidle_get_slots(r->target->vm, 0, &slots);
	if (!err)
		err = kvmidle_get_nodes(r->target->vm, slots, &nodes);
	kvmidle_slots_free(slots);
	if (err)
		return err;

	count = kvmidle_nodes_count(nodes);
	ranges = calloc(count ? count : 1, sizeof(*ranges));
	for (i = 0; ranges && i < count; i++)
		ranges[i] = *kvmidle_nodes_at(nodes, i);
	err = ranges ? kvmidle_recorder_nodes(r->recorder, ranges, count) : -ENOMEM;
	free(ranges);
	kvmidle_nodes_free(nodes);
	return err;
}

/*
 * Right after the baseline, lest there be none if it is cut off; the last one, when it
 * is ended, counts.
 */
static int end_pass(void *arg, uint64_t pass, uint64_t started_ns)
{
	struct recording *r = arg;
	int err = 0;

	(void)started_ns;
	if (!pass && r->nodes)
		err = record_nodes(r);
	if (!pass && !err)
		err = r->not_kept = keep_output(r->out);
	r->passes += !err;
	return err;
}

static int print_json(const struct arguments *a, const struct recording *r,
		      uint64_t bytes)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_uint(o, "pid", r->target->pid);
	json_add_string(o, "name", r->target->name);
	json_add_uint(o, "vm", r->target->index);
	json_add_string(o, "file", a->path);
	json_add_uint(o, "file_bytes", bytes);
	json_add_uint(o, "passes", r->passes - 1);
	json_add_bool(o, "ended_early", r->ended_early);
	return json_print(o, stdout);
}

static int say_what_was_recorded(const struct arguments *a,
				 const struct recording *r, int fd)
{
	char size[SIZE_TEXT], path[PATH_MAX];
	struct stat st = { 0 };

	if (to_stdout(a) || fstat(fd, &st))
		return EXIT_OK;
	if (a->common.json)
		return print_json(a, r, st.st_size) ?
		       failure("%s", strerror(ENOMEM)) : EXIT_OK;
	snprintf(path, sizeof(path), "%s", a->path);
	kvmidle_make_printable(path);
	printf("%s: %" PRIu64 " passes after the baseline, %s\n", path,
	       r->passes - 1, format_size(size, st.st_size));
	return EXIT_OK;
}

/* What could not be written is no matter of the virtual machine. */
static int cannot_write(const struct arguments *a, int err)
{
	return failure("cannot write %s: %s",
		       to_stdout(a) ? "the output" : a->path, strerror(-err));
}

static bool is_write_error(int err)
{
	return err == -ENOSPC || err == -EFBIG || err == -EDQUOT || err == -EPIPE ||
	       err == -EIO;
}

static int record(const struct arguments *a, const struct target *t,
		  const struct plan *plan, struct output *out)
{
	struct recording r = { .target = t, .out = out, .nodes = a->nodes };
	struct series series = {
		.vm = t->vm, .plan = *plan, .needs_all = plan->passes,
		.what = "end the recording", .end_pass = end_pass, .arg = &r,
	};
	struct kvmidle_recording_head head;
	int err, end, code = EXIT_OK;

	head_of(t, &head);
	err = kvmidle_recorder_new(out->fd, &head, &r.recorder);
	if (err)
		return cannot_write(a, err);
	series.recorder = r.recorder;
	err = series_run(&series, &r.ended_early);
	if (!err && r.nodes && !t->is_recording)
		err = record_nodes(&r);
	/* It has ended: where its memory lay at the beginning will have to do. */
	if (err == -ESRCH && r.passes > 1 && !series.needs_all)
		err = 0;
	end = kvmidle_recorder_end(r.recorder);

	if (r.not_kept)
		code = cannot_write(a, r.not_kept);
	else if (err && is_write_error(err))
		code = cannot_write(a, err);
	else if (err)
		code = target_failed(t, err);
	else if (end)
		code = cannot_write(a, end);
	if (!code && r.passes < 2)
		code = failure("ended before the first pass after the baseline: there is nothing in %s that could be shown",
			       a->path);
	return code ? code : say_what_was_recorded(a, &r, out->fd);
}

/* Of a recording they are taken if there are any: a copy is to be one. */
static int settle_nodes(struct arguments *a, const struct target *t)
{
	struct kvmidle_nodes *nodes = NULL;
	int err;

	if (!t->is_recording)
		return EXIT_OK;
	err = kvmidle_get_nodes(t->vm, NULL, &nodes);
	kvmidle_nodes_free(nodes);
	if (err && err != -ENODATA)
		return target_failed(t, err);
	if (err && a->nodes)
		return failure("%s does not say on which NUMA nodes the memory lay: leave --nodes out",
			       t->shown);
	a->nodes = !err;
	return EXIT_OK;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { 0 };
	struct target t;
	struct output out;
	struct plan plan;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	if (argc - optind != 2)
		return usage_error(self, argc == optind ?
			"which virtual machine, and into which file?" :
			argc - optind == 1 ? "into which file?" :
			"give a virtual machine and a file, and no more");
	a.path = argv[--argc];
	if (to_stdout(&a) && isatty(STDOUT_FILENO))
		return usage_error(self, "a terminal is no place for a recording: send it to a file or a program");
	if (to_stdout(&a) && a.common.json)
		return usage_error(self, "--json tells of a file: give one in place of -");

	code = target_argument(self, argc, argv, KVMIDLE_HARVEST, &a.common, &t);
	if (code)
		return code;
	code = target_plan(&t, &a.common, 0, &plan);
	if (!code)
		code = settle_nodes(&a, &t);
	if (!code) {
		code = open_output(&a, &t, &out);
		if (!code)
			code = record(&a, &t, &plan, &out);
		close_output(&out);
	}
	target_close(&t);
	return code;
}

const struct command cmd_record = {
	.name = "record",
	.group = GROUP_RECORD,
	.args = "TARGET FILE",
	.summary = "write down what each pass sees",
	.text = text,
	.options = options,
	.run = run,
};

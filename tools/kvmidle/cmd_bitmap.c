// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle bitmap: page by page, idle or not. */
#include "dump.h"
#include "parse.h"
#include "range.h"
#include "target.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASS_MAX	1000000

enum own_letter {
	LETTER_HARVEST = LONG_ONLY_OWN,
};

static const struct cmd_option options[] = {
	{ "text", 'x', NULL,
	  "print characters, a line for 64 pages, not words" },
	OPTION_RANGE,
	{ "harvest", LETTER_HARVEST, NULL,
	  "clear what is told (default: look only)" },
	{ "pass", 'p', "N",
	  "of a recording, show pass N, 0 being the baseline\n"
	  "(default: the last)" },
	OPTION_VM,
	OPTION_HOST,
	OPTION_TLB,
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Prints the bitmap of a virtual machine: a bit for each page of guest memory,\n"
"from guest address 0 on, in native 64-bit words as /proc/PID/idle_bitmap has\n"
"them. 1 is idle; 0 is young, or nothing is mapped there. With --text, a\n"
"character for each page:\n"
"\n"
"  1  idle: mapped, and not touched\n"
"  0  young: touched\n"
"  .  nothing is mapped there\n"
"\n"
"64 of them a line, the guest address before them; what no memory slot covers is\n"
"left out, and a * stands for lines that are as the one above it. With --json,\n"
"runs of pages that are alike.\n"
"\n"
"It only looks, which shows what was touched since anybody last cleared the\n"
"bits. With --harvest it clears what it tells, as 'kvmidle mark' does.\n"
"\n"
"Examples:\n"
"  kvmidle bitmap --text --range 16M+1M web1\n"
"  kvmidle bitmap web1 | xxd | head\n";

struct arguments {
	struct common common;
	struct range range;
	enum kvmidle_mode mode;
	uint64_t pass;
	bool pass_given;
	bool characters;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	switch (letter) {
	case 'x':
		a->characters = true;
		break;
	case 'p':
		if (!parse_number(optarg, 0, PASS_MAX, &a->pass))
			return usage_error(self, "'%s' is no pass: give its number, 0 being the baseline",
					   optarg);
		a->pass_given = true;
		break;
	case 'r':
		return range_option(self, &a->range);
	case LETTER_HARVEST:
		a->mode = KVMIDLE_HARVEST;
		break;
	}
	return EXIT_OK;
}

/* ---- Words ---------------------------------------------------------------- */

/* What a word of the bitmap is of the regions: one place for live and recorded. */
struct words {
	uint64_t page_size;
	uint64_t next;		/* gfn of the word */
	uint64_t word;
};

static int put_word(struct words *w)
{
	uint64_t word = w->word;

	w->word = 0;
	w->next += 64;
	return fwrite(&word, sizeof(word), 1, stdout) == 1 ? 0 : -errno;
}

static int put_until(struct words *w, uint64_t gfn)
{
	int err = 0;

	while (!err && w->next + 64 <= gfn)
		err = put_word(w);
	return err;
}

static int put_idle(struct words *w, uint64_t gfn, uint64_t end)
{
	int err;

	for (err = put_until(w, gfn); !err && gfn < end; ) {
		uint64_t stop = w->next + 64 < end ? w->next + 64 : end;
		uint64_t bits = stop - gfn;

		w->word |= (bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1) <<
			   (gfn - w->next);
		gfn = stop;
		err = put_until(w, gfn);
	}
	return err;
}

static int words_of(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	struct words *w = arg;
	int err = 0;
	size_t i;

	for (i = 0; i < count && !err; i++)
		if (page_state(&regions[i]) == PAGE_IDLE)
			err = put_idle(w, regions[i].start / w->page_size,
				       regions[i].end / w->page_size);
	return err;
}

static int print_words(const struct range *range, const struct target *t,
		       const struct kvm_idle_info *info)
{
	struct words w = {
		.page_size = info->page_size,
		.next = range->start / info->page_size,
	};
	int err = range_regions(range, t, words_of, &w);

	return err ? err : put_until(&w, range->end / info->page_size);
}

/* ---- All forms ------------------------------------------------------------ */

/* Passes of a recording, with the baseline. */
static uint64_t recorded(const struct target *t)
{
	return kvmidle_recording_passes(t->vm);
}

/* Of a recording, the passes before the one that is asked for. */
static int skip_passes(const struct arguments *a, const struct target *t)
{
	uint64_t wanted = a->pass_given ? a->pass : recorded(t) - 1, n;
	int err = 0;

	for (n = 0; n < wanted && !err; n++)
		err = kvmidle_pass_regions(t->vm, NULL, NULL);
	return err;
}

static int print_form(const struct arguments *a, const struct range *range,
		      const struct target *t, const struct kvm_idle_info *info)
{
	struct kvmidle_slots *slots;
	struct dump *dump;
	int err;

	if (!a->characters && !a->common.json)
		return print_words(range, t, info);

	err = kvmidle_get_slots(t->vm, 0, &slots);
	if (err)
		return err;
	dump = dump_new(a->common.json ? DUMP_JSON : DUMP_TEXT, t, info, slots,
			range->start, range->end);
	err = dump ? range_regions(range, t, dump_regions, dump) : -ENOMEM;
	dump_end(dump, !err);
	kvmidle_slots_free(slots);
	return err;
}

static int print(const struct command *self, struct arguments *a,
		 const struct target *t)
{
	struct kvm_idle_info info = { .size = sizeof(info) };
	int err = 0, code;

	if (t->is_recording)
		err = skip_passes(a, t);
	if (!err)
		err = kvmidle_get_info(t->vm, &info);
	if (err)
		return target_failed(t, err);
	code = range_check(self, &a->range, &info);
	if (code)
		return code;
	err = print_form(a, &a->range, t, &info);
	if (err && ferror(stdout))
		return failure("cannot write the output: %s", strerror(-err));
	return err ? target_failed(t, err) : EXIT_OK;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { .range = RANGE_ALL, .mode = KVMIDLE_PEEK };
	struct target t;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	if (a.characters && a.common.json)
		return usage_error(self, "give one of --text and --json");
	if (!a.characters && !a.common.json && isatty(STDOUT_FILENO))
		return usage_error(self, "a terminal is no place for raw words: give --text, or send them to a file or to xxd");
	code = target_argument(self, argc, argv, a.mode, &a.common, &t);
	if (code)
		return code;
	if (t.is_recording && a.mode == KVMIDLE_HARVEST)
		code = usage_error(self, "%s is a recording: there is nothing to harvest",
				   t.file);
	else if (!t.is_recording && a.pass_given)
		code = usage_error(self, "--pass chooses one of a recording; what runs has the present one alone");
	else if (t.is_recording && a.pass_given && a.pass >= recorded(&t))
		code = failure("%s has no pass %" PRIu64 ": the last is %" PRIu64,
			       t.file, a.pass, recorded(&t) - 1);
	else
		code = print(self, &a, &t);
	target_close(&t);
	return code;
}

const struct command cmd_bitmap = {
	.name = "bitmap",
	.group = GROUP_LOOK,
	.args = "TARGET",
	.summary = "page by page: idle, young, or nothing there",
	.text = text,
	.options = options,
	.run = run,
};

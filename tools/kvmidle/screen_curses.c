// SPDX-License-Identifier: GPL-2.0-only
/* The screen itself, by ncurses. */
#include "screen_curses.h"

#ifdef HAVE_NCURSES
#include "draw.h"
#include "draw_color.h"
#include "heat_picture.h"
#include "heat_words.h"
#include "parse.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>

/* Pairs of colours: one for each some levels. The first is 1. */
#define PAIRS	32
#define PAIR_HOLE	(PAIRS + 1)

#define WARM_LEVEL	150
#define BAR_LEFT	22
#define BAR_MOST	60

static SCREEN *terminal;
static bool colored;

bool screen_knows_terminal(void)
{
	const char *name = getenv("TERM");
	bool known;
	int err;

	if (!name || !*name || setupterm(name, 1, &err) != OK)
		return false;
	known = cursor_address;
	del_curterm(cur_term);
	return known;
}

static int pair_of(int level)
{
	return level == LEVEL_HOLE ? PAIR_HOLE : 1 + level * (PAIRS - 1) / LEVEL_MAX;
}

static void make_colors(void)
{
	const char *no = getenv("NO_COLOR");
	int i;

	colored = !(no && *no) && has_colors() && start_color() == OK &&
		  use_default_colors() == OK && COLORS >= 256 && COLOR_PAIRS > PAIR_HOLE;
	for (i = 0; colored && i < PAIRS; i++)
		init_pair(1 + i, -1, color_256(color_of_level(i * LEVEL_MAX / (PAIRS - 1),
							      GROUND_TERMINAL)));
	if (colored)
		init_pair(PAIR_HOLE, -1, color_256(color_of_level(LEVEL_HOLE, GROUND_TERMINAL)));
}

int screen_begin(void)
{
	/* Unlike initscr(), this returns if it fails. */
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -1;
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	make_colors();
	return 0;
}

void screen_end(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

int screen_key(void)
{
	int key;

	do
		key = getch();
	while (key == KEY_RESIZE);
	return key == ERR ? -1 : key;
}

/* A cell of the map: a blank of its colour, or a character. */
static void put_cell(int y, int x, int level)
{
	if (level == LEVEL_OUTSIDE)
		mvaddch(y, x, ' ');
	else if (colored)
		mvaddch(y, x, ' ' | COLOR_PAIR(pair_of(level)));
	else
		mvaddch(y, x, level_character(level));
}

/* Text that ends where its room does. */
static void put_within(int y, int x, int width, int attributes, const char *text)
{
	if (y >= LINES || width <= 0)
		return;
	/* The width is in bytes, of which a column takes one or more: whole ones. */
	if ((size_t)width < strlen(text))
		while (width && (text[width] & 0xc0) == 0x80)
			width--;
	attron(attributes);
	mvaddnstr(y, x, text, width);
	attroff(attributes);
}

static void put(int y, int x, int attributes, const char *text)
{
	put_within(y, x, COLS - x, attributes, text);
}

static void draw_head(const struct view *view, const struct screen_state *state)
{
	const struct target *t = view->target;
	char text[320], size[SIZE_TEXT], mapped[SIZE_TEXT], time[TIME_TEXT];
	int x;

	snprintf(text, sizeof(text), "%spass %" PRIu64 ", %s",
		 state->ended ? "at its end: " : state->paused ? "paused: " : "",
		 view->passes, words_time(time, view->m.window_ns));
	x = COLS - (int)strlen(text);
	/* Where there is no room for both, the name is more. */
	if (x < COLS / 2)
		x = COLS;
	put(0, x, 0, text);

	snprintf(text, sizeof(text), "%s (process %d)%s", t->name, (int)t->pid,
		 t->is_recording ? ", recorded" : "");
	put_within(0, 0, x < COLS ? x - 1 : x, A_BOLD, text);
	if (!view->has_report)
		return;

	snprintf(text, sizeof(text), "%s of memory, %s mapped; %s %s; ",
		 format_size(size, view->report.total.size),
		 format_size(mapped, view->report.total.mapped),
		 kvmidle_source_name(view->m.info.source),
		 kvmidle_format_name(view->m.info.format));
	x = strlen(text);
	if (state->is_recording)
		snprintf(text + x, sizeof(text) - x, "played at %g times its speed", state->speed);
	else
		snprintf(text + x, sizeof(text) - x, "a pass every %s",
			 words_time(time, state->interval_ns));
	put(1, 0, 0, text);
}

static void draw_bar(int y, const char *name, int level, uint64_t bytes, uint64_t of)
{
	char size[SIZE_TEXT], text[64];
	int room = COLS - 31, filled, x;

	snprintf(text, sizeof(text), "%-5s%11s %3.0f%%", name, format_size(size, bytes),
		 of ? 100.0 * bytes / of : 0);
	put(y, 0, 0, text);
	if (room > BAR_MOST)
		room = BAR_MOST;
	/* However little: it is seen that there is some. */
	filled = of ? (double)bytes / of * room + 0.5 : 0;
	if (bytes && !filled)
		filled = 1;
	for (x = 0; x < filled && BAR_LEFT + x < COLS; x++)
		if (colored)
			put_cell(y, BAR_LEFT + x, level);
		else
			mvaddch(y, BAR_LEFT + x, '#');
}

static void draw_bars(const struct view *view)
{
	const struct figures *f = &view->report.total;

	draw_bar(3, "hot", LEVEL_MAX, f->hot, f->mapped);
	draw_bar(4, "warm", WARM_LEVEL, f->warm, f->mapped);
	draw_bar(5, "cold", 0, f->cold, f->mapped);
	draw_bar(6, "used", LEVEL_MAX, f->working_set, f->mapped);
}

/* The hottest cell of those that share a character. */
static int strip_level(const struct view *view, size_t pass, int x, int width)
{
	size_t from = x * view->strip_cells / width;
	size_t to = (x + 1) * view->strip_cells / width;
	int level = view->strip[pass][from];

	for (from++; from < to; from++)
		if (view->strip[pass][from] > level)
			level = view->strip[pass][from];
	return level;
}

/* Lines of the map from @y on; returns the first line after it. */
static int draw_strip(const struct view *view, int y, int height)
{
	int width = COLS, line, x;
	char text[80];

	if (!view->strip_cells || height < 1)
		return y;
	snprintf(text, sizeof(text), "touched, by guest address 0x%" PRIx64 " ... 0x%" PRIx64 ", newest on top",
		 view->strip_gpa[0], view->strip_gpa[view->strip_cells - 1] + view->strip_bytes);
	put(y++, 0, A_DIM, text);
	for (line = 0; line < height && (size_t)line < view->strip_passes; line++)
		for (x = 0; x < width && y + line < LINES; x++)
			put_cell(y + line, x, strip_level(view, line, x, width));
	return y + height;
}

static void draw_runs(const struct view *view, int y, int end)
{
	char text[128], address[32], size[SIZE_TEXT], time[TIME_TEXT];
	size_t i;

	if (y + 1 >= end)
		return;
	put(y++, 0, A_BOLD, "   LARGEST HOT RUNS       SIZE   HOT FOR");
	for (i = 0; i < view->runs.count && y < end; i++, y++) {
		const struct view_run *run = &view->runs.at[i];

		snprintf(address, sizeof(address), "0x%" PRIx64, run->gpa);
		snprintf(text, sizeof(text), "%19s %10s %9s", address,
			 format_size(size, run->bytes),
			 words_time(time, view->started_ns - run->since_ns));
		put(y, 0, 0, text);
	}
	if (!view->runs.count)
		put(y, 0, A_DIM, "nothing was touched since the pass before");
}

static void draw_help(const struct screen_state *state)
{
	char cold[64] = "cold  idle in all passes so far, or in the last 255";
	const char *const words[] = {
		"hot   touched in the last pass",
		cold,
		"warm  in between",
		"used  touched at least once since the start",
		"The bars are parts of what is mapped. In the map, bright is hot, dark is",
		"cold, grey is not mapped; addresses without memory are left out.",
		"",
		"q       quit",
		"space   pause, and go on",
		NULL,	/* + and - */
		"r       reset: begin anew",
		"h       this help, and back",
	};
	size_t i;

	if (state->cold)
		snprintf(cold, sizeof(cold), "cold  idle in each of the last %u passes",
			 state->cold);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		put(2 + i, 0, 0, words[i] ? words[i] :
		    state->is_recording ? "+ -     faster, slower" :
					  "+ -     a longer, a shorter interval");
}

void screen_draw(const struct view *view, const struct screen_state *state)
{
	/* The map may have what the tables leave: four lines at 24, and more above. */
	int strip = LINES >= 24 ? 4 + (LINES - 24) / 2 : LINES >= 16 ? 2 : LINES >= 12;
	int y;

	erase();
	draw_head(view, state);
	if (state->help) {
		draw_help(state);
	} else if (!view->has_report) {
		put(3, 0, 0, "Waiting for the first pass ...");
	} else {
		draw_bars(view);
		y = draw_strip(view, 8, strip);
		draw_runs(view, strip ? y + 1 : 8, LINES - 1);
	}
	if (LINES > 3)
		put(LINES - 1, 0, A_REVERSE, state->is_recording ?
		    " q quit  space pause  +/- speed  r from the start  h help " :
		    " q quit  space pause  +/- interval  r reset  h help ");
	refresh();
}

#else /* HAVE_NCURSES */

bool screen_knows_terminal(void)
{
	return false;
}

int screen_begin(void)
{
	return -1;
}

void screen_end(void)
{
}

void screen_draw(const struct view *view, const struct screen_state *state)
{
	(void)view;
	(void)state;
}

int screen_key(void)
{
	return -1;
}

#endif /* HAVE_NCURSES */

/* SPDX-License-Identifier: GPL-2.0-only */
/* The screen itself, by ncurses. For builds with it alone. */
#ifndef SCREEN_CURSES_H
#define SCREEN_CURSES_H

#include "screen_view.h"

/**
 * struct screen_state - what the screen shows besides the view
 * @interval_ns: from one pass to the next
 * @speed: of a recording
 * @cold: as of screen_play()
 * @is_recording: it is one
 * @paused: no passes are made
 * @ended: all passes were made, or the recording has no more
 * @help: show what the keys do, instead
 */
struct screen_state {
	uint64_t interval_ns;
	double speed;
	unsigned int cold;
	bool is_recording;
	bool paused;
	bool ended;
	bool help;
};

/* Whether ncurses knows the terminal. */
bool screen_knows_terminal(void);

/* Take the terminal. Returns 0, or -1 if it cannot be used. */
int screen_begin(void);

/* Give the terminal back as it was; may be called more than once. */
void screen_end(void);

/* Draw it all, in the size that the terminal has now. */
void screen_draw(const struct view *view, const struct screen_state *state);

/* The next key that was pressed, or -1. Never waits. A resize is none. */
int screen_key(void);

#endif /* SCREEN_CURSES_H */

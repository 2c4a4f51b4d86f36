// SPDX-License-Identifier: GPL-2.0-only
/*
 * A terminal without anybody before it, for tests of what draws on one: runs a command
 * on it, does what the lines of standard input say, and fails if one does not hold.
 *
 *	terminal COLUMNS LINES COMMAND... <script
 *
 *	see TEXT		wait until the screen shows it, ten seconds at most
 *	not TEXT		the screen does not show it now
 *	keys TEXT		type it; \e is escape, \_ a blank
 *	resize COLUMNS LINES	the window
 *	pause MILLISECONDS	look on for so long
 *	signal NUMBER		send the command that
 *	hang up			the terminal goes away
 *	screen FILE		write down what the screen shows
 *	colors FILE		and its cells: line, column, character, the colour of
 *				that and of what is behind it, by number or as RRGGBB
 *	end STATUS		wait until the command has ended, by itself, with that
 *				exit status, and has left the terminal as it was: its
 *				settings, the cursor to be seen, the first screen shown
 *
 * Exit status 1 if something did not hold, and the screen goes to standard error.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

#define WAIT_MS		10000
#define SETTLE_MS	80
#define SCREEN_MAX	(1 << 20)

static VTerm *vt;
static VTermScreen *screen;
static int columns, lines;
static int master = -1, slave = -1;
static pid_t child;
static bool cursor_hidden, other_screen;
static char shown[SCREEN_MAX];

static int set_property(VTermProp prop, VTermValue *value, void *user)
{
	(void)user;
	if (prop == VTERM_PROP_CURSORVISIBLE)
		cursor_hidden = !value->boolean;
	if (prop == VTERM_PROP_ALTSCREEN)
		other_screen = value->boolean;
	return 1;
}

static const VTermScreenCallbacks callbacks = { .settermprop = set_property };

/* What is on the screen, line by line. */
static const char *look(void)
{
	size_t length = 0;
	int y;

	for (y = 0; y < lines; y++) {
		VTermRect line = { y, y + 1, 0, columns };

		length += vterm_screen_get_text(screen, shown + length,
						SCREEN_MAX - length - 2, line);
		shown[length++] = '\n';
	}
	shown[length] = '\0';
	return shown;
}

static void fail(const char *what, const char *line)
{
	fprintf(stderr, "terminal: %s: %s\nThe screen:\n%s", what, line, look());
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

/* Take in what the command writes, for so long at most. False at its end. */
static bool take(int ms)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	char bytes[65536];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return true;
	n = read(master, bytes, sizeof(bytes));
	if (n <= 0)
		return false;
	vterm_input_write(vt, bytes, n);
	return true;
}

static void look_on(int ms)
{
	long end = now_ms() + ms;

	while (now_ms() < end && take(SETTLE_MS / 4))
		;
}

static void see(const char *text, const char *line)
{
	long end = now_ms() + WAIT_MS;

	while (!strstr(look(), text)) {
		if (now_ms() > end)
			fail("this did not appear", line);
		if (!take(100))
			fail("the command ended before", line);
	}
	/* What was written together is seen together. */
	look_on(SETTLE_MS);
}

static void type(const char *keys)
{
	for (; *keys; keys++) {
		char c = *keys;

		if (c == '\\' && keys[1])
			c = *++keys == 'e' ? '\033' : *keys == '_' ? ' ' : *keys;
		if (write(master, &c, 1) != 1)
			err(2, "write");
	}
}

static void resize(int new_columns, int new_lines)
{
	const struct winsize size = { .ws_row = new_lines, .ws_col = new_columns };

	columns = new_columns;
	lines = new_lines;
	if (vt)
		vterm_set_size(vt, lines, columns);
	if (ioctl(master, TIOCSWINSZ, &size))
		err(2, "TIOCSWINSZ");
}

static void write_screen(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(look(), f) < 0 || fclose(f))
		err(2, "%s", path);
}

static void put_color(FILE *f, VTermColor color, bool is_default)
{
	if (is_default)
		fputs(" default", f);
	else if (VTERM_COLOR_IS_INDEXED(&color))
		fprintf(f, " %u", color.indexed.idx);
	else
		fprintf(f, " %02x%02x%02x", color.rgb.red, color.rgb.green, color.rgb.blue);
}

static void write_colors(const char *path)
{
	FILE *f = fopen(path, "w");
	VTermScreenCell cell;
	VTermPos at;

	if (!f)
		err(2, "%s", path);
	for (at.row = 0; at.row < lines; at.row++)
		for (at.col = 0; at.col < columns; at.col++) {
			vterm_screen_get_cell(screen, at, &cell);
			fprintf(f, "%d %d U+%04X", at.row, at.col, cell.chars[0]);
			put_color(f, cell.fg, VTERM_COLOR_IS_DEFAULT_FG(&cell.fg));
			put_color(f, cell.bg, VTERM_COLOR_IS_DEFAULT_BG(&cell.bg));
			fputc('\n', f);
		}
	if (fclose(f))
		err(2, "%s", path);
}

static void check_end(int expected, const struct termios *before, const char *line)
{
	long end = now_ms() + WAIT_MS;
	struct termios after;
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (now_ms() > end)
			fail("the command goes on", line);
		take(20);
	}
	child = 0;
	while (master >= 0 && slave >= 0) {
		struct pollfd p = { .fd = master, .events = POLLIN };

		/* What it has written last. */
		if (poll(&p, 1, 0) <= 0 || !take(0))
			break;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected) {
		fprintf(stderr, "terminal: wait status %#x\n", status);
		fail("that is not how it ended", line);
	}
	if (slave < 0)
		return;
	if (tcgetattr(slave, &after))
		err(2, "tcgetattr");
	if (after.c_lflag != before->c_lflag || after.c_iflag != before->c_iflag ||
	    after.c_oflag != before->c_oflag || after.c_cflag != before->c_cflag)
		fail("the settings of the terminal are not what they were", line);
	if (cursor_hidden)
		fail("the cursor is hidden", line);
	if (other_screen)
		fail("the other screen is shown", line);
}

static void hang_up(void)
{
	close(slave);
	close(master);
	slave = master = -1;
}

static void start(char **argv)
{
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (child)
		return;
	close(master);
	if (login_tty(slave))
		err(2, "login_tty");
	execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

static void make_terminal(void)
{
	if (openpty(&master, &slave, NULL, NULL, NULL))
		err(2, "openpty");
	resize(columns, lines);
	vt = vterm_new(lines, columns);
	vterm_set_utf8(vt, 1);
	screen = vterm_obtain_screen(vt);
	vterm_screen_enable_altscreen(screen, 1);
	vterm_screen_set_callbacks(screen, &callbacks, NULL);
	vterm_screen_reset(screen, 1);
}

static void obey(const char *line, const struct termios *before)
{
	char word[16] = "";
	const char *rest;
	int n = 0, a, b;

	sscanf(line, "%15s %n", word, &n);
	rest = line + n;
	if (!word[0] || word[0] == '#')
		return;
	if (!strcmp(word, "see"))
		see(rest, line);
	else if (!strcmp(word, "not")) {
		if (strstr(look(), rest))
			fail("this is there", line);
	} else if (!strcmp(word, "keys"))
		type(rest);
	else if (!strcmp(word, "resize") && sscanf(rest, "%d %d", &a, &b) == 2)
		resize(a, b);
	else if (!strcmp(word, "pause"))
		look_on(atoi(rest));
	else if (!strcmp(word, "signal"))
		kill(child, atoi(rest));
	else if (!strcmp(word, "hang"))
		hang_up();
	else if (!strcmp(word, "screen"))
		write_screen(rest);
	else if (!strcmp(word, "colors"))
		write_colors(rest);
	else if (!strcmp(word, "end"))
		check_end(atoi(rest), before, line);
	else
		errx(2, "what is '%s'?", line);
}

int main(int argc, char **argv)
{
	struct termios before;
	char line[256];

	if (argc < 4)
		errx(2, "usage: terminal COLUMNS LINES COMMAND... <script");
	signal(SIGPIPE, SIG_IGN);
	columns = atoi(argv[1]);
	lines = atoi(argv[2]);
	make_terminal();
	if (tcgetattr(slave, &before))
		err(2, "tcgetattr");
	start(argv + 3);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		obey(line, &before);
	}
	if (child) {
		kill(child, SIGKILL);
		errx(2, "the script does not end with 'end'");
	}
	return 0;
}

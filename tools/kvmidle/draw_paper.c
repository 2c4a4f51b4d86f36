// SPDX-License-Identifier: GPL-2.0-only
/* A sheet of paper to draw on by cairo, which becomes a PNG or an SVG file. */
#include "draw_paper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_CAIRO
#include <cairo-svg.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length > n && !strcmp(text + length - n, end);
}

static int cannot_write(const char *path, int err, char *why, size_t size)
{
	snprintf(why, size, "cannot write %s: %s", path, strerror(-err));
	return err;
}

int paper_can(const char *path, char *why, size_t size)
{
	char *copy;
	int err = 0;

	if (!ends_with(path, ".png") && !ends_with(path, ".svg")) {
		snprintf(why, size, "'%s' is no name for a picture: end it in .png or .svg",
			 path);
		return -EINVAL;
	}
	/* It is written beside itself: what counts is the folder. */
	copy = strdup(path);
	if (!copy || access(dirname(copy), W_OK | X_OK))
		err = cannot_write(path, -errno, why, size);
	free(copy);
	return err;
}

/* Where cairo's output goes, and what became of it. */
struct file {
	int fd;
	int err;
};

static cairo_status_t write_all(void *closure, const unsigned char *data,
				unsigned int length)
{
	struct file *file = closure;

	while (length) {
		ssize_t n = write(file->fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			file->err = n ? -errno : -EIO;
			return CAIRO_STATUS_WRITE_ERROR;
		}
		data += n;
		length -= n;
	}
	return CAIRO_STATUS_SUCCESS;
}

static int error_of(const struct file *file, cairo_status_t status)
{
	if (file->err)
		return file->err;
	if (status == CAIRO_STATUS_SUCCESS)
		return 0;
	return status == CAIRO_STATUS_NO_MEMORY ? -ENOMEM : -EIO;
}

static int draw_to(struct file *file, bool svg, unsigned int width, unsigned int height,
		   void (*draw)(cairo_t *cr, const void *arg), const void *arg)
{
	cairo_surface_t *surface;
	cairo_status_t status;
	cairo_t *cr;

	if (svg) {
		surface = cairo_svg_surface_create_for_stream(write_all, file, width, height);
		/* The size of the sheet is in pixels, as that of a PNG is. */
		cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
	} else {
		surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	}
	cr = cairo_create(surface);
	paper_box(cr, 0, 0, width, height, (struct color){ 0xff, 0xff, 0xff });
	draw(cr, arg);
	status = cairo_status(cr);
	cairo_destroy(cr);
	if (!status && !svg)
		status = cairo_surface_write_to_png_stream(surface, write_all, file);
	cairo_surface_finish(surface);
	if (!status)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	return error_of(file, status);
}

/* As open() would have made it: mkstemp() lets nobody else read it. */
static void usual_mode(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

int paper_write(const char *path, unsigned int width, unsigned int height,
		void (*draw)(cairo_t *cr, const void *arg), const void *arg,
		char *why, size_t size)
{
	struct file file = { 0 };
	char *beside;
	int err;

	err = paper_can(path, why, size);
	if (err)
		return err;
	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return cannot_write(path, -ENOMEM, why, size);
	file.fd = mkstemp(beside);
	if (file.fd < 0) {
		err = cannot_write(path, -errno, why, size);
		free(beside);
		return err;
	}
	usual_mode(file.fd);
	err = draw_to(&file, ends_with(path, ".svg"), width, height, draw, arg);
	if (close(file.fd) && !err)
		err = -errno;
	if (!err && rename(beside, path))
		err = -errno;
	if (err) {
		unlink(beside);
		cannot_write(path, err, why, size);
	}
	free(beside);
	return err;
}

void paper_color(cairo_t *cr, struct color color)
{
	cairo_set_source_rgb(cr, color.red / 255.0, color.green / 255.0,
			     color.blue / 255.0);
}

void paper_box(cairo_t *cr, double x, double y, double width, double height,
	       struct color color)
{
	paper_color(cr, color);
	cairo_rectangle(cr, x, y, width, height);
	cairo_fill(cr);
}

static void use_font(cairo_t *cr, double size, bool bold)
{
	cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
			       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size);
}

double paper_text_width(cairo_t *cr, double size, bool bold, const char *text)
{
	cairo_text_extents_t extents;

	use_font(cr, size, bold);
	cairo_text_extents(cr, text, &extents);
	return extents.x_advance;
}

void paper_text(cairo_t *cr, double x, double y, enum align align, double size,
		bool bold, const char *text)
{
	double width = paper_text_width(cr, size, bold, text);

	/* Digits are some 0.72 of the size high: their middle goes to @y. */
	cairo_move_to(cr, align == ALIGN_LEFT ? x : align == ALIGN_RIGHT ? x - width :
		      x - width / 2, y + size * 0.36);
	cairo_show_text(cr, text);
}

void paper_text_within(cairo_t *cr, double x, double y, double width, double size,
		       bool bold, const char *text)
{
	cairo_save(cr);
	cairo_rectangle(cr, x, y - size, width, 2 * size);
	cairo_clip(cr);
	paper_text(cr, x, y, ALIGN_LEFT, size, bold, text);
	cairo_restore(cr);
}

#else /* HAVE_CAIRO */

int paper_can(const char *path, char *why, size_t size)
{
	(void)path;
	snprintf(why, size, "this kvmidle was built without cairo and writes no pictures: install libcairo2-dev and build it again, or look at it in the terminal");
	return -EOPNOTSUPP;
}

#endif /* HAVE_CAIRO */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the cells of a heat map over time lie in a picture of it, and what colour they
 * have there:
 *
 *	cells RECORDING PNG	a line for each cell: GPA COLUMN X Y COLOUR
 *	cells --size PNG	WIDTH HEIGHT
 *
 * The place of the cells is worked out anew from the recording, for the size that the
 * picture has. Fails if a cell is not of one colour from edge to edge.
 */
#include "draw_layout.h"

#include <err.h>
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static png_image image = { .version = PNG_IMAGE_VERSION };
static uint8_t *pixels;

static void read_png(const char *path)
{
	if (!png_image_begin_read_from_file(&image, path))
		errx(1, "%s: %s", path, image.message);
	image.format = PNG_FORMAT_RGB;
	pixels = malloc(PNG_IMAGE_SIZE(image));
	if (!pixels || !png_image_finish_read(&image, NULL, pixels, 0, NULL))
		errx(1, "%s: %s", path, image.message);
}

static const uint8_t *pixel(unsigned int x, unsigned int y)
{
	return pixels + ((size_t)y * image.width + x) * 3;
}

/* Of the pass that is being delivered, slots can be asked for with its first regions. */
struct pass {
	struct kvmidle_vm *vm;
	struct heat *heat;
	bool begun;
};

static void begin(struct pass *pass)
{
	struct kvmidle_slots *slots;

	if (pass->begun)
		return;
	if (kvmidle_get_slots(pass->vm, 0, &slots) || heat_begin_pass(pass->heat, slots))
		errx(2, "out of memory");
	kvmidle_slots_free(slots);
	pass->begun = true;
}

static int feed(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	struct pass *pass = arg;

	begin(pass);
	heat_feed(pass->heat, regions, count);
	return 0;
}

/* The heat map as kvmidle makes it for a picture of that size. */
static struct heat *make_heat(const char *path)
{
	struct heat_shape shape = {
		.end = UINT64_MAX, .page_size = 4096, .bins_per_row = 1,
	};
	struct pass pass = { 0 };
	char why[512];

	layout_room(image.width, image.height, &shape.columns, &shape.rows);
	pass.heat = heat_new(&shape);
	if (kvmidle_open_recording(path, 0, &pass.vm, why, sizeof(why)))
		errx(2, "%s", why);
	if (!pass.heat || kvmidle_pass(pass.vm, NULL, NULL))
		errx(2, "%s has no baseline", path);
	heat_baseline(pass.heat, kvmidle_pass_started(pass.vm));
	for (; !kvmidle_pass_regions(pass.vm, feed, &pass); pass.begun = false) {
		begin(&pass);
		if (heat_end_pass(pass.heat, kvmidle_pass_started(pass.vm)))
			errx(2, "out of memory");
	}
	kvmidle_close(pass.vm);
	return pass.heat;
}

static void print_cell(const struct layout *l, const struct picture *picture, size_t row,
		       size_t column)
{
	unsigned int left = layout_x(l, column), right = layout_x(l, column + 1);
	unsigned int top = layout_y(l, row), bottom = layout_y_end(l, row);
	unsigned int x, y;

	if (left >= right || top >= bottom || right > image.width || bottom > image.height)
		errx(1, "row %zu, column %zu has no place", row, column);
	/* The axes' marks begin on the outermost pixels. */
	for (y = top + 1; y < bottom - (bottom - top > 1); y++)
		for (x = left + 1; x < right - 1; x++)
			if (memcmp(pixel(x, y), pixel(left + 1, top + 1), 3))
				errx(1, "row %zu, column %zu has several colours", row, column);
	x = (left + right) / 2;
	y = (top + bottom) / 2;
	printf("0x%" PRIx64 " %zu %u %u %02x%02x%02x\n", picture->row_gpa[row], column,
	       x, y, pixel(x, y)[0], pixel(x, y)[1], pixel(x, y)[2]);
}

int main(int argc, char **argv)
{
	const struct picture_words words = { .name = "" };
	struct picture picture;
	struct layout layout;
	struct heat *heat;
	size_t row, column;

	if (argc != 3)
		errx(2, "usage: cells RECORDING|--size PNG");
	read_png(argv[2]);
	if (!strcmp(argv[1], "--size")) {
		printf("%u %u\n", image.width, image.height);
		return 0;
	}
	heat = make_heat(argv[1]);
	if (picture_of_time(heat, &words, &picture) ||
	    layout_make(&picture, image.width, image.height, &layout))
		errx(2, "out of memory");
	for (row = 0; row < picture.rows; row++)
		for (column = 0; column < picture.columns; column++)
			print_cell(&layout, &picture, row, column);
	free(layout.gaps);
	picture_release(&picture);
	heat_free(heat);
	free(pixels);
	return 0;
}

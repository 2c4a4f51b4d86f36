// SPDX-License-Identifier: GPL-2.0-only
/* The colours of levels. */
#include "draw_color.h"
#include "heat_picture.h"

#define STEPS	((int)(sizeof(anchors) / sizeof(anchors[0])) - 1)

/* Ten colours of the scale known as viridis, at equal distances. */
static const struct color anchors[] = {
	{ 0x44, 0x01, 0x54 }, { 0x48, 0x28, 0x78 }, { 0x3e, 0x49, 0x89 },
	{ 0x31, 0x68, 0x8e }, { 0x26, 0x82, 0x8e }, { 0x1f, 0x9e, 0x89 },
	{ 0x35, 0xb7, 0x79 }, { 0x6e, 0xce, 0x58 }, { 0xb5, 0xde, 0x2b },
	{ 0xfd, 0xe7, 0x25 },
};

static uint8_t between(uint8_t from, uint8_t to, int part)
{
	return from + ((to - from) * part + (to > from ? LEVEL_MAX / 2 : -LEVEL_MAX / 2)) /
		      LEVEL_MAX;
}

struct color color_of_level(int level, enum ground ground)
{
	int place = level * STEPS / LEVEL_MAX, part = level * STEPS % LEVEL_MAX;

	if (level == LEVEL_HOLE)
		return ground == GROUND_PAPER ? (struct color){ 0xdd, 0xdd, 0xdd } :
						(struct color){ 0x4e, 0x4e, 0x4e };
	if (level < 0)
		return ground == GROUND_PAPER ? (struct color){ 0xff, 0xff, 0xff } :
						(struct color){ 0x00, 0x00, 0x00 };
	if (level >= LEVEL_MAX)
		return anchors[STEPS];
	return (struct color){
		between(anchors[place].red, anchors[place + 1].red, part),
		between(anchors[place].green, anchors[place + 1].green, part),
		between(anchors[place].blue, anchors[place + 1].blue, part),
	};
}

static struct color of_256(unsigned int index)
{
	static const uint8_t values[] = { 0, 95, 135, 175, 215, 255 };
	uint8_t grey;

	if (index >= 232) {
		grey = 8 + 10 * (index - 232);
		return (struct color){ grey, grey, grey };
	}
	index -= 16;
	return (struct color){
		values[index / 36], values[index / 6 % 6], values[index % 6],
	};
}

/*
 * How light they are, and twice as much their tint: else a dim blue would become a grey,
 * which means something else here.
 */
static int distance(struct color a, struct color b)
{
	int red = a.red - b.red, green = a.green - b.green, blue = a.blue - b.blue;
	int light = (299 * red + 587 * green + 114 * blue) / 1000;
	int tint_blue = (blue - light) * 564 / 1000, tint_red = (red - light) * 713 / 1000;

	return light * light + 2 * (tint_blue * tint_blue + tint_red * tint_red);
}

unsigned int color_256(struct color color)
{
	unsigned int index, nearest = 16;

	for (index = 17; index < 256; index++)
		if (distance(color, of_256(index)) < distance(color, of_256(nearest)))
			nearest = index;
	return nearest;
}

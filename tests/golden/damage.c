// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings that are damaged, each block with a checksum that is right for all that:
 *
 *	damage SEED COUNT DIR FILE...
 *
 * makes DIR/0.kvi, DIR/1.kvi ... of the files by turns, the same each time. The format
 * is that of Documentation/recording.rst.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FILE_MAX	(1 << 20)
#define BLOCKS_MAX	1024
#define FILE_HEAD	12
#define BLOCK_HEAD	12
#define PASS		4
#define NODES		5
/* Of packed runs: how many, their bytes, and whether zlib has packed them. */
#define RUNS_HEAD	16

struct block {
	uint32_t type;
	uint32_t length;
	unsigned char *payload;
};

static uint64_t state;

static uint64_t any(void)
{
	/* xorshift64: no generator of a libc, which would be another elsewhere. */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t below(uint64_t end)
{
	return any() % end;
}

static uint32_t get32(const unsigned char *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put(unsigned char *at, uint64_t value, unsigned int bytes)
{
	for (; bytes; bytes--, value >>= 8)
		*at++ = value;
}

static unsigned char *allocate(size_t bytes)
{
	unsigned char *memory = calloc(1, bytes + 8);

	if (!memory)
		errx(1, "out of memory");
	return memory;
}

/* Packed runs are stored as they are: else damage would only ever be to what zlib reads. */
static void unpack(struct block *b)
{
	size_t before = b->type == PASS ? 8 : 0, head = before + RUNS_HEAD;
	uLongf length;
	unsigned char *plain;

	if ((b->type != PASS && b->type != NODES) || !get32(b->payload + before + 12))
		return;
	length = get32(b->payload + before + 8);
	plain = allocate(head + length);
	memcpy(plain, b->payload, head);
	put(plain + before + 12, 0, 4);
	if (uncompress(plain + head, &length, b->payload + head, b->length - head) != Z_OK)
		errx(1, "what is packed there?");
	free(b->payload);
	b->payload = plain;
	b->length = head + length;
}

static size_t read_blocks(const char *path, unsigned char *head, struct block *blocks)
{
	static unsigned char all[FILE_MAX];
	FILE *in = fopen(path, "rb");
	size_t size, at, n = 0;

	if (!in)
		err(1, "%s", path);
	size = fread(all, 1, sizeof(all), in);
	fclose(in);
	memcpy(head, all, FILE_HEAD);
	for (at = FILE_HEAD; at + BLOCK_HEAD <= size && n < BLOCKS_MAX; n++) {
		struct block *b = &blocks[n];

		*b = (struct block){ get32(all + at), get32(all + at + 4), NULL };
		b->payload = allocate(b->length);
		memcpy(b->payload, all + at + BLOCK_HEAD, b->length);
		at += BLOCK_HEAD + b->length;
		unpack(b);
	}
	return n;
}

static void damage(struct block *b)
{
	static const uint64_t numbers[] = {
		0, 1, 4096, UINT32_MAX, UINT64_C(1) << 40, UINT64_C(1) << 52,
		UINT64_C(1) << 62, UINT64_C(1) << 63, UINT64_MAX,
	};
	static const unsigned char bytes[] = { 0, 1, 2, 3, 5, 0x7f, 0x80, 0xff };
	size_t at;

	if (!b->length)
		return;
	at = below(b->length);
	if (below(3)) {
		b->payload[at] = below(4) ? bytes[below(sizeof(bytes))] : below(256);
		return;
	}
	at -= at % 8;
	if (at + 8 <= b->length)
		put(b->payload + at, numbers[below(sizeof(numbers) / sizeof(numbers[0]))], 8);
}

static void write_blocks(const char *path, const unsigned char *head,
			 const struct block *blocks, size_t count)
{
	FILE *out = fopen(path, "wb");
	size_t i;

	if (!out)
		err(1, "%s", path);
	fwrite(head, 1, FILE_HEAD, out);
	for (i = 0; i < count; i++) {
		unsigned char own[BLOCK_HEAD];
		uLong crc;

		put(own, blocks[i].type, 4);
		put(own + 4, blocks[i].length, 4);
		crc = crc32(crc32(0, own, 8), blocks[i].payload, blocks[i].length);
		put(own + 8, crc, 4);
		fwrite(own, 1, BLOCK_HEAD, out);
		fwrite(blocks[i].payload, 1, blocks[i].length, out);
	}
	if (fclose(out))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	static struct block blocks[BLOCKS_MAX];
	unsigned char head[FILE_HEAD];
	char path[4096];
	int i;

	if (argc < 5)
		errx(2, "usage: damage SEED COUNT DIR FILE...");
	state = strtoull(argv[1], NULL, 10) | 1;
	for (i = 0; i < atoi(argv[2]); i++) {
		size_t count = read_blocks(argv[4 + i % (argc - 4)], head, blocks), n;

		for (n = 1 + below(3); n && count; n--)
			damage(&blocks[below(count)]);
		snprintf(path, sizeof(path), "%s/%d.kvi", argv[3], i);
		write_blocks(path, head, blocks, count);
		for (n = 0; n < count; n++)
			free(blocks[n].payload);
	}
	return 0;
}

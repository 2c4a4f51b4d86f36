/* SPDX-License-Identifier: GPL-2.0-only */
/* Figures. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since some moment. */
uint64_t now_ns(void);

/* Of @n figures, at least one; sorts them. */
uint64_t median(uint64_t *figure, size_t n);

#endif

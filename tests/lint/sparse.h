/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sparse 0.6.4 (Debian 12 and 13) lacks for the headers of Linux 7.x. Seen
 * by sparse alone.
 */

#define __typeof_unqual__ __typeof__

/* MODULE_INFO() asserts that this is the size of a string constant. */
#define __builtin_strlen(string) (sizeof(string) - 1)

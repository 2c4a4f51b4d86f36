/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text from elsewhere that a person, or a program, is shown. */
#ifndef KVMIDLE_PRINTABLE_H
#define KVMIDLE_PRINTABLE_H

/**
 * kvmidle_make_printable() - replace what a terminal or JSON should not see
 * @text: changed in place: bytes that are control characters, or not valid
 *	UTF-8, become '?'
 */
void kvmidle_make_printable(char *text);

#endif /* KVMIDLE_PRINTABLE_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* KTAP output: the plan first, then one verdict a test. */
#ifndef KTAP_H
#define KTAP_H

#include <stdbool.h>
#include <stddef.h>

struct ktap_test {
	const char *name;
	void (*run)(void);
};

/*
 * Print the plan, call @setup, run the tests, print the verdicts. A test passes if
 * it expected something and all of it held; one that expected nothing has failed.
 * Return: the exit status for main().
 */
int ktap_run(void (*setup)(void), const struct ktap_test *tests, size_t n);

#define KTAP_RUN(setup, tests)	ktap_run(setup, tests, sizeof(tests) / sizeof((tests)[0]))

/* For programs whose tests are not functions: the parts of ktap_run(). */
void ktap_plan(size_t n);
void ktap_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ktap_end(void);
int ktap_status(void);

/* A line of diagnostics. */
void ktap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Skip the running test. What it expected so far still counts. */
void ktap_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The environment is broken and no verdict is possible: bail out. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

bool ktap_expect(bool ok, const char *file, int line, const char *expression,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* EXPECT(condition, "what was seen instead" ...): false and a diagnostic if not. */
#define EXPECT(ok, ...) ktap_expect((ok), __FILE__, __LINE__, #ok, " " __VA_ARGS__)

/* A call that must return @want, or -1 with errno @err. */
#define EXPECT_OK(call, want) do {						\
	long long got_ = (call), want_ = (want);				\
	ktap_expect(got_ == want_, __FILE__, __LINE__, #call,			\
		    "%lld (%m), not %lld", got_, want_);			\
} while (0)

#define EXPECT_ERR(call, err) do {						\
	long long got_ = (call);						\
	int errno_ = errno;							\
	ktap_expect(got_ == -1 && errno_ == (err), __FILE__, __LINE__, #call,	\
		    "%lld, errno %s, not %s", got_,				\
		    got_ == -1 ? strerrorname_np(errno_) : "none", #err);	\
} while (0)

#endif

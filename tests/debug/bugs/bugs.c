// SPDX-License-Identifier: GPL-2.0-only
/* What the detectors of a debug kernel are to find, one by one: insmod bugs.ko bug=leak */
#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *bug = "none";
module_param(bug, charp, 0);

static void none(void)
{
}

static void use_after_free(void)
{
	u64 *p = kzalloc(64, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	pr_info("%llu\n", READ_ONCE(*p));
}

static void out_of_bounds(void)
{
	u8 *p = kzalloc(60, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[60], 1);
	kfree(p);
}

/* Each order by itself does no harm: nobody hangs, and only lockdep knows. */
static void inversion(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

/* As it does when it has no room left. */
static void lockdep_turned_off(void)
{
	debug_locks_off();
}

static void sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	/* It only might: where it does, any kernel complains. */
	might_sleep();
	spin_unlock(&lock);
}

static void rcu_unlocked(void)
{
	static int __rcu *pointer;

	pr_info("%p\n", rcu_dereference(pointer));
}

static void leak(void)
{
	void *p = kmalloc(1000, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
}

static void list_twice(void)
{
	static LIST_HEAD(list);
	static struct list_head node;

	list_add(&node, &list);
	list_add(&node, &list);
}

static void refcount(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	refcount_inc(&r);
}

static const struct {
	const char *name;
	void (*provoke)(void);
} bugs[] = {
	{ "none", none },
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "inversion", inversion },
	{ "lockdep-off", lockdep_turned_off },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "rcu-unlocked", rcu_unlocked },
	{ "leak", leak },
	{ "list-twice", list_twice },
	{ "refcount", refcount },
};

static int __init bugs_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name)) {
			bugs[i].provoke();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit bugs_exit(void)
{
}

module_init(bugs_init);
module_exit(bugs_exit);

MODULE_DESCRIPTION("Bugs, to see them found");
MODULE_LICENSE("GPL");

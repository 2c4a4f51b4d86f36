// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/sched/task.h>

#include "compat/filldir.h"
#include "compat/hidden.h"
#include "compat/redirect.h"
#include "door/proc_pid.h"
#include "options.h"

#define KI_PROC_MODE	0600

/* Where the directory position stands when our first entry is to be listed. */
#define KI_POS_OURS	0x7fffff00

/*
 * The directory that our files really live in, /proc/kvm_idle. Nobody may enter
 * it; its files are grafted below every /proc/PID, as /proc/PID/net is.
 */
static struct proc_dir_entry *ki_proc_dir;
static const struct ki_proc_file *ki_proc_files;

/*
 * tgid_pidfd_to_pid() takes a file opened on a /proc/PID directory and looks at
 * no more of it than this. It refuses what is no such directory.
 */
static struct task_struct *ki_task_of_dir(struct inode *dir)
{
	struct file as_if_opened = {
		.f_inode = dir,
		.f_op = dir->i_fop,
	};
	struct pid *pid = ki_hidden(tgid_pidfd_to_pid)(&as_if_opened);

	return IS_ERR_OR_NULL(pid) ? NULL : get_pid_task(pid, PIDTYPE_PID);
}

struct task_struct *ki_proc_task(struct file *file)
{
	struct dentry *parent = dget_parent(file->f_path.dentry);
	struct task_struct *task = ki_task_of_dir(d_inode(parent));

	dput(parent);
	return task;
}

/* Make @dentry our file of its name, owned like the other private files of the process. */
static struct dentry *ki_graft(struct inode *dir, struct dentry *dentry)
{
	struct task_struct *task = ki_task_of_dir(dir);
	struct dentry *alias;
	struct inode *inode;

	if (!task)
		return ERR_PTR(-ENOENT);

	alias = ki_hidden(proc_lookup_de)(dir, dentry, ki_proc_dir);
	if (!IS_ERR(alias)) {
		inode = d_inode(alias ?: dentry);
		/* A chmod of one reaches the proc_dir_entry that all share. */
		inode->i_mode = S_IFREG | KI_PROC_MODE;
		ki_hidden(task_dump_owner)(task, inode->i_mode, &inode->i_uid,
					   &inode->i_gid);
		/* The owner changes with the process: ask afresh each time. */
		d_mark_dontcache(inode);
	}
	put_task_struct(task);
	return alias;
}

static bool notrace ki_is_our_name(const struct qstr *name)
{
	for (const struct ki_proc_file *f = ki_proc_files; f->name; f++)
		if (name->len == strlen(f->name) &&
		    !memcmp(name->name, f->name, name->len))
			return true;
	return false;
}

/* proc_tgid_base_lookup(dir, dentry, flags) */
static bool notrace ki_lookup_wanted(unsigned long dir, unsigned long dentry)
{
	return ki_is_our_name(&((struct dentry *)dentry)->d_name) &&
	       try_module_get(THIS_MODULE);
}

static struct dentry *ki_lookup(struct inode *dir, struct dentry *dentry,
				unsigned int flags)
{
	struct dentry *found = ki_graft(dir, dentry);

	module_put(THIS_MODULE);
	return found;
}

/**
 * struct ki_listing - a directory listing that passes through us
 * @ctx: what the original function fills
 * @caller: where it goes
 * @full: the caller has no more room
 */
struct ki_listing {
	struct dir_context ctx;
	struct dir_context *caller;
	bool full;
};

static ki_filldir_t ki_forward(struct dir_context *ctx, const char *name,
			       int len, loff_t pos, u64 ino, unsigned int type)
{
	struct ki_listing *listing = container_of(ctx, struct ki_listing, ctx);

	listing->caller->pos = pos;
	listing->full = !dir_emit(listing->caller, name, len, ino, type);
	return listing->full ? KI_FILLDIR_STOP : KI_FILLDIR_GO_ON;
}

/* proc_tgid_base_readdir(file, ctx) */
static bool notrace ki_readdir_wanted(unsigned long file, unsigned long ctx)
{
	return ((struct dir_context *)ctx)->actor != ki_forward &&
	       try_module_get(THIS_MODULE);
}

static struct dentry *ki_instantiate(struct dentry *dentry,
				     struct task_struct *task, const void *data)
{
	return ki_graft(d_inode(dentry->d_parent), dentry);
}

/* Behind all that procfs has there, and from the one on that there was no room for. */
static void ki_list_ours(struct file *file, struct dir_context *ctx)
{
	const struct ki_proc_file *f = ki_proc_files;

	if (ctx->pos < KI_POS_OURS)
		ctx->pos = KI_POS_OURS;
	for (loff_t pos = KI_POS_OURS; f->name; f++, pos++) {
		if (pos < ctx->pos)
			continue;
		if (!ki_hidden(proc_fill_cache)(file, ctx, f->name, strlen(f->name),
						ki_instantiate, NULL, NULL))
			return;
		ctx->pos = pos + 1;
	}
}

static int ki_readdir(struct file *file, struct dir_context *caller)
{
	struct ki_listing listing = { .ctx = *caller, .caller = caller };
	int err;

	listing.ctx.actor = ki_forward;
	err = file->f_op->iterate_shared(file, &listing.ctx);

	caller->pos = listing.ctx.pos;
	if (!err && !listing.full)
		ki_list_ours(file, caller);
	module_put(THIS_MODULE);
	return err;
}

static struct ki_redirect ki_redirects[] = {
	{
		.function = "proc_tgid_base_lookup",
		.wanted = ki_lookup_wanted,
		.target = ki_lookup,
	}, {
		.function = "proc_tgid_base_readdir",
		.wanted = ki_readdir_wanted,
		.target = ki_readdir,
	},
};

/* How they are redirected, NULL if they are not. */
static const struct ki_redirector *ki_redirector;

static void ki_redirects_stop(const struct ki_redirector *by, unsigned int count)
{
	while (count--)
		by->stop(&ki_redirects[count]);
	ki_redirect_drain();
}

static int ki_redirects_start(const struct ki_redirector *by)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ki_redirects); i++) {
		int err = by->start(&ki_redirects[i]);

		if (err) {
			pr_notice("%s cannot redirect %s(): error %d: %s\n",
				  by->name, ki_redirects[i].function, err,
				  by->hint);
			ki_redirects_stop(by, i);
			return err;
		}
	}
	return 0;
}

static bool ki_exists(const char *name)
{
	struct path path;
	int err = kern_path(name, LOOKUP_FOLLOW, &path);

	if (!err)
		path_put(&path);
	return err != -ENOENT;
}

/*
 * What was started need not work: probes can be disarmed as a whole, and a live
 * patch may have put another function in place of the one that has the probe.
 * If there is no /proc to look into, all is well.
 */
static bool ki_is_effective(void)
{
	return ki_exists("/proc/self/" KI_PROC_NAME) ||
	       !ki_exists("/proc/self/status");
}

static int ki_try(const struct ki_redirector *by)
{
	int err = ki_redirects_start(by);

	if (err)
		return err;
	if (!ki_is_effective()) {
		pr_notice("%s redirects %s() without effect: %s\n",
			  by->name, ki_redirects[0].function, by->hint);
		ki_redirects_stop(by, ARRAY_SIZE(ki_redirects));
		return -ENXIO;
	}
	ki_redirector = by;
	return 0;
}

/* By what was asked for, or by the first that works. */
static enum ki_proc ki_redirect_procfs(enum ki_proc asked)
{
	static const struct ki_redirector * const by[] = {
		[KI_PROC_FTRACE] = &ki_redirect_ftrace,
		[KI_PROC_KPROBE] = &ki_redirect_kprobe,
	};

	if (asked != KI_PROC_AUTO)
		return ki_try(by[asked]) ? KI_PROC_OFF : asked;
	if (!ki_try(by[KI_PROC_FTRACE]))
		return KI_PROC_FTRACE;
	if (ki_try(by[KI_PROC_KPROBE]))
		return KI_PROC_OFF;
	pr_notice("/proc/PID/" KI_PROC_NAME " is made by kprobe instead\n");
	return KI_PROC_KPROBE;
}

static int ki_proc_start(void)
{
	enum ki_proc how;
	int err;

	err = ki_hidden_find_procfs();
	if (err)
		return err;
	ki_proc_dir = proc_mkdir_mode(KBUILD_MODNAME, 0, NULL);
	if (!ki_proc_dir)
		return -ENOMEM;
	for (const struct ki_proc_file *f = ki_proc_files; f->name; f++)
		if (!proc_create(f->name, KI_PROC_MODE, ki_proc_dir, f->ops))
			return -ENOMEM;
	how = ki_redirect_procfs(ki_option_proc());
	ki_option_set_proc(how);
	return how == KI_PROC_OFF ? -EOPNOTSUPP : 0;
}

int ki_proc_init(const struct ki_proc_file *files)
{
	int err;

	if (ki_option_proc() == KI_PROC_OFF)
		return -EOPNOTSUPP;

	ki_proc_files = files;
	err = ki_proc_start();
	if (!err)
		return 0;

	pr_notice("no /proc/PID/" KI_PROC_NAME ": error %d\n", err);
	ki_option_set_proc(KI_PROC_OFF);
	proc_remove(ki_proc_dir);
	/*
	 * If loading ends here, nobody minds that there are references on the
	 * module: wait for who is inside it. One is held by who loads it.
	 */
	while (module_refcount(THIS_MODULE) > 1)
		msleep(20);
	ki_redirect_drain();
	return err;
}

void ki_proc_exit(void)
{
	if (!ki_redirector)
		return;
	ki_redirects_stop(ki_redirector, ARRAY_SIZE(ki_redirects));
	proc_remove(ki_proc_dir);
}

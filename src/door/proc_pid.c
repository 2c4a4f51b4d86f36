// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/task.h>

#include "compat/hidden.h"
#include "compat/redirect.h"
#include "door/proc_pid.h"

#define KI_PROC_MODE	0600

/* Where the directory position stands when our entry has been listed too. */
#define KI_POS_END	0x7ffffff0

/*
 * The directory that our file really lives in, /proc/kvm_idle. Nobody may enter
 * it; its file is grafted below every /proc/PID, as /proc/PID/net is.
 */
static struct proc_dir_entry *ki_proc_dir;

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

struct mm_struct *ki_proc_mm(struct file *file, unsigned int mode)
{
	struct dentry *parent = dget_parent(file->f_path.dentry);
	struct mm_struct *mm = ERR_PTR(-ESRCH);
	struct task_struct *task = ki_task_of_dir(d_inode(parent));

	/* Only if this is a /proc/PID is it safe to ask for its process. */
	if (task) {
		mm = ki_hidden(proc_mem_open)(d_inode(parent), mode) ?:
		     ERR_PTR(-ESRCH);
		put_task_struct(task);
	}
	dput(parent);
	return mm;
}

/* Make @dentry our file, owned like the other private files of the process. */
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

static bool ki_is_our_name(const struct qstr *name)
{
	return name->len == strlen(KI_PROC_NAME) &&
	       !memcmp(name->name, KI_PROC_NAME, strlen(KI_PROC_NAME));
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

static bool ki_forward(struct dir_context *ctx, const char *name, int len,
		       loff_t pos, u64 ino, unsigned int type)
{
	struct ki_listing *listing = container_of(ctx, struct ki_listing, ctx);

	listing->caller->pos = ctx->pos;
	listing->full = !listing->caller->actor(listing->caller, name, len, pos,
						ino, type);
	return !listing->full;
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

static int ki_readdir(struct file *file, struct dir_context *caller)
{
	struct ki_listing listing = {
		.ctx.actor = ki_forward,
		.ctx.pos = caller->pos,
		.caller = caller,
	};
	int err = file->f_op->iterate_shared(file, &listing.ctx);

	caller->pos = listing.ctx.pos;
	if (!err && !listing.full && caller->pos < KI_POS_END &&
	    ki_hidden(proc_fill_cache)(file, caller, KI_PROC_NAME,
				       strlen(KI_PROC_NAME), ki_instantiate,
				       NULL, NULL))
		caller->pos = KI_POS_END;
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

#define KI_EBUSY_HINT \
	": kernel.ftrace_enabled is 0, or a live patch or another module has it"

static void ki_redirects_stop(unsigned int count)
{
	while (count--)
		ki_redirect_stop(&ki_redirects[count]);
	ki_redirect_drain();
}

static int ki_redirects_start(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ki_redirects); i++) {
		int err = ki_redirect_start(&ki_redirects[i]);

		if (err) {
			pr_err("cannot redirect %s() by ftrace: error %d%s\n",
			       ki_redirects[i].function, err,
			       err == -EBUSY ? KI_EBUSY_HINT : "");
			ki_redirects_stop(i);
			return err;
		}
	}
	return 0;
}

int ki_proc_init(const struct proc_ops *ops)
{
	int err;

	ki_proc_dir = proc_mkdir_mode(KBUILD_MODNAME, 0, NULL);
	if (!ki_proc_dir)
		return -ENOMEM;
	err = -ENOMEM;
	if (!proc_create(KI_PROC_NAME, KI_PROC_MODE, ki_proc_dir, ops))
		goto remove;
	err = ki_redirects_start();
	if (err)
		goto remove;
	return 0;

remove:
	proc_remove(ki_proc_dir);
	return err;
}

void ki_proc_exit(void)
{
	ki_redirects_stop(ARRAY_SIZE(ki_redirects));
	proc_remove(ki_proc_dir);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Hypercalls for root's programs: /dev/snoopervisor, guests/linux/ioctl.h. */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "guests/linux/ioctl.h"

static struct snoopervisor hypervisor;
/* In one piece of guest-physical memory: the text, and behind its page the answer. */
#define BOUNCE_ORDER 4
static DEFINE_MUTEX(bounce_lock);
static char *bounce;

static char *answer_buffer(void)
{
	return bounce + PAGE_SIZE;
}

static long copy_in(struct snoopervisor_ioctl *call)
{
	if (call->text) {
		if (call->c > HYPERCALL_TEXT_MAX)
			return -EINVAL;
		if (copy_from_user(bounce, u64_to_user_ptr(call->text), call->c))
			return -EFAULT;
		call->b = virt_to_phys(bounce);
	}
	if (call->answer) {
		if (call->si > SNOOPERVISOR_ANSWER_MAX)
			return -EINVAL;
		call->d = virt_to_phys(answer_buffer());
	}
	return 0;
}

static long run(struct snoopervisor_ioctl *call)
{
	long error = copy_in(call);

	if (error)
		return error;
	call->result = snoopervisor_call5(&hypervisor, call->number, call->b, call->c, call->d,
	                                  call->si, call->di);
	if (call->answer && call->result > 0 &&
	    copy_to_user(u64_to_user_ptr(call->answer), answer_buffer(),
	                 min_t(u64, call->result, call->si)))
		return -EFAULT;
	return 0;
}

static long snoopervisor_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct snoopervisor_ioctl call;
	long error;

	if (command != SNOOPERVISOR_CALL)
		return -ENOTTY;
	if (copy_from_user(&call, (void __user *)argument, sizeof(call)))
		return -EFAULT;
	mutex_lock(&bounce_lock);
	error = run(&call);
	mutex_unlock(&bounce_lock);
	if (!error && copy_to_user((void __user *)argument, &call, sizeof(call)))
		error = -EFAULT;
	return error;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = snoopervisor_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "snoopervisor",
	.fops = &operations,
	.mode = 0600,
};

static int __init snoopervisor_init(void)
{
	int error;

	BUILD_BUG_ON(PAGE_SIZE + SNOOPERVISOR_ANSWER_MAX > PAGE_SIZE << BOUNCE_ORDER);
	if (!snoopervisor_find(&hypervisor) || hypervisor.version < 2)
		return -ENODEV;
	bounce = (char *)__get_free_pages(GFP_KERNEL, BOUNCE_ORDER);
	if (!bounce)
		return -ENOMEM;
	error = misc_register(&device);
	if (error)
		free_pages((unsigned long)bounce, BOUNCE_ORDER);
	return error;
}

static void __exit snoopervisor_exit(void)
{
	misc_deregister(&device);
	free_pages((unsigned long)bounce, BOUNCE_ORDER);
}

module_init(snoopervisor_init);
module_exit(snoopervisor_exit);
MODULE_DESCRIPTION("Snoopervisor's hypercalls for programs");
MODULE_LICENSE("Dual BSD/GPL");

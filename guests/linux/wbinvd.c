// SPDX-License-Identifier: BSD-2-Clause
/* Executes WBINVD, which user space cannot, as often as asked and says what it took. */
#include <linux/module.h>
#include <asm/special_insns.h>
#include <asm/tsc.h>

static unsigned int count = 16;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "how many times");

static int __init wbinvd_init(void)
{
	u64 start = rdtsc_ordered();
	unsigned int i;

	for (i = 0; i < count; i++)
		wbinvd();
	pr_info("wbinvd: count=%u tsc=%llu\n", count, rdtsc_ordered() - start);
	return 0;
}

static void __exit wbinvd_exit(void)
{
}

module_init(wbinvd_init);
module_exit(wbinvd_exit);
MODULE_DESCRIPTION("Executes WBINVD on purpose");
MODULE_LICENSE("Dual BSD/GPL");

// SPDX-License-Identifier: BSD-2-Clause
/* R24: nothing is found on a machine that works; every mistake that is planted is found by its
 * name, and, taken out again, leaves nothing. */
#include <stdio.h>
#include "core/audit.h"
#include "core/facts.h"
#include "core/mem.h"
#include "tests/host/fake_machine.h"
#include "tests/host/fake_output.h"
#include "tests/host/test.h"

#define FIRST  BDF(0, 3, 0)
#define SECOND BDF(0, 4, 0)
#define FREE   BDF(0, 5, 0)
#define FAR    BDF(1, 0, 0) /* behind the unit without snoop control */

#define SNP    (1ull << 11)
#define REGION 0x8000000ull /* that firmware reserves for FIRST; nobody's memory */

static struct vm *vm, *other;
static struct ioasid *snoop, *nosnoop;

static int set_up(void **state)
{
	(void)state;
	machine_reset();
	audit_always = false;
	facts.boot.image_pa = GIB(2);
	machine_add_unit(CAP_48 | CAP_2M, ECAP_SC | ECAP_C);
	machine_add_unit(CAP_48 | CAP_2M, ECAP | ECAP_C);
	machine_add_function(FIRST, true);
	machine_add_function(SECOND, true);
	machine_add_function(FREE, true);
	machine_add_function(FAR, true);
	machine_scan();
	machine_add_rmrr(FIRST, REGION, REGION + 0xfff);
	vm = machine_add_vm("vm");
	other = machine_add_vm("other");
	snoop = machine_add_ioasid("snoop", REQUEST_SNOOP);
	nosnoop = machine_add_ioasid("nosnoop", REQUEST_NOSNOOP);
	assert_ok(ioasid_attach(snoop, device_find(FIRST), vm));
	assert_ok(ioasid_attach(nosnoop, device_find(SECOND), other));
	return 0;
}

/* What is found, one kind or none, and how often. */
static void expect(const char *what, u32 count)
{
	char line[64], last[64];

	fake_answer[0] = 0;
	assert_int_equal(audit_run(&fake_output), count);
	snprintf(last, sizeof(last), " findings=%u\n", count);
	assert_non_null(strstr(fake_answer, last));
	snprintf(line, sizeof(line), "finding what=%s in=", what);
	for (const char *at = fake_answer; count--; at = strchr(at, '\n') + 1)
		assert_memory_equal(at, line, strlen(line));
}

static u64 *leaf(struct pagetable *pt, u64 va, unsigned int level)
{
	u64 *table = phys_to_virt(pt->root_pa);

	for (unsigned int n = pt->levels; n > level; n--)
		table = phys_to_virt(table[va >> (9 * n + 3) & 511] & 0xfffffffff000);
	return &table[va >> (9 * level + 3) & 511];
}

static u64 *context(u32 bdf)
{
	const struct vtd_unit *unit = device_find(bdf)->unit;
	const u64 *root = phys_to_virt(unit->root_pa);

	return (u64 *)phys_to_virt(root[2 * (bdf >> 8)] & ~0xfffull) + 2 * (bdf & 0xff);
}

/* Finds it, puts it back, finds nothing. */
static void plant(u64 *entry, u64 value, const char *what)
{
	u64 found = *entry;

	*entry = value;
	expect(what, 1);
	*entry = found;
	expect("nothing", 0);
}

static void test_nothing(void **state)
{
	(void)state;
	expect("nothing", 0);
	/* four leaves of 2 MiB in each of two nested and two I/O tables, the region's page, two
	 * pages of registers */
	assert_non_null(strstr(fake_answer, "leaves=19 findings=0\n"));
	assert_ok(ioasid_attach(nosnoop, device_find(FAR), other));
	expect("nothing", 0);
	ioasid_detach(device_find(FIRST));
	ioasid_detach(device_find(SECOND));
	ioasid_detach(device_find(FAR));
	expect("nothing", 0);
}

static void test_snoop(void **state)
{
	u64 *strict = leaf(&snoop->space.table, 0, 2), *loose = leaf(&nosnoop->space.table, 0, 2);
	u64 *table = leaf(&snoop->space.table, 0, 3);

	(void)state;
	plant(strict, *strict & ~SNP, "snp-against-format");
	plant(loose, *loose | SNP, "snp-against-format");
	plant(table, *table | SNP, "snp-in-table");
	table = leaf(&nosnoop->space.table, 0, 3);
	plant(table, *table | SNP, "snp-in-table");
}

/* Where DMA may go. */
static void test_dma_memory(void **state)
{
	u64 *entry = leaf(&snoop->space.table, 0, 2), bits = *entry & 0xfff;
	u64 *page = leaf(&snoop->space.table, REGION, 1);

	(void)state;
	plant(entry, facts.boot.image_pa | bits, "hypervisor-memory");
	plant(entry, (other->ram[0].pa) | bits, "foreign-memory");
	plant(entry, MIB(512) | bits, "foreign-memory");
	plant(entry, (vm->ram[0].pa - MIB(2)) | bits, "foreign-memory");
	plant(page, (REGION + PAGE_SIZE) | (*page & 0xfff), "foreign-memory");
	facts.dmar.rmrr_count = 0;
	expect("foreign-memory", 1);
	facts.dmar.rmrr_count = 1;
	assert_ok(pt_map(&snoop->space.table, 0xfeeff000, vm->ram[0].pa, PAGE_SIZE,
	                 VTD_READ | VTD_WRITE | SNP));
	expect("interrupt-range", 1);
}

/* What the VM's CPUs reach, and how. */
static void test_nested(void **state)
{
	u64 *entry = leaf(&vm->stage2, 0, 2), bits = *entry & 0xfff;
	u64 *emulate = leaf(&other->stage2, 0, 2);

	(void)state;
	plant(entry, facts.boot.image_pa | bits, "hypervisor-memory");
	plant(entry, (other->ram[0].pa + MIB(2)) | bits, "memory-of-other-vm");
	plant(entry, 0xfee00000 | bits, "interrupt-range");
	plant(entry, *entry & ~0x40ull, "memory-type"); /* the guest's PAT counts */
	plant(entry, *entry & ~0x30ull, "memory-type"); /* uncached */
	plant(emulate, *emulate | 0x40, "memory-type"); /* it does not count */
	plant(entry, MIB(512) | bits, "memory-type");   /* no RAM, cached */
	*entry = 0;
	expect("nothing", 0);
	*entry = 1; /* whatever it is, a VM that has ended does not walk it */
	vm->state = VM_ENDED;
	expect("nothing", 0);
}

static void test_contexts(void **state)
{
	u64 *entry = context(FIRST), *free = context(FREE);

	(void)state;
	plant(entry, *entry & ~1ull, "context-absent");
	plant(free, *entry, "context-of-unattached");
	plant(entry, *context(SECOND), "context-of-other-table");
	plant(entry + 1, entry[1] ^ 3, "context-of-other-table");     /* another width */
	plant(entry + 1, entry[1] + 0x100, "context-of-other-table"); /* another domain */
	plant(entry, *entry | 1 << 2, "context-of-other-table");      /* device TLB */
	plant(entry + 2 * (BDF(0, 31, 7) - FIRST), *entry,
	      "context-of-unattached"); /* no such device */
	device_find(FIRST)->state = DEVICE_QUARANTINED;
	expect("context-of-unattached", 1);
}

/* R7: reported, and counted as no-snoop, which the verdict does not know of. */
static void test_pass_through(void **state)
{
	u64 *entry = context(FIRST);

	(void)state;
	*entry |= 2 << 2;
	fake_answer[0] = 0;
	assert_int_equal(audit_run(&fake_output), 3);
	assert_non_null(strstr(fake_answer, "finding what=pass-through in=00:03.0 address=0x0 "));
	assert_non_null(strstr(fake_answer, "finding what=count-of-boxes in=vm "));
	assert_non_null(strstr(fake_answer, "finding what=verdict in=vm "));
}

static void test_format_of_unit(void **state)
{
	(void)state;
	units[0].snoop_control = false;
	expect("no-snoop-control", 1);
}

static void test_verdict(void **state)
{
	(void)state;
	vm->verdict = VERDICT_EMULATE;
	expect("verdict", 1);
	vm->verdict = VERDICT_IGNORE;
	other->because = BOX_4;
	expect("verdict", 1);
	other->because = BOX_3;
	vm->devices_in_box[BOX_2]++;
	expect("count-of-boxes", 1);
	vm->devices_in_box[BOX_2]--;
	expect("nothing", 0);
}

/* One mistake may be everywhere. */
static void test_many(void **state)
{
	u32 lines = 0;

	(void)state;
	for (u64 va = 0; va < 20 * PAGE_SIZE; va += PAGE_SIZE)
		assert_ok(pt_map(&snoop->space.table, GIB(4) + va, vm->ram[0].pa, PAGE_SIZE,
		                 VTD_READ));
	fake_answer[0] = 0;
	assert_int_equal(audit_run(&fake_output), 20);
	for (const char *at = fake_answer; *at; at = strchr(at, '\n') + 1)
		lines++;
	assert_int_equal(lines, 16 + 1);
	assert_non_null(strstr(fake_answer, " findings=20\n"));
}

/* `audit always`: a line after every change, and none without it. */
static void test_always(void **state)
{
	(void)state;
	assert_null(strstr(fake_log, "audit"));
	audit_always = true;
	ioasid_detach(device_find(FIRST));
	assert_non_null(strstr(fake_log, "findings=0\n"));
	fake_log[0] = 0;
	assert_ok(ioasid_attach(snoop, device_find(FIRST), vm));
	assert_non_null(strstr(fake_log, "findings=0\n"));
	fake_log[0] = 0;
	*context(SECOND) |= 2 << 2;
	assert_ok(ioasid_attach(snoop, device_find(FREE), vm));
	assert_non_null(strstr(fake_log, "\nfinding what=pass-through in=00:04.0 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, set_up),
		cmocka_unit_test_setup(test_snoop, set_up),
		cmocka_unit_test_setup(test_dma_memory, set_up),
		cmocka_unit_test_setup(test_nested, set_up),
		cmocka_unit_test_setup(test_contexts, set_up),
		cmocka_unit_test_setup(test_pass_through, set_up),
		cmocka_unit_test_setup(test_format_of_unit, set_up),
		cmocka_unit_test_setup(test_verdict, set_up),
		cmocka_unit_test_setup(test_many, set_up),
		cmocka_unit_test_setup(test_always, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

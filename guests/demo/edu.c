// SPDX-License-Identifier: BSD-2-Clause
/*
 * QEMU's edu device (docs/specs/edu.rst): DMA between memory and a buffer of its own, 4 KiB. What
 * lies outside this VM's memory is not in its IOASID: such DMA faults and moves nothing (R4, R22).
 * And interrupts: to this CPU, and to others, which must not come through.
 */
#include "guests/lib/edu.h"
#include "guests/lib/pci.h"
#include "guests/lib/report.h"
#include "guests/demo/steps.h"
#include "guests/lib/ticks.h"

#define PAGE 4096u

/* A fault is recorded before its DMA is done, and counted when another CPU has counted its own. */
#define TRIES       5
#define COUNT_TICKS (1ull << 31)

#define PATTERN_OUT 0x5a
#define PATTERN_IN  0x33

static struct edu edu;
static uint8_t buffer[PAGE] __attribute__((aligned(PAGE)));

static bool dma_from(uint64_t iova)
{
	return edu_dma(&edu, false, iova, EDU_BYTES);
}

static bool dma_to(uint64_t iova)
{
	return edu_dma(&edu, true, iova, EDU_BYTES);
}

static void check_round_trip(const char *step)
{
	uint32_t wrong = edu_round_trip(&edu, ticks());

	report(!wrong, "%s bytes=%u wrong=%u", step, EDU_BYTES, wrong);
}

/* Memory that this program does not use: nothing may change there. */
static uint64_t sum_memory(uint64_t memory_size)
{
	extern const uint8_t image_end[];
	uint64_t sum = 0;

	for (const uint64_t *p = (const uint64_t *)image_end; (uintptr_t)p < memory_size; p++)
		sum = (sum << 1 | sum >> 63) ^ *p;
	return sum;
}

static uint64_t faults(void)
{
	return snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_FAULTS);
}

/* What the device holds now is what it held, or what a bus without an answer gives. */
static bool holds_nothing_new(void)
{
	__builtin_memset(buffer, PATTERN_IN, EDU_BYTES);
	if (!dma_to((uintptr_t)buffer))
		return false;
	for (unsigned int i = 0; i < EDU_BYTES; i++)
		if (buffer[i] != PATTERN_OUT && buffer[i] != 0 && buffer[i] != 0xff)
			return false;
	return true;
}

/* How many faults an access gives. A unit with one record loses a fault that comes together with
 * another device's, so that it may take more than one access. */
static uint64_t faults_of(bool (*access)(uint64_t iova), uint64_t iova)
{
	uint64_t before = faults();

	for (int tries = 0; tries < TRIES; tries++)
		if (!access(iova) || WAIT_UP_TO(COUNT_TICKS, faults() != before))
			break;
	return faults() - before;
}

/* Writes what the device holds to there, then reads from there. */
static void check_outside(uint64_t iova)
{
	uint64_t write_faults = faults_of(dma_to, iova);
	uint64_t read_faults = faults_of(dma_from, iova);

	report(holds_nothing_new() && write_faults && read_faults,
	       "dma-outside iova=0x%lx write-faults=%lu read-faults=%lu", iova, write_faults,
	       read_faults);
}

/* Memory of the machine: in one of 1 GiB, UEFI has put the hypervisor at the last of the first
 * five. Then registers of a VT-d unit, and above. */
static void check_isolation(uint64_t memory_size)
{
	const uint64_t outside[] = {
		memory_size, memory_size + (1 << 20),
		16 << 20,    512 << 20,
		976 << 20,   0xfed90000,
		1ull << 32,  1ull << 50,
	};
	uint64_t sum = sum_memory(memory_size);
	bool loaded;

	__builtin_memset(buffer, PATTERN_OUT, EDU_BYTES);
	loaded = dma_from((uintptr_t)buffer);
	for (unsigned int i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		if (outside[i] >= memory_size)
			check_outside(outside[i]);
	report(loaded && sum_memory(memory_size) == sum, "dma-outside memory=unchanged sum=0x%lx",
	       sum);
}

/* Sends a message; whether the registers read back as written (PCI 3.0, 6.8.1). */
static bool send(uint32_t function, uint32_t msi, uint32_t address, uint32_t data)
{
	uint32_t control = pci_read(function, msi) & ~MSI_ENABLE;

	pci_write(function, msi, control);
	pci_write(function, msi + 4, address);
	pci_write(function, msi + 8, 0);
	pci_write(function, msi + 12, data);
	pci_write(function, msi, control | MSI_ENABLE);
	edu_write32(&edu, EDU_REG_RAISE, 1);
	edu_write32(&edu, EDU_REG_LOWER, 1);
	return pci_read(function, msi) == (control | MSI_ENABLE) &&
	       pci_read(function, msi + 4) == address && pci_read(function, msi + 8) == 0 &&
	       (pci_read(function, msi + 12) & 0xffff) == data;
}

/* Interrupts are off here: the one that is allowed stays pending, and is seen from outside. */
static void check_interrupts(uint32_t function)
{
	static const struct {
		uint32_t address, data;
	} refused[] = {
		{0xfee01000, 0x41},  {0xfee07000, 0x41},  {0xfeeff000, 0x41},  /* other CPUs */
		{0xfee00000, 0x0f},  {0xfee00000, 0x241}, {0xfee00000, 0x441}, /* SMI, NMI */
		{0xfee00000, 0x541}, {0xfee00000, 0x741},                      /* INIT, ExtINT */
		{0xfef00000, 0x41},  {0x00100000, 0x41},                       /* memory */
	};
	uint32_t tried = sizeof(refused) / sizeof(*refused), wrong = 0, msi;

	if (!pci_find_capability(function, PCI_CAP_MSI, &msi)) {
		report(false, "interrupt capability=none");
		return;
	}
	for (unsigned int i = 0; i < tried; i++)
		wrong += !send(function, msi, refused[i].address, refused[i].data);
	wrong += !send(function, msi, 0xfee00000, 0x40);
	report(!wrong, "interrupt refused=%u wrong=%u", tried, wrong);
}

void step_edu(uint64_t memory_size, bool remapped)
{
	uint32_t function;

	if (!edu_find(&edu, 0)) {
		print("edu device=none");
		return;
	}
	function = edu.function;
	edu_write32(&edu, EDU_REG_LIVENESS, 0x12345678);
	report(edu_read(&edu, EDU_REG_ID) == EDU_ID_VALUE &&
	               edu_read(&edu, EDU_REG_LIVENESS) == ~0x12345678u,
	       "edu bus=%u device=%u function=%u id=0x%x registers=0x%lx", function >> 8,
	       function >> 3 & 31, function & 7, edu_read(&edu, EDU_REG_ID),
	       (uint64_t)(uintptr_t)edu.registers);

	check_round_trip("dma");
	if (remapped)
		check_interrupts(function);
	check_isolation(memory_size);
	check_round_trip("dma-again");
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * QEMU's edu device (docs/specs/edu.rst): DMA between memory and a buffer of its own, 4 KiB. What
 * lies outside this VM's memory is not in its IOASID: such DMA faults and moves nothing (R4, R22).
 * And interrupts: to this CPU, and to others, which must not come through.
 */
#include "guests/demo/pci.h"
#include "guests/demo/report.h"
#include "guests/demo/steps.h"
#include "guests/demo/ticks.h"

#define EDU_ID          0x11e81234u
#define EDU_BAR_ADDRESS 0xfffffff0u

#define EDU_REG_ID         0x00
#define EDU_REG_LIVENESS   0x04 /* reads back inverted */
#define EDU_REG_RAISE      0x60
#define EDU_REG_LOWER      0x64
#define EDU_REG_SOURCE     0x80
#define EDU_REG_TARGET     0x88
#define EDU_REG_COUNT      0x90
#define EDU_REG_COMMAND    0x98
#define EDU_ID_VALUE       0x010000edu
#define EDU_COMMAND_RUN    1u
#define EDU_COMMAND_TO_RAM 2u

/* Its buffer is 4 KiB, but QEMU ends itself on a transfer up to the last byte as on one beyond. */
#define EDU_BUFFER 0x40000u
#define BYTES      4088u
#define PAGE       4096u

/* A fault is recorded before its DMA is done, and counted when another CPU has counted its own. */
#define TRIES       5
#define COUNT_TICKS (1ull << 31)

#define PATTERN_OUT 0x5a
#define PATTERN_IN  0x33

static uint8_t *edu;
static uint8_t out[BYTES] __attribute__((aligned(PAGE)));
static uint8_t in[2 * PAGE] __attribute__((aligned(PAGE)));

static uint32_t edu_read(uint32_t offset)
{
	return *(volatile uint32_t *)(edu + offset);
}

static void edu_write(uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(edu + offset) = value;
}

static void edu_write32(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(edu + offset) = value;
}

/* The compiler does not see that the device reads and writes memory. */
static void barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

static bool dma(uint64_t source, uint64_t target, uint32_t command)
{
	bool done;

	barrier();
	edu_write(EDU_REG_SOURCE, source);
	edu_write(EDU_REG_TARGET, target);
	edu_write(EDU_REG_COUNT, BYTES);
	edu_write(EDU_REG_COMMAND, command | EDU_COMMAND_RUN);
	done = WAIT_FOR(!(edu_read(EDU_REG_COMMAND) & EDU_COMMAND_RUN));
	barrier();
	return done;
}

static bool dma_from(uint64_t iova)
{
	return dma(iova, EDU_BUFFER, 0);
}

static bool dma_to(uint64_t iova)
{
	return dma(EDU_BUFFER, iova, EDU_COMMAND_TO_RAM);
}

/* Out to the device and back to an address across two pages. */
static void check_round_trip(const char *step)
{
	uint8_t *back = in + PAGE / 2;
	unsigned int wrong = 0;
	bool done;

	for (unsigned int i = 0; i < BYTES; i++)
		out[i] = (uint8_t)(i * 7 + ticks());
	__builtin_memset(in, 0, sizeof(in));
	done = dma_from((uintptr_t)out) && dma_to((uintptr_t)back);
	for (unsigned int i = 0; i < BYTES; i++)
		wrong += back[i] != out[i];
	report(done && !wrong, "%s bytes=%u wrong=%u", step, BYTES, wrong);
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
	__builtin_memset(in, PATTERN_IN, BYTES);
	if (!dma_to((uintptr_t)in))
		return false;
	for (unsigned int i = 0; i < BYTES; i++)
		if (in[i] != PATTERN_OUT && in[i] != 0 && in[i] != 0xff)
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

/* Writes a pattern to there, then reads from there. */
static void check_outside(uint64_t iova)
{
	uint64_t write_faults, read_faults;
	bool done;

	__builtin_memset(out, PATTERN_OUT, BYTES);
	done = dma_from((uintptr_t)out);
	write_faults = faults_of(dma_to, iova);
	read_faults = faults_of(dma_from, iova);
	report(done && holds_nothing_new() && write_faults && read_faults,
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

	for (unsigned int i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		if (outside[i] >= memory_size)
			check_outside(outside[i]);
	report(sum_memory(memory_size) == sum, "dma-outside memory=unchanged sum=0x%lx", sum);
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
	edu_write32(EDU_REG_RAISE, 1);
	edu_write32(EDU_REG_LOWER, 1);
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

void step_edu(uint64_t memory_size)
{
	uint32_t function;

	if (!pci_find(EDU_ID, &function)) {
		print("edu device=none");
		return;
	}
	edu = (uint8_t *)(uintptr_t)(pci_read(function, PCI_BAR0) & EDU_BAR_ADDRESS);
	pci_write(function, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	edu_write32(EDU_REG_LIVENESS, 0x12345678);
	report(edu_read(EDU_REG_ID) == EDU_ID_VALUE && edu_read(EDU_REG_LIVENESS) == ~0x12345678u,
	       "edu bus=%u device=%u function=%u id=0x%x registers=0x%lx", function >> 8,
	       function >> 3 & 31, function & 7, edu_read(EDU_REG_ID), (uint64_t)(uintptr_t)edu);

	check_round_trip("dma");
	check_interrupts(function);
	check_isolation(memory_size);
	check_round_trip("dma-again");
}

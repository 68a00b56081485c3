/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's edu device (docs/specs/edu.rst): DMA between memory and a buffer of its own, which takes
 * 100 ms; and interrupts.
 */
#ifndef LIB_EDU_H
#define LIB_EDU_H

#include <stdbool.h>
#include <stdint.h>

#define EDU_ID 0x11e81234u

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
#define EDU_BYTES 4088u

struct edu {
	uint32_t function; /* bus << 8 | device << 3 | function */
	uint8_t *registers;
};

/* Its n-th function, from 0 on. Its registers are on, and it may master the bus. */
bool edu_find(struct edu *edu, unsigned int n);
/* The same after it has been attached again. */
void edu_enable(const struct edu *edu);

uint32_t edu_read(const struct edu *edu, uint32_t offset);
void edu_write(const struct edu *edu, uint32_t offset, uint64_t value);
void edu_write32(const struct edu *edu, uint32_t offset, uint32_t value);

/* to_ram: from its buffer to this address, else the other way. It is under way when this returns.
 */
void edu_start(const struct edu *edu, bool to_ram, uint64_t iova, uint32_t bytes);
bool edu_is_running(const struct edu *edu);
bool edu_wait(const struct edu *edu);
/* Both; false: it did not end in time. */
bool edu_dma(const struct edu *edu, bool to_ram, uint64_t iova, uint32_t bytes);
/* Out to the device and back to an address across two pages; how many bytes came back wrong. */
uint32_t edu_round_trip(const struct edu *edu, uint64_t seed);

#endif

// SPDX-License-Identifier: BSD-2-Clause
#include "core/power.h"

#include "core/cpu.h"
#include "core/log.h"
#include "core/uart.h"

/* PM1 control register (ACPI 6.5, 4.8.3.2). */
#define PM1_SLP_TYP MASK(12, 10)
#define PM1_SLP_EN  BIT(13)

#define PORT_KEYBOARD      0x64   /* 8042 command: 0xf0 to 0xff pulse lines, bit 0 clear: reset */
#define PORT_CONTROL_A     0x92   /* PS/2 system control port A: bit 0 resets */
#define PORT_RESET_CONTROL 0xcf9  /* PC chip sets: bit 2 resets */
#define PORT_QEMU_EXIT     0xf4   /* isa-debug-exit */
#define PORT_BOCHS_EXIT    0x8900 /* takes the letters of "Shutdown" */

/* Set at boot, read-only afterwards. */
static struct acpi_fadt registers;
static int slp_typ = -1;
static enum power_action action = POWER_HALT;

/* Bytes that end the machine when a guest writes them. Port 0: this machine does not have it. Of
 * two for one port the first counts. */
static struct end_byte {
	u16 port;
	u8 mask, value;
} end_bytes[6] = {{PORT_KEYBOARD, 0xf1, 0xf0},
                  {PORT_CONTROL_A, BIT(0), BIT(0)},
                  {PORT_RESET_CONTROL, BIT(2), BIT(2)}};

/* SLP_EN is in the upper byte. */
static struct end_byte sleep_byte(u16 pm1_control_port)
{
	u16 port = pm1_control_port ? pm1_control_port + 1 : 0;

	return (struct end_byte){port, PM1_SLP_EN >> 8, PM1_SLP_EN >> 8};
}

void power_init(const struct acpi_fadt *fadt, int slp_typ_a)
{
	registers = *fadt;
	slp_typ = slp_typ_a;
	end_bytes[3] = (struct end_byte){fadt->reset_port, 0xff, fadt->reset_value};
	end_bytes[4] = sleep_byte(fadt->pm1a_control_port);
	end_bytes[5] = sleep_byte(fadt->pm1b_control_port);
}

void power_set_action(enum power_action a)
{
	action = a;
}

static const struct end_byte *find_end_byte(u16 port)
{
	for (u32 i = 0; i < ARRAY_SIZE(end_bytes) && port; i++) {
		if (end_bytes[i].port == port)
			return &end_bytes[i];
	}
	return NULL;
}

bool power_has_port(u16 port)
{
	return find_end_byte(port);
}

bool power_is_end_request(u16 port, u8 size, u32 value)
{
	for (u32 i = 0; i < size; i++, value >>= 8) {
		const struct end_byte *e = find_end_byte((u16)(port + i));

		if (e && (value & e->mask) == e->value)
			return true;
	}
	return false;
}

static void power_off(void)
{
	u16 value = (u16)(FIELD_PUT(PM1_SLP_TYP, slp_typ) | PM1_SLP_EN);

	if (slp_typ < 0 || !registers.pm1a_control_port) {
		log_line("power-off unavailable reason=no-s5");
		return;
	}
	io_w16(registers.pm1a_control_port, value);
	if (registers.pm1b_control_port)
		io_w16(registers.pm1b_control_port, value);
}

static void reset(void)
{
	if (registers.reset_port)
		io_w8(registers.reset_port, registers.reset_value);
	io_w8(PORT_RESET_CONTROL, 0x06);
	io_w8(PORT_KEYBOARD, 0xfe);
}

static void emulator_exit(u32 status)
{
	io_w32(PORT_QEMU_EXIT, status);
	for (const char *letter = "Shutdown"; *letter; letter++)
		io_w8(PORT_BOCHS_EXIT, (u8)*letter);
}

void power_end(u32 status)
{
	log_line("end status=%u", status);
	uart_drain(); /* powering off would cut the line short */
	if (action == POWER_OFF)
		power_off();
	else if (action == POWER_RESET)
		reset();
	else if (action == POWER_QEMU)
		emulator_exit(status);
	for (;;)
		__asm__ volatile("cli; hlt");
}

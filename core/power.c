// SPDX-License-Identifier: BSD-2-Clause
#include "core/power.h"

#include "core/cpu.h"
#include "core/log.h"
#include "core/uart.h"

/* PM1 control register (ACPI 6.5, 4.8.3.2). */
#define PM1_SLP_TYP MASK(12, 10)
#define PM1_SLP_EN  BIT(13)

#define PORT_KEYBOARD      0x64   /* 8042 command: 0xfe pulses the reset line */
#define PORT_RESET_CONTROL 0xcf9  /* PC chip sets: bit 2 resets */
#define PORT_QEMU_EXIT     0xf4   /* isa-debug-exit */
#define PORT_BOCHS_EXIT    0x8900 /* takes the letters of "Shutdown" */

/* Set at boot, read-only afterwards. */
static struct acpi_fadt registers;
static int slp_typ = -1;
static enum power_action action = POWER_HALT;

void power_init(const struct acpi_fadt *fadt, int slp_typ_a)
{
	registers = *fadt;
	slp_typ = slp_typ_a;
}

void power_set_action(enum power_action a)
{
	action = a;
}

u32 power_ports(u16 ports[6])
{
	const u16 all[] = {PORT_KEYBOARD, PORT_RESET_CONTROL, registers.reset_port,
	                   registers.pm1a_control_port, registers.pm1b_control_port};
	u32 count = 0;

	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		if (!all[i])
			continue;
		ports[count++] = all[i];
		/* SLP_EN is in the upper byte, which a guest may write alone. */
		if (all[i] == registers.pm1a_control_port)
			ports[count++] = (u16)(all[i] + 1);
	}
	return count;
}

bool power_is_end_request(u16 port, u32 value)
{
	if (port == PORT_KEYBOARD)
		return (value & 0xff) == 0xfe;
	if (port == PORT_RESET_CONTROL)
		return value & BIT(2);
	if (port == registers.reset_port)
		return (value & 0xff) == registers.reset_value;
	if (port == registers.pm1a_control_port || port == registers.pm1b_control_port)
		return value & PM1_SLP_EN;
	return port == registers.pm1a_control_port + 1 && (value & PM1_SLP_EN >> 8);
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

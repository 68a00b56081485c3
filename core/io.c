// SPDX-License-Identifier: BSD-2-Clause
#include "core/io.h"

#include "core/config_space.h"
#include "core/console.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/power.h"
#include "core/uart.h"

#define PORT_CONFIG_ADDRESS 0xcf8
#define PORT_CONFIG_DATA    0xcfc
#define PORT_CONFIG_END     0xd00
#define CONFIG_ENABLE       BIT(31)

/* The ISA DMA controllers (8237): masters that no VT-d unit holds back where there is none. */
static bool is_isa_dma(u16 port, u8 size)
{
	return port <= 0x0f || (port + size > 0xc0 && port <= 0xdf);
}

/* Configuration mechanism 1: the address register is a dword, all else around it is not there. */
static bool is_config_address(u16 port, u8 size)
{
	return port == PORT_CONFIG_ADDRESS && size == 4;
}

static bool is_config(u16 port, u8 size)
{
	return port + size > PORT_CONFIG_ADDRESS && port < PORT_CONFIG_END;
}

static bool is_trapped(u16 port)
{
	return is_config(port, 1) || port == UART_DATA || power_has_port(port) ||
	       (console_cpu && port == UART_LINE_STATUS) || (!unit_count && is_isa_dma(port, 1));
}

void io_fill_bitmap(bool platform, u8 bitmap[IO_BITMAP_SIZE])
{
	for (u32 port = 0; port <= 0xffff; port++) {
		if (!platform || is_trapped((u16)port))
			bitmap[port / 8] |= (u8)BIT(port % 8);
	}
}

/* The register that an access to the data port means; false if it means none. */
static bool config_target(const struct vm *vm, u16 port, u8 size, u32 *bdf, u32 *offset)
{
	*bdf = vm->config_address >> 8 & 0xffff;
	*offset = (vm->config_address & 0xfc) + (port & 3);
	return port >= PORT_CONFIG_DATA && (vm->config_address & CONFIG_ENABLE) &&
	       IS_ALIGNED(*offset, size);
}

static u32 handle_in(struct vm *vm, u16 port, u8 size)
{
	u32 bdf, offset;

	if (is_config_address(port, size))
		return vm->config_address;
	if (is_config(port, size))
		return config_target(vm, port, size, &bdf, &offset)
		               ? config_space_read(vm, bdf, offset, size)
		               : ~0u;
	if (vm->platform && console_answers(port, size))
		return console_guest_read(port);
	return vm->platform && !is_isa_dma(port, size) ? io_read(port, size) : ~0u;
}

static enum exit_result handle_out(struct vm *vm, u16 port, u8 size, u32 value)
{
	u32 bdf, offset;

	if (is_config_address(port, size)) {
		vm->config_address = value;
	} else if (vm->platform && power_is_end_request(port, size, value)) {
		log_line("end vm=%s by=power-register port=0x%x value=0x%x", vm->name, port, value);
		vm_leave(vm, VM_ENDED);
		return RESULT_STOP;
	} else if (is_config(port, size)) {
		if (config_target(vm, port, size, &bdf, &offset))
			config_space_write(vm, bdf, offset, size, value);
	} else if (vm->platform && port == UART_DATA && size == 1 && !uart_has_latch()) {
		log_write_guest_byte((u8)value);
	} else if (vm->platform && !is_isa_dma(port, size)) {
		io_write(port, size, value);
	}
	return RESULT_ADVANCE;
}

enum exit_result io_handle(struct vcpu *vcpu, struct exit *exit)
{
	u64 *rax = &vcpu->gpr[GPR_RAX];
	u8 size = exit->io.size;

	fault_poll();
	if (exit->io.string)
		return exit_kill(vcpu, exit, "string-io-on-trapped-port");
	if (!exit->io.in)
		return handle_out(vcpu->vm, exit->io.port, size, (u32)*rax);
	gpr_receive(rax, handle_in(vcpu->vm, exit->io.port, size), size);
	return RESULT_ADVANCE;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "core/io.h"

#include "core/backend.h"
#include "core/config_space.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/power.h"
#include "lib/string.h"

#define PORT_CONFIG_ADDRESS 0xcf8
#define PORT_CONFIG_DATA    0xcfc
#define PORT_CONFIG_END     0xd00
#define PORT_SERIAL_DATA    0x3f8
#define CONFIG_ENABLE       BIT(31)

/* The ISA DMA controllers (8237): masters that no VT-d unit holds back where there is none. */
static const struct {
	u16 first, last;
} isa_dma[] = {{0x00, 0x0f}, {0xc0, 0xdf}};

static bool is_isa_dma(u16 port)
{
	for (u32 i = 0; i < ARRAY_SIZE(isa_dma); i++) {
		if (port >= isa_dma[i].first && port <= isa_dma[i].last)
			return true;
	}
	return false;
}

void io_intercept_platform(struct vcpu *vcpu)
{
	u16 ports[6];
	u32 count = power_ports(ports);

	for (u16 port = PORT_CONFIG_ADDRESS; port < PORT_CONFIG_END; port++)
		backend->intercept_port(vcpu, port, true);
	for (u32 i = 0; i < count; i++)
		backend->intercept_port(vcpu, ports[i], true);
	backend->intercept_port(vcpu, PORT_SERIAL_DATA, true);
	for (u32 i = 0; i < ARRAY_SIZE(isa_dma) && !unit_count; i++) {
		for (u16 port = isa_dma[i].first; port <= isa_dma[i].last; port++)
			backend->intercept_port(vcpu, port, true);
	}
}

/* Configuration mechanism 1. */
static u32 config_port_read(struct vm *vm, u16 port, u8 size)
{
	u32 address = vm->config_address, offset = (address & 0xfc) + (port & 3);

	if (port < PORT_CONFIG_DATA)
		return port == PORT_CONFIG_ADDRESS && size == 4 ? address : ~0u;
	if (!(address & CONFIG_ENABLE) || (offset & (size - 1u)))
		return ~0u;
	return config_space_read(vm, address >> 8 & 0xffff, offset, size);
}

static void config_port_write(struct vm *vm, u16 port, u8 size, u32 value)
{
	u32 address = vm->config_address, offset = (address & 0xfc) + (port & 3);

	if (port < PORT_CONFIG_DATA) {
		if (port == PORT_CONFIG_ADDRESS && size == 4)
			vm->config_address = value;
	} else if ((address & CONFIG_ENABLE) && !(offset & (size - 1u))) {
		config_space_write(vm, address >> 8 & 0xffff, offset, size, value);
	}
}

static u32 port_read(u16 port, u8 size)
{
	return size == 1 ? io_r8(port) : size == 2 ? io_r16(port) : io_r32(port);
}

static void port_write(u16 port, u8 size, u32 value)
{
	if (size == 1)
		io_w8(port, (u8)value);
	else if (size == 2)
		io_w16(port, (u16)value);
	else
		io_w32(port, value);
}

static u32 handle_in(struct vm *vm, u16 port, u8 size)
{
	if (port >= PORT_CONFIG_ADDRESS && port < PORT_CONFIG_END)
		return config_port_read(vm, port, size);
	if (!vm->platform || is_isa_dma(port))
		return ~0u;
	return port_read(port, size);
}

static enum exit_result handle_out(struct vm *vm, u16 port, u8 size, u32 value)
{
	if (vm->platform && power_is_end_request(port, value)) {
		log_line("end vm=%s by=power-register port=0x%x value=0x%x", vm->name, port, value);
		vm->state = VM_ENDED;
		return RESULT_STOP;
	}
	if (port >= PORT_CONFIG_ADDRESS && port < PORT_CONFIG_END) {
		config_port_write(vm, port, size, value);
	} else if (vm->platform && !is_isa_dma(port)) {
		port_write(port, size, value);
		if (port == PORT_SERIAL_DATA)
			log_note_guest_byte((u8)value);
	}
	return RESULT_ADVANCE;
}

enum exit_result io_handle(struct vcpu *vcpu, struct exit *exit)
{
	u64 *rax = &vcpu->gpr[GPR_RAX];
	u8 size = exit->io.size;
	u32 value;

	fault_poll();
	if (exit->io.string)
		return exit_kill(vcpu, exit, "string-io-on-trapped-port");
	if (!exit->io.in)
		return handle_out(vcpu->vm, exit->io.port, size, (u32)*rax);
	/* A 4-byte read clears the upper half of RAX, smaller ones leave the rest. */
	value = handle_in(vcpu->vm, exit->io.port, size);
	if (size == 4)
		*rax = value;
	else
		memcpy(rax, &value, size);
	return RESULT_ADVANCE;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "core/console.h"

#include "core/command.h"
#include "core/deadline.h"
#include "core/ioasid.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/uart.h"
#include "lib/format.h"
#include "lib/line_edit.h"

#define SWITCH_KEY 0x1d /* Ctrl-] */
#define POLL_US    500  /* a FIFO of 16 bytes lasts 1,400; an emulator must do other things, too */

const struct cpu *console_cpu;

/* Changed by the CPU that polls; the log's lock is held when it is drawn. */
static struct line_edit editor;
static bool is_prompting; /* from the first key on: a log that nobody types at is plain text */
static u64 next_poll;

/* Whoever has the keyboard reads the port. */
static bool guest_has_keyboard;
static u8 guest_byte; /* read ahead for the guest, to see whether it is the switch */
static bool has_guest_byte;

static void put(struct output *out, const char *text, size_t length)
{
	(void)out;
	log_print(text, length);
}

static struct output output = {put};

static bool draw(void)
{
	char back[8]; /* ECMA-48, 8.3.18: cursor left */

	if (!is_prompting)
		return false;
	uart_write("\r\x1b[K> ", 6);
	uart_write(editor.text, editor.length);
	if (editor.cursor < editor.length)
		uart_write(back, format_text(back, sizeof(back), "\x1b[%uD",
		                             editor.length - editor.cursor));
	return true;
}

void console_init(void)
{
	u64 free = cpu_online_mask();

	next_poll = 0;
	for_each_vm (vm)
		free &= ~vm->config.cpu_mask;
	if (!free || !log_set_prompt(draw))
		return;
	console_cpu = &cpus[__builtin_ctzll(free)];
	log_line("console cpu=%u", console_cpu->index);
	if (console_cpu != cpu_this()) /* it has halted */
		mailbox_post(&cpus[console_cpu->index], ASK_LOOK);
}

/* The next byte for whoever has the keyboard; the switch is none. */
static bool take_byte(u8 *byte)
{
	if (!uart_read(byte))
		return false;
	if (*byte == SWITCH_KEY)
		guest_has_keyboard = !guest_has_keyboard && vm_find_platform();
	return *byte != SWITCH_KEY;
}

/* The words that may be typed: of the first one a command, of others a name. NULL past the last. */
static const char *candidate(u32 i, bool first, struct bdf_text *bdf)
{
	if (first)
		return command_word(i);
	if (i < vm_count)
		return vms[i].name;
	i -= vm_count;
	if (i < ioasid_count)
		return ioasids[i].name;
	i -= ioasid_count;
	if (i >= device_count)
		return NULL;
	*bdf = bdf_format(devices[i].bdf);
	return bdf->text;
}

static u32 count_same(const char *a, const char *b, u32 limit)
{
	u32 n = 0;

	while (n < limit && a[n] && a[n] == b[n])
		n++;
	return n;
}

/* As far as all candidates agree; a blank behind the only one. */
static void complete(void)
{
	u32 start = editor.cursor, typed, common = 0, matches = 0;
	char found[IOASID_NAME_MAX];
	struct bdf_text bdf;
	const char *word;

	while (start && editor.text[start - 1] != ' ' && editor.text[start - 1] != '=')
		start--;
	typed = editor.cursor - start;
	for (u32 i = 0; (word = candidate(i, !start, &bdf)); i++) {
		if (count_same(word, editor.text + start, typed) < typed)
			continue;
		if (!matches++)
			common = (u32)format_text(found, sizeof(found), "%s", word);
		common = count_same(word, found, common);
	}
	if (matches)
		line_edit_insert(&editor, found + typed, common - typed);
	if (matches == 1)
		line_edit_insert(&editor, " ", 1);
}

static void enter(void)
{
	is_prompting = false;
	output_line(&output, "> %.*s", (int)editor.length, editor.text);
	(void)command_run_live(&output, (struct text){editor.text, editor.length});
	line_edit_clear(&editor);
	is_prompting = true;
}

void console_poll(void)
{
	const struct vm *platform = vm_find_platform();
	u8 byte;

	if (!deadline_passed(next_poll))
		return;
	next_poll = deadline_in_us(POLL_US);

	if (platform && platform->state > VM_RUNNING) /* it reads no more */
		guest_has_keyboard = false;
	while (!guest_has_keyboard && take_byte(&byte)) {
		enum line_edit_result result = line_edit_key(&editor, (char)byte);

		is_prompting = true;
		if (result == LINE_EDIT_COMPLETE)
			complete();
		if (result == LINE_EDIT_ENTERED)
			enter();
		if (result != LINE_EDIT_NOTHING)
			log_draw_prompt();
	}
}

bool console_answers(u16 port, u8 size)
{
	return console_cpu && size == 1 &&
	       (port == UART_LINE_STATUS || (port == UART_DATA && !uart_has_latch()));
}

u8 console_guest_read(u16 port)
{
	if (guest_has_keyboard && !has_guest_byte)
		has_guest_byte = take_byte(&guest_byte);
	if (port == UART_LINE_STATUS)
		return (uart_status() & ~UART_DATA_READY) | (has_guest_byte ? UART_DATA_READY : 0);
	has_guest_byte = false;
	return guest_byte;
}

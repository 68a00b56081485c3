// SPDX-License-Identifier: BSD-2-Clause
#include "lib/line_edit.h"

#include "lib/string.h"

#define CTRL(letter) ((letter)&0x1f)
#define ESCAPE       0x1b
#define DELETE       0x7f

/* Takes [from, to) out. */
static void cut(struct line_edit *e, u32 from, u32 to)
{
	memmove(e->text + from, e->text + to, e->length - to);
	e->length -= to - from;
	e->cursor = from;
}

void line_edit_insert(struct line_edit *e, const char *text, u32 length)
{
	length = MIN(length, LINE_EDIT_MAX - e->length);
	memmove(e->text + e->cursor + length, e->text + e->cursor, e->length - e->cursor);
	memcpy(e->text + e->cursor, text, length);
	e->length += length;
	e->cursor += length;
}

/* Shows the line that was entered `back` lines ago; 0: a new one. */
static void recall(struct line_edit *e, u32 back)
{
	u32 slot = (e->entered - back) % LINE_EDIT_HISTORY;

	if (back > MIN(e->entered, LINE_EDIT_HISTORY))
		return;
	e->back = back;
	e->cursor = e->length = 0;
	if (back)
		line_edit_insert(e, e->history[slot].text, e->history[slot].length);
}

void line_edit_clear(struct line_edit *e)
{
	u32 slot = e->entered % LINE_EDIT_HISTORY;

	if (e->length) {
		memcpy(e->history[slot].text, e->text, e->length);
		e->history[slot].length = e->length;
		e->entered++;
	}
	recall(e, 0);
}

/* ESC [ letter, ESC O letter, ESC [ digit ~ (ECMA-48, 5.4; xterm): the control key that does the
 * same; 0: none, or not complete. */
static char end_escape(struct line_edit *e, char byte)
{
	static const char keys[][2] = {{'A', CTRL('P')}, {'B', CTRL('N')}, {'C', CTRL('F')},
	                               {'D', CTRL('B')}, {'H', CTRL('A')}, {'F', CTRL('E')},
	                               {'1', CTRL('A')}, {'7', CTRL('A')}, {'4', CTRL('E')},
	                               {'8', CTRL('E')}, {'3', CTRL('D')}};

	if (e->escape++ == 1 && (byte == '[' || byte == 'O'))
		return 0;
	if (e->escape > 2 && ((byte >= '0' && byte <= '9') || byte == ';')) {
		e->parameter = byte;
		return 0;
	}
	e->escape = 0;
	for (u32 i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i][0] == (byte == '~' ? e->parameter : byte))
			return keys[i][1];
	}
	return 0;
}

static void edit(struct line_edit *e, char key)
{
	if (key == CTRL('A'))
		e->cursor = 0;
	else if (key == CTRL('E'))
		e->cursor = e->length;
	else if (key == CTRL('B'))
		e->cursor -= e->cursor > 0;
	else if (key == CTRL('F'))
		e->cursor += e->cursor < e->length;
	else if (key == CTRL('D'))
		cut(e, e->cursor, MIN(e->cursor + 1, e->length));
	else if ((key == '\b' || key == DELETE) && e->cursor)
		cut(e, e->cursor - 1, e->cursor);
	else if (key == CTRL('K'))
		cut(e, e->cursor, e->length);
	else if (key == CTRL('U'))
		cut(e, 0, e->cursor);
	else if (key == CTRL('C'))
		cut(e, 0, e->length);
	else if (key == CTRL('P'))
		recall(e, e->back + 1);
	else if (key == CTRL('N') && e->back)
		recall(e, e->back - 1);
	else if (key >= ' ' && key < DELETE)
		line_edit_insert(e, &key, 1);
}

enum line_edit_result line_edit_key(struct line_edit *e, char byte)
{
	if (byte == ESCAPE) {
		e->escape = 1;
		return LINE_EDIT_NOTHING;
	}
	if (e->escape) {
		byte = end_escape(e, byte);
		if (!byte)
			return LINE_EDIT_NOTHING;
	}
	if (byte == '\r' || byte == '\n')
		return LINE_EDIT_ENTERED;
	if (byte == '\t')
		return LINE_EDIT_COMPLETE;
	edit(e, byte);
	return LINE_EDIT_DRAW;
}

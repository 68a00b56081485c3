/* SPDX-License-Identifier: BSD-2-Clause */
/* A line being typed on a terminal: bytes in, an edited line out. Pure; whoever calls draws. */
#ifndef LIB_LINE_EDIT_H
#define LIB_LINE_EDIT_H

#include "lib/types.h"

#define LINE_EDIT_MAX     120
#define LINE_EDIT_HISTORY 8

struct line_edit {
	char text[LINE_EDIT_MAX];
	u32 length, cursor;
	struct {
		char text[LINE_EDIT_MAX];
		u32 length;
	} history[LINE_EDIT_HISTORY]; /* a ring */
	u32 entered;                  /* lines that ever came into it */
	u32 back;                     /* how many lines ago the one shown was; 0: it is new */
	u8 escape;                    /* bytes of an escape sequence so far */
	char parameter;               /* its digit */
};

/* What the caller does next. */
enum line_edit_result {
	LINE_EDIT_DRAW,     /* the line or the cursor has changed */
	LINE_EDIT_NOTHING,  /* or it has not */
	LINE_EDIT_ENTERED,  /* carry out the line, then call line_edit_clear */
	LINE_EDIT_COMPLETE, /* complete what is before the cursor: line_edit_insert */
};

/* Printable ASCII; Enter, Tab, Backspace; ^A ^E ^B ^F ^D ^K ^U ^C ^P ^N; the arrows, Home, End and
 * Delete of VT100, xterm and rxvt. */
enum line_edit_result line_edit_key(struct line_edit *e, char byte);
/* Into the line at the cursor; what does not fit is left out. */
void line_edit_insert(struct line_edit *e, const char *text, u32 length);
/* An empty line; this one goes into the history, unless it is empty. */
void line_edit_clear(struct line_edit *e);

#endif

// SPDX-License-Identifier: BSD-2-Clause
#include "core/line.h"

err_t line_word(struct line *l)
{
	TRY(text_next_word(&l->rest, &l->word));
	return l->word.length ? E_OK : E_MISSING_WORD;
}

err_t line_end(struct line *l)
{
	struct text more;
	err_t e = text_next_word(&l->rest, &more);

	if (!e && !more.length)
		return E_OK; /* the word before is still the one to blame */
	l->word = more;
	return e ? e : E_UNKNOWN_WORD;
}

err_t line_name(struct line *l, char *name, size_t size)
{
	TRY(line_word(l));
	return text_copy(l->word, name, size);
}

err_t line_number(struct line *l, u64 *number)
{
	TRY(line_word(l));
	return parse_u64(l->word, number);
}

err_t line_find_vm(struct text name, struct vm **vm)
{
	char copy[VM_NAME_MAX];

	TRY(text_copy(name, copy, sizeof(copy)));
	*vm = vm_find(copy);
	return *vm ? E_OK : E_NO_VM;
}

err_t line_find_ioasid(struct text name, struct ioasid **io)
{
	char copy[IOASID_NAME_MAX];

	TRY(text_copy(name, copy, sizeof(copy)));
	*io = ioasid_find(copy);
	return *io ? E_OK : E_NO_IOASID;
}

err_t line_vm(struct line *l, struct vm **vm)
{
	TRY(line_word(l));
	return line_find_vm(l->word, vm);
}

err_t line_ioasid(struct line *l, struct ioasid **io)
{
	TRY(line_word(l));
	return line_find_ioasid(l->word, io);
}

err_t line_device(struct line *l, struct device **d)
{
	u32 bdf;

	TRY(line_word(l));
	TRY(parse_bdf(l->word, &bdf));
	*d = device_find(bdf);
	return *d ? E_OK : E_NO_DEVICE;
}

err_t line_choose(struct text word, const char *const *choices, u32 *choice)
{
	for (*choice = 0; choices[*choice]; (*choice)++) {
		if (text_is(word, choices[*choice]))
			return E_OK;
	}
	return E_UNKNOWN_WORD;
}

err_t line_choice(struct line *l, const char *const *choices, u32 *choice)
{
	TRY(line_word(l));
	TRY(line_choose(l->word, choices, choice));
	return line_end(l);
}

err_t line_keys(struct line *l, const struct key *keys)
{
	struct text value;
	u32 seen = 0;

	for (;;) {
		u32 i = 0;

		TRY(text_next_word(&l->rest, &l->word));
		if (!l->word.length)
			return E_OK;
		while (keys[i].name && !text_key(l->word, keys[i].name, &value))
			i++;
		if (!keys[i].name)
			return E_UNKNOWN_WORD;
		if (seen & BIT(i))
			return E_DUPLICATE;
		seen |= BIT(i);
		TRY(keys[i].set(l, value));
	}
}

err_t line_vm_key(struct line *l, struct text value)
{
	return line_find_vm(value, &l->vm);
}

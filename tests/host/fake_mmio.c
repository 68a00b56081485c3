// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_mmio.h"
#include "core/mem.h"
#include "tests/host/test.h"

static struct fake_mmio *models[8];
static u32 model_count;
void (*fake_mmio_on_access)(void);

void fake_mmio_add(struct fake_mmio *m)
{
	for (u32 i = 0; i < model_count; i++) {
		if (models[i] == m)
			return;
	}
	assert_true(model_count < ARRAY_SIZE(models));
	models[model_count++] = m;
}

u64 fake_page_read(struct fake_mmio *m, u32 offset, u8 size)
{
	u64 value = 0;

	memcpy(&value, ((struct fake_page *)m)->bytes + offset, size);
	return value;
}

void fake_page_write(struct fake_mmio *m, u32 offset, u8 size, u64 value)
{
	memcpy(((struct fake_page *)m)->bytes + offset, &value, size);
}

err_t mem_map_mmio(u64 pa, u64 size, struct mmio *mmio)
{
	for (u32 i = 0; i < model_count; i++) {
		struct fake_mmio *m = models[i];

		if (m->base_pa == pa) {
			m->mapped_size = MIN(size, m->size);
			*mmio = (struct mmio){pa, (u8 *)m};
			return E_OK;
		}
	}
	return E_OVERLAP;
}

static struct fake_mmio *model_of(const struct mmio *mmio, u32 offset, u8 size)
{
	struct fake_mmio *m = (struct fake_mmio *)(void *)mmio->base;

	if (fake_mmio_on_access)
		fake_mmio_on_access();
	for (u32 i = 0; i < model_count; i++) {
		if (models[i] == m && (u64)offset + size <= m->mapped_size)
			return m;
	}
	fail_msg("register 0x%x of 0x%lx is not mapped", offset, mmio->base_pa);
	return NULL;
}

#define DEFINE_ACCESS(bits)                                                \
	u##bits mmio_r##bits(const struct mmio *m, u32 offset)             \
	{                                                                  \
		struct fake_mmio *model = model_of(m, offset, bits / 8);   \
                                                                           \
		return (u##bits)model->read(model, offset, bits / 8);      \
	}                                                                  \
	void mmio_w##bits(const struct mmio *m, u32 offset, u##bits value) \
	{                                                                  \
		struct fake_mmio *model = model_of(m, offset, bits / 8);   \
                                                                           \
		model->write(model, offset, bits / 8, value);              \
	}

DEFINE_ACCESS(8)
DEFINE_ACCESS(16)
DEFINE_ACCESS(32)
DEFINE_ACCESS(64)

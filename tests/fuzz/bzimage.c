// SPDX-License-Identifier: BSD-2-Clause
#include "lib/bzimage.h"
#include "tests/fuzz/fuzz.h"

/* Both parts lie in the file, the header fits boot_params, the kernel what it asks for. */
static err_t parse(u8 *bytes, size_t size)
{
	struct bzimage image;

	TRY(bzimage_parse(bytes, size, &image));
	assert_true((u64)image.setup_header_offset + image.setup_header_size <= size);
	assert_true(image.setup_header_offset + image.setup_header_size <= 0x290);
	assert_true((u64)image.kernel_offset + image.kernel_size <= size);
	assert_true(image.kernel_size && image.kernel_size <= image.init_size);
	assert_int_equal(__builtin_popcount(image.alignment), 1);
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	parse_copy(data, size, parse);
	return 0;
}

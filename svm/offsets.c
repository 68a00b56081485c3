// SPDX-License-Identifier: BSD-2-Clause
/* Offsets for svm/entry.asm (house rule 10). */
#include "core/offsets.h"
#include "svm/svm.h"

void offsets(void);
void offsets(void)
{
	OFFSET(VMCB_OWN_PA, struct vmcb, own_pa);
	OFFSET(VMCB_HOST_PA, struct vmcb, host_pa);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Offsets for svm/entry.asm (house rule 10). */
#include "core/offsets.h"
#include "svm/svm.h"

void offsets(void);
void offsets(void)
{
	OFFSET(SVM_VMCB_PA, struct svm_vcpu, vmcb_pa);
	OFFSET(SVM_HOST_PA, struct svm_vcpu, host_pa);
}

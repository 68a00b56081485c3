// SPDX-License-Identifier: BSD-2-Clause
#include "guests/demo/code.h"
#include "guests/lib/report.h"
#include "guests/demo/steps.h"

#define CPUID_ECX_VMX        (1u << 5)  /* leaf 1 */
#define CPUID_ECX_HYPERVISOR (1u << 31) /* leaf 1 */
#define CPUID_ECX_SVM        (1u << 2)  /* leaf 0x80000001 */

/* The signature has been compared already. */
void step_cpuid(void)
{
	uint32_t basic[4], extended[4];
	bool hides_vmx, hides_svm;

	snoopervisor_cpuid(1, basic);
	snoopervisor_cpuid(0x80000001, extended);
	hides_vmx = !(basic[2] & CPUID_ECX_VMX);
	hides_svm = !(extended[2] & CPUID_ECX_SVM);
	report(hides_vmx && hides_svm && basic[2] & CPUID_ECX_HYPERVISOR &&
	               hypervisor.version == HYPERCALL_VERSION,
	       "cpuid signature=%s version=%u call=%s hides-vmx=%u hides-svm=%u",
	       HYPERVISOR_SIGNATURE, hypervisor.version, hypervisor.vmcall ? "vmcall" : "vmmcall",
	       hides_vmx, hides_svm);
}

void step_hypercalls(uint64_t foreign)
{
	const struct {
		const char *name;
		uint64_t number, b, c;
		int64_t expected;
	} calls[] = {
		{"version", HYPERCALL_VERSION_GET, 0, 0, HYPERCALL_VERSION},
		{"number", 12345, 0, 0, HYPERCALL_E_NUMBER},
		{"counter", HYPERCALL_COUNTERS, 12345, 0, HYPERCALL_E_ARGUMENT},
		{"log-length", HYPERCALL_LOG, 0x1000, 129, HYPERCALL_E_ARGUMENT},
		{"log-address", HYPERCALL_LOG, 1ull << 45, 1, HYPERCALL_E_ADDRESS},
		{"log-address-wraps", HYPERCALL_LOG, ~0ull, 128, HYPERCALL_E_ADDRESS},
		{"counter-of-cpu", HYPERCALL_COUNTERS, HYPERCALL_COUNTER_OF_CPU(99), 0,
	         HYPERCALL_E_ARGUMENT},
		{"info-of-foreign", HYPERCALL_DEVICE_INFO, foreign, 0, HYPERCALL_E_DEVICE},
		{"attach-foreign", HYPERCALL_ATTACH, foreign, HYPERCALL_IOASID_NONE,
	         HYPERCALL_E_DEVICE},
		{"detach-foreign", HYPERCALL_DETACH, ~0ull, 0, HYPERCALL_E_DEVICE},
		{"alloc-request", HYPERCALL_IOASID_ALLOC, 3, 0, HYPERCALL_E_ARGUMENT},
		{"free-id", HYPERCALL_IOASID_FREE, ~0ull, 0, HYPERCALL_E_IOASID},
		{"map-id", HYPERCALL_IOASID_MAP, 1ull << 32, 0, HYPERCALL_E_IOASID},
		{"unmap-id", HYPERCALL_IOASID_UNMAP, HYPERCALL_IOASID_NONE, 0, HYPERCALL_E_IOASID},
		{"command", HYPERCALL_COMMAND, 0x1000, 4, HYPERCALL_E_PERMISSION},
	};
	const unsigned int count = sizeof(calls) / sizeof(*calls);
	unsigned int right = 0;

	for (unsigned int i = 0; i < count; i++) {
		int64_t result =
			snoopervisor_call(&hypervisor, calls[i].number, calls[i].b, calls[i].c);

		if (result == calls[i].expected)
			right++;
		else
			report(false, "hypercall call=%s result=0x%lx", calls[i].name,
			       (uint64_t)result);
	}
	report(right == count, "hypercall calls=%u", right);
}

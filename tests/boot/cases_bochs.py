# SPDX-License-Identifier: BSD-2-Clause
"""VMX, in Bochs: there is no VT-d unit, so that no VM has a device."""
from case import NOT_STARTED, Case, manifest
from guests import DEMO, DEMO_VM, LINUX, SLOW_LINUX_VM, summary, verdict

VMX = ("^unit none reason=no-dmar$", "^backend name=vmx")

CASES = (
    Case("bochs-linux", manifest(SLOW_LINUX_VM), boot="bochs", seconds=400, never=("^attach",),
         expect=VMX + (verdict("linux", "ignore"),) + LINUX, also=(summary("linux", "ignore"),)),
    Case("bochs-demo", manifest(DEMO_VM), boot="bochs", wbinvd_limit=100, never=("^attach",),
         expect=VMX + (verdict("demo", "ignore"),) + DEMO, also=(summary("demo", "ignore"), "edu device=none")),
    Case("bochs-refused", manifest(DEMO_VM, "device 00:05.0 vm=demo"), boot="bochs", status=NOT_STARTED,
         expect=VMX + ('line=3 word="00:05.0" reason=no-such-device$',)),
)

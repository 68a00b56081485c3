# SPDX-License-Identifier: BSD-2-Clause
# `make eva`: frama-c's Eva on the DMAR parser (tests/eva/dmar.c); an alarm is an error. A minute for tables up to
# 74 bytes, which hold a DRHD with three scopes or an RMRR with one; each 4 bytes more double it.
EVA_TABLE_MAX ?= 74

EVA_FLAGS := -machdep gcc_x86_64 -cpp-extra-args="-I. -include tests/eva/eva.h \
	-DTABLE_MAX=$(EVA_TABLE_MAX) -D__builtin_memcpy=eva_memcpy"
EVA_FLAGS += -eva -main eva_main -eva-warn-key alarm=error -verbose 0 -eva-verbose 0 \
	-kernel-warn-key annot:missing-spec=inactive
# Paths: those that the driver names, and the parser's results apart from each other.
EVA_FLAGS += -eva-partition-value eva_start,eva_type,eva_length,eva_scope,eva_layout,eva_scopes \
	-eva-split-limit 300 -eva-split-return full -eva-slevel-function \
	add_scopes:200,choose_scopes:200,choose_scope:20,acpi_check_table:40,acpi_check_body:40,dmar_parse:3
# Loops over known numbers of bytes, and sets of numbers, stay exact.
EVA_FLAGS += -eva-auto-loop-unroll 200 -eva-ilevel 16 -eva-plevel 2000

.PHONY: eva
eva:
	frama-c $(EVA_FLAGS) tests/eva/dmar.c lib/dmar.c lib/acpi.c
	echo "no alarms: tables up to $(EVA_TABLE_MAX) bytes"

# SPDX-License-Identifier: BSD-2-Clause
# Model tests: the shipped .c files against a model of remapping units, devices and caches that looks at
# each of their stores. A call before each store is what -fsanitize=thread is for here; the sanitizer
# itself is not linked (tests/model/stores.c). tests/model/test_NAME.c and MODEL_SOURCES_NAME become
# build/tests/model/test_NAME, and `make host-tests` runs it, too.
MODEL := $(addprefix tests/model/,model.c stores.c walker.c)
MODEL_CFLAGS = $(subst address,thread,$(HOST_CFLAGS))

MODEL_TESTS += attach
MODEL_SOURCES_attach = $(MODEL) tests/host/fake_machine.c $(POLICY)
MODEL_TESTS += faults
MODEL_SOURCES_faults = $(MODEL) $(SOURCES_vtd_unit)
MODEL_TESTS += lessons
MODEL_SOURCES_lessons = $(MODEL) $(SOURCES_vtd_unit)
MODEL_TESTS += order
MODEL_SOURCES_order = $(MODEL) $(SOURCES_vtd_unit)

# What must notice each mutation of the driver (make mutate), the model first.
MUTATE_TESTS := $(addprefix $(B)/tests/model/test_,order attach lessons) $(addprefix $(B)/tests/host/test_, \
	vtd_unit vtd_interrupt pagetable attach_order ats group attach_refused mailbox hypercall vm vcpu)

HOST_TESTS += $(MODEL_TESTS:%=$(B)/tests/model/test_%)

$(B)/tests/model/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(MODEL_CFLAGS) -MMD -MP -c -o $@ $<
# The tests' own files are like those of the other host tests.
model_objects = $(patsubst %.c,$(B)/tests/host/%.o,$(filter tests/%,$(1))) \
	$(patsubst %.c,$(B)/tests/model/%.o,$(filter-out tests/%,$(1)))
define model_test
$(B)/tests/model/test_$(1): $$(call model_objects,tests/model/test_$(1).c $$(MODEL_SOURCES_$(1)))
	@$$(CC) $$(HOST_CFLAGS) -o $$@ $$^ -lcmocka
endef
$(foreach test,$(MODEL_TESTS),$(eval $(call model_test,$(test))))
-include $(wildcard $(B)/tests/model/*/*.d)

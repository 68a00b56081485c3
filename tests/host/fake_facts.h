/* SPDX-License-Identifier: BSD-2-Clause */
/* core/facts.h in host tests: facts as the test writes them; unit n covers bus n. */
#ifndef TESTS_HOST_FAKE_FACTS_H
#define TESTS_HOST_FAKE_FACTS_H

/* No facts, no units. */
void fake_facts_reset(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attach, detach and WBINVD in every interleaving: CPUs 0 and 1 belong to a VM, CPU 2 is the
 * console's. Two operators, CPU 1 by hypercall and CPU 2, attach and detach two devices for ever;
 * both CPUs of the VM execute WBINVD. Boxes and verdicts are those of the shipped core/coherency.c.
 *
 * What the guest and the hardware may do at any time has no transitions of its own: they are assumed
 * to do the worst they can, always. Each CPU always holds dirty lines, a bus master always has a
 * request in flight, a remapping unit always holds whatever the table has said since its last
 * invalidation, and a translation that may be there is used. So the state keeps only what is owed.
 *
 * A line marked as a step is what tests/spin/run leaves out, or swaps with the step on the next
 * line, one at a time: the verification must fail then. Two steps may go in either order only where
 * the first one says why.
 */

#define VM_CPUS 2
#define CPUS    3
#define DEVICES 2
#define BIT(n)  (1 << (n))
#define ALL     3 /* both CPUs of the VM, as a mask */

c_decl {
\#include "core/coherency.h"
};

/* --- what the hypervisor keeps ------------------------------------------------------------------ */
byte in_box[5]; /* devices, by enum coherency_box */
byte box[DEVICES];
bit attached[DEVICES];
bit verdict, wanted; /* enum coherency_verdict; published, and by the shipped code's word */
byte leaves;         /* R16: nested leaves that honour the guest's PAT: 0 or ALL */
byte lock;           /* of attach and detach: 0, or who holds it + 1 */

/* --- mailboxes ---------------------------------------------------------------------------------- */
mtype = { nothing, acknowledge, reload, flush };
mtype mail[CPUS * VM_CPUS] = nothing; /* by sender and receiver */
byte nmi;                             /* CPUs, by mask, for which one is pending */
byte listening; /* from before the last look into the mailbox, through VM entry, to the exit */

#define MAIL(from, to) mail[(from) * VM_CPUS + (to)]
#define HAS_MAIL(cpu)                                                                             \
	((cpu) < VM_CPUS && (MAIL(0, cpu) != nothing || MAIL(1, cpu) != nothing || MAIL(2, cpu) != nothing))
#define ANSWERED(cpu) (MAIL(cpu, 0) == nothing && MAIL(cpu, 1) == nothing)

/* --- hardware ----------------------------------------------------------------------------------- */
bit nosnoop[DEVICES]; /* what really goes past the caches: its DMA, through its table */
bit format_nosnoop[DEVICES], capable[DEVICES];
bit bus_master[DEVICES], pending[DEVICES];
bit context[DEVICES];
/* What the unit may hold for a device, and what it will hold once a queued invalidation is done. */
bit present[DEVICES], absent[DEVICES] = 1;
bit queued[DEVICES], next_present[DEVICES], next_absent[DEVICES];
byte honoured; /* CPUs whose TLB may hold leaves that honour the guest's PAT */

/* --- debts: CPUs, by mask, whose caches hold lines that somebody relies on not being there --------- */
byte owed[DEVICES];     /* dirty: from before the hand-over, or a WBINVD was reported done since */
byte stale[DEVICES];    /* clean, and older than what the device has written past the caches */
byte covered[VM_CPUS];  /* dirty when the WBINVD began that this CPU executes now */
byte uncached = ALL;    /* dirty, of a page that the guest maps uncached */
byte mixed;             /* of such a page, from when not all CPUs took its memory type alike */
byte ignoring;          /* CPUs in the middle of a WBINVD that they ignore */

#define ANY(debts) (debts[0] | debts[1])

c_code {
	static int find_box(int d)
	{
		return coherency_box(now.format_nosnoop[d] ? FORMAT_NOSNOOP : FORMAT_SNOOP,
		                     now.capable[d]);
	}

	static int find_verdict(void)
	{
		uint32_t devices_in_box[BOX_COUNT];
		enum coherency_box because;

		for (int b = 0; b < BOX_COUNT; b++)
			devices_in_box[b] = now.in_box[b];
		return coherency_verdict(POLICY_IS_DEVICE ? POLICY_DEVICE : POLICY_KERNEL, devices_in_box, &because);
	}
};

/* R10, typed again from the rule, by what the hardware does. */
#define DEMANDS(d) (nosnoop[d] || (format_nosnoop[d] && !POLICY_IS_DEVICE))

/* What WBINVD does on the CPU that executes it. */
inline write_back(cpu)
{
	d_step {
		covered[0] = covered[0] & ~BIT(cpu);
		covered[1] = covered[1] & ~BIT(cpu);
		owed[0] = owed[0] & ~BIT(cpu);
		owed[1] = owed[1] & ~BIT(cpu);
		if
		:: !(present[0] && nosnoop[0]) -> stale[0] = stale[0] & ~BIT(cpu)
		:: else
		fi;
		if
		:: !(present[1] && nosnoop[1]) -> stale[1] = stale[1] & ~BIT(cpu)
		:: else
		fi;
		if
		:: leaves & honoured & BIT(cpu) -> uncached = uncached & ~BIT(cpu)
		:: else
		fi;
		if
		:: leaves == honoured -> mixed = mixed & ~BIT(cpu)
		:: else
		fi
	}
}

/* --- kicks -------------------------------------------------------------------------------------- */
inline perform(cpu, what)
{
	atomic {
		if
		:: what == flush -> write_back(cpu)
		:: what == reload -> honoured = (honoured & ~BIT(cpu)) | (leaves & BIT(cpu))
		:: else
		fi
	}
}

inline answer()
{
	d_step {
		MAIL(from, self) = nothing;
		serving = serving & ~BIT(from);
		from = 0
	}
}

inline serve()
{
	atomic {
		if
		:: MAIL(0, self) != nothing
		:: MAIL(1, self) != nothing -> from = 1
		:: MAIL(2, self) != nothing -> from = 2
		fi;
		assert(!(serving & BIT(from))); /* once each */
		serving = serving | BIT(from)
	};
	perform(self, MAIL(from, self)); /* step */
	answer();                        /* step */
}

/*
 * One that comes when the CPU does not listen is lost: VMX spends it on the hypervisor. SVM keeps it
 * pending, which only makes the CPU look once more.
 */
inline send_nmi(to)
{
	nmi = nmi | (listening & BIT(to))
}

inline ask_one(what, to)
{
	MAIL(self, to) = what; /* step */
	send_nmi(to);          /* step */
}

inline ask(what)
{
	if
	:: self != 0 -> ask_one(what, 0)
	:: else
	fi;
	if
	:: self != 1 -> ask_one(what, 1)
	:: else
	fi
}

inline await()
{
	do
	:: ANSWERED(self) -> break
	:: HAS_MAIL(self) -> serve() /* step */
	od
}

inline do_here(what)
{
	if
	:: atomic { self < VM_CPUS -> perform(self, what) }
	:: else
	fi
}

/* On every CPU of the VM; done when it returns. */
inline everywhere(what)
{
	do_here(what); /* step; either order: each CPU does its own */
	ask(what);     /* step */
	await();       /* step */
}

/* --- WBINVD ------------------------------------------------------------------------------------- */
inline wbinvd()
{
	if
	:: d_step { verdict == 0 -> ignoring = ignoring | BIT(self) };
		d_step {
			assert(!leaves && !honoured); /* R16 */
			assert(!ANY(stale)); /* R13: the guest looks at what the device wrote */
			owed[0] = (nosnoop[0] -> ALL : 0);
			owed[1] = (nosnoop[1] -> ALL : 0);
			ignoring = ignoring & ~BIT(self)
		}
	:: d_step { verdict == 1 -> covered[self] = ALL };
		everywhere(flush);
		assert(!covered[self]) /* R13: never reported done when it is not */
	fi
}

/* --- attach and detach -------------------------------------------------------------------------- */
#define DEVICE (self - 1) /* each operator has one of its own */

inline take_lock()
{
	do
	:: atomic { lock == 0 -> lock = self + 1 }; break
	:: HAS_MAIL(self) -> serve() /* step */
	od
}

inline give_lock()
{
	d_step {
		edge = 0;
		lock = 0
	}
}

/* R12: in its table's format, whatever the device and its unit could do. */
inline choose_device()
{
	atomic {
		if
		:: format_nosnoop[DEVICE] = 1
		:: true
		fi;
		if
		:: capable[DEVICE] = 1
		:: true
		fi;
		nosnoop[DEVICE] = format_nosnoop[DEVICE] && capable[DEVICE];
		c_code { now.box[now.lock - 2] = find_box(now.lock - 2); };
		owed[DEVICE] = (nosnoop[DEVICE] -> ALL : 0) /* R17: all that was written so far */
	}
}

inline count_device(change)
{
	d_step {
		in_box[box[DEVICE]] = in_box[box[DEVICE]] + change;
		c_code { now.wanted = find_verdict(); };
		edge = wanted != verdict
	}
}

inline set_verdict()
{
	verdict = wanted
}

inline acknowledge_verdict()
{
	if
	:: edge -> everywhere(acknowledge)
	:: else
	fi
}

inline rewrite_leaves()
{
	d_step {
		if
		:: edge ->
			leaves = (wanted -> ALL : 0);
			uncached = (wanted -> uncached : ALL);
			mixed = ALL
		:: else
		fi
	}
}

inline reload_leaves()
{
	if
	:: edge -> everywhere(reload)
	:: else
	fi
}

/* R16 at the edge, R17 for a no-snoop table. */
inline flush_caches()
{
	if
	:: edge || format_nosnoop[DEVICE] -> everywhere(flush)
	:: else
	fi
}

inline set_context()
{
	d_step {
		context[DEVICE] = 1;
		present[DEVICE] = 1;
		next_present[DEVICE] = queued[DEVICE];
		stale[DEVICE] = (nosnoop[DEVICE] -> ALL : 0)
	}
}

inline clear_context()
{
	d_step {
		context[DEVICE] = 0;
		absent[DEVICE] = 1;
		next_absent[DEVICE] = queued[DEVICE]
	}
}

inline queue_invalidation()
{
	d_step {
		queued[DEVICE] = 1;
		next_present[DEVICE] = context[DEVICE];
		next_absent[DEVICE] = !context[DEVICE]
	}
}

inline wait_for_unit()
{
	d_step {
		if
		:: queued[DEVICE] ->
			present[DEVICE] = next_present[DEVICE];
			absent[DEVICE] = next_absent[DEVICE];
			queued[DEVICE] = 0;
			next_present[DEVICE] = 0;
			next_absent[DEVICE] = 0
		:: else
		fi
	}
}

inline enable_bus_master()
{
	d_step {
		bus_master[DEVICE] = 1;
		pending[DEVICE] = 1
	}
}

inline disable_bus_master()
{
	bus_master[DEVICE] = 0
}

inline drain()
{
	d_step {
		!bus_master[DEVICE] -> pending[DEVICE] = 0
	}
}

inline attach()
{
	count_device(1);       /* step */
	set_verdict();         /* step */
	acknowledge_verdict(); /* step */
	rewrite_leaves();      /* step */
	reload_leaves();       /* step */
	flush_caches();        /* step */
	set_context();         /* step */
	queue_invalidation();  /* step */
	wait_for_unit();       /* step */
	enable_bus_master();   /* step */
}

/*
 * The memory types go back before the flush (R16), and before the verdict falls: an ignored WBINVD must
 * find write-back memory on every CPU.
 */
inline detach()
{
	disable_bus_master(); /* step */
	drain();              /* step */
	clear_context();      /* step */
	queue_invalidation(); /* step */
	wait_for_unit();      /* step; either order: counting alone has no effect */
	count_device(-1);     /* step */
	rewrite_leaves();     /* step */
	reload_leaves();      /* step */
	flush_caches();       /* step */
	set_verdict();        /* step */
}

/* What the device could not reach, or leaves behind, no longer matters. */
inline forget_device()
{
	d_step {
		assert(!stale[DEVICE]); /* R17: before reuse */
		box[DEVICE] = 0;
		format_nosnoop[DEVICE] = 0;
		capable[DEVICE] = 0;
		nosnoop[DEVICE] = 0;
		owed[DEVICE] = 0;
		attached[DEVICE] = 0
	}
}

inline operate()
{
	take_lock();
	if
	:: attached[DEVICE] ->
		detach();
		forget_device()
	:: else ->
		choose_device();
		attach();
		attached[DEVICE] = 1
	fi;
	give_lock()
}

/* --- CPUs --------------------------------------------------------------------------------------- */
inline take_nmi()
{
	d_step {
		nmi = nmi & ~BIT(self);
		listening = listening | BIT(self)
	}
}

inline look()
{
	do
	:: HAS_MAIL(self) -> serve()
	:: else -> break
	od
}

inline run_guest()
{
	if
	:: (nmi & BIT(self)) -> listening = listening & ~BIT(self)
	:: listening = listening & ~BIT(self); wbinvd()
	:: self == 1 -> listening = listening & ~BIT(self); operate()
	:: true -> /* HLT, for ever */
	   end_halted: (nmi & BIT(self)) -> listening = listening & ~BIT(self)
	fi
}

active [CPUS] proctype cpu()
{
	byte self = _pid, from;
	byte serving; /* senders, by mask */
	bool edge;    /* the verdict changes by this attach or detach */

	do
	:: self < VM_CPUS ->
		take_nmi(); /* step */
		look();     /* step */
		run_guest()
	:: self == VM_CPUS -> operate()
	:: self == VM_CPUS -> break /* the operator goes home */
	od
}

/* --- what must hold at every instant -------------------------------------------------------------- */
/* Never set: a violated assertion prints its name. */
hidden byte R11_verdict_is_up, R13_R17_dma_sees_memory_as_it_should_be, no_dma_is_lost;
hidden byte R10_R12_verdict_is_exact, R16_memory_types_follow_verdict, R21_device_is_in_or_out;

#define MUST(property, d0, d1) :: atomic { !(d0 && d1) -> assert(property) }

#define VERDICT_IS_UP(d)   (!present[d] || !DEMANDS(d) || (verdict && !ignoring))
#define MEMORY_IS_FRESH(d) (!present[d] || !nosnoop[d] || !(owed[d] | uncached))
#define DMA_IS_WHOLE(d)    (!absent[d] || !(bus_master[d] || pending[d]))
#define IS_SETTLED(d)                                                                              \
	(attached[d] -> bus_master[d] && present[d] : !(bus_master[d] || pending[d] || present[d]))
#define CALLS_FOR(d)       (attached[d] && DEMANDS(d))

active proctype monitor()
{
	end:
	do
	MUST(R11_verdict_is_up, VERDICT_IS_UP(0), VERDICT_IS_UP(1))
	MUST(R13_R17_dma_sees_memory_as_it_should_be, MEMORY_IS_FRESH(0), MEMORY_IS_FRESH(1))
	MUST(no_dma_is_lost, DMA_IS_WHOLE(0), DMA_IS_WHOLE(1))
	/* While nobody attaches or detaches: */
	MUST(R10_R12_verdict_is_exact, true, (lock || verdict == (CALLS_FOR(0) || CALLS_FOR(1))))
	MUST(R16_memory_types_follow_verdict, true,
	     (lock || (!mixed && leaves == honoured && leaves == (verdict -> ALL : 0))))
	MUST(R21_device_is_in_or_out, (lock || IS_SETTLED(0)), (lock || IS_SETTLED(1)))
	od
}

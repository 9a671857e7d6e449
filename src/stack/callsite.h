/* What a call instruction calls: the bytes before a return address, decoded (x86-64).  Names survive stripping, because
 * the caller names what it calls through its PLT and GOT (reference: locks.md section 3.1).
 * PLT stubs: the templates of System V psABI x86-64 (section "Procedure Linkage Table") and of GNU ld's elf64-x86-64.c and lld's
 * X86_64.cpp, with and without endbr64 and bnd. */
#ifndef STACK_CALLSITE_H
#define STACK_CALLSITE_H

#include "hangdog/base.h"
#include "hangdog/mem.h"

struct hd_image;
struct hd_slots;

enum hd_call_form { HD_CALL_NONE = 0, HD_CALL_DIRECT, HD_CALL_SLOT, HD_CALL_REGISTER };

struct hd_callsite {
	enum hd_call_form form;
	uint64_t target; /* DIRECT: address in the file's space; SLOT: of the GOT slot */
};

/* Of the call that returns to vaddr; form NONE: there is no call before it. */
struct hd_callsite hd_callsite_decode(struct hd_image *image, uint64_t vaddr);
/* The same from raw bytes: the `n` (up to 8) bytes before the return address, which are in memory at `vaddr`. */
struct hd_callsite hd_callsite_bytes(const uint8_t *before, size_t n, uint64_t vaddr);
/* If target is a PLT stub, the slot it jumps through. */
HD_MUST_CHECK bool hd_callsite_plt(struct hd_image *image, uint64_t target, uint64_t *ret_slot);
/* Stands vaddr on an instruction of a PLT stub?  Then the name of what that calls. */
HD_MUST_CHECK bool hd_callsite_stub(struct hd_image *image, uint64_t vaddr, char *buf, size_t cap);
/* The symbol that the dynamic loader binds to a GOT slot, from the relocations. */
HD_MUST_CHECK bool hd_slots_name(struct hd_image *image, uint64_t slot, char *buf, size_t cap);
void hd_slots_free(struct hd_slots *slots);

#endif

#include "cmd/shims.h"

/* The Makefile builds them into HD_GEN. */
#define EMBED(symbol, file) \
	__asm__(".section .rodata\n" \
		".global " #symbol "\n" \
		".balign 16\n" \
		#symbol ":\n" \
		".incbin \"" HD_GEN "/" file "\"\n" \
		".global " #symbol "_end\n" \
		#symbol "_end:\n" \
		".previous\n"); \
	extern const char symbol[], symbol##_end[]

EMBED(hd_shim_pause, "shim/pause.so");
EMBED(hd_shim_gate, "shim/gate.so");

struct hd_shim hd_shim_of(enum hd_cure_how how)
{
	if (how == HD_CURE_PAUSE)
		return (struct hd_shim){HD_CURE_PAUSE_FILE, hd_shim_pause, (size_t)(hd_shim_pause_end - hd_shim_pause)};
	return (struct hd_shim){HD_CURE_GATE_FILE, hd_shim_gate, (size_t)(hd_shim_gate_end - hd_shim_gate)};
}

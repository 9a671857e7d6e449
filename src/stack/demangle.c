#include <libiberty/demangle.h>
#include <string.h>

#include "hangdog/unwind.h"

#define MANGLED_MAX 4096
#define DEMANGLED_MAX 1024 /* template monsters are cut: nobody reads further */

const char *hd_demangle(const char *symbol, struct hd_arena *arena)
{
	if (symbol == NULL)
		return NULL;
	if (symbol[0] != '_' || strlen(symbol) > MANGLED_MAX)
		return hd_arena_str(arena, symbol);
	char *text = cplus_demangle(symbol, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
	if (text == NULL)
		return hd_arena_str(arena, symbol);
	size_t len = strlen(text);
	char *copy = hd_arena_strn(arena, text, len < DEMANGLED_MAX ? len : DEMANGLED_MAX);
	free(text);
	return copy;
}

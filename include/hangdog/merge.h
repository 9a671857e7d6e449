/* One stack out of two: each Python frame stands where its evaluation function stood in the native stack.  Pure. */
#ifndef HANGDOG_MERGE_H
#define HANGDOG_MERGE_H

#include "hangdog/arena.h"
#include "hangdog/frame.h"

/* Interpreter frames (_PyEval_EvalFrameDefault and friends) are replaced by the Python frames they ran; a mismatch in
 * number puts the Python frames that found no place at the outer end and marks nothing away. */
struct hd_stack hd_stack_merge(const struct hd_stack *native, const struct hd_stack *python, struct hd_arena *arena);

#endif

/* The nearest name to a mistyped one, by edit distance.  Start with {text, NULL, 0}, offer names, read `best`. */
#ifndef HD_CMD_NEAREST_H
#define HD_CMD_NEAREST_H

struct hd_nearest {
	const char *text;
	const char *best; /* NULL: nothing is near */
	unsigned distance;
};
void hd_nearest_offer(struct hd_nearest *near, const char *name);

#endif

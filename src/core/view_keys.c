/* Which key does what: read when a key comes, printed by the help screen and by the bar at the bottom. */
#include "view_priv.h"

#define CTRL(c) ((c) & 0x1f)
#define ALT(c) (HD_KEY_ALT | (c))
#define F(n) (HD_KEY_F1 + (n) - 1)

const struct hd_view_key hd_view_keys[] = {
	{{HD_KEY_UP, CTRL('p'), ALT('k')}, "↑ Ctrl-P Alt-k", NULL, "up", hd_view_act_up},
	{{HD_KEY_DOWN, 'j', CTRL('n'), ALT('j')}, "↓ j Ctrl-N Alt-j", NULL, "down", hd_view_act_down},
	{{HD_KEY_LEFT, 'h', '-', ALT('h')}, "← h -", NULL, "fold, or go to the parent", hd_view_act_left},
	{{HD_KEY_RIGHT, 'l', '+', ALT('l')}, "→ l +", NULL, "unfold", hd_view_act_right},
	{{HD_KEY_PAGE_UP, CTRL('b')}, "PgUp Ctrl-B", NULL, "a page up", hd_view_act_page_up},
	{{HD_KEY_PAGE_DOWN, CTRL('f')}, "PgDn Ctrl-F", NULL, "a page down", hd_view_act_page_down},
	{{HD_KEY_HOME, 'g'}, "Home g", NULL, "to the first", hd_view_act_home},
	{{HD_KEY_END, 'G'}, "End G", NULL, "to the last", hd_view_act_end},
	{{HD_KEY_ENTER, '\r', ' '}, "Enter Space", NULL, "fold or unfold", hd_view_act_enter},
	{{HD_KEY_TAB, HD_KEY_BACKTAB}, "Tab", NULL, "arrows move the list, or the pane below", hd_view_act_focus},
	{{'?', F(1)}, "? F1", "Help", "this help", hd_view_act_help},
	{{'/', F(3)}, "/ F3", "Search", "search; n and N go to the next and the one before", hd_view_act_search},
	{{'n'}, "n", NULL, "next match", hd_view_act_next},
	{{'N'}, "N", NULL, "match before", hd_view_act_previous},
	{{'F', F(4)}, "F F4", "Filter", "show only what contains some words; an empty filter shows all", hd_view_act_filter},
	{{'t', F(5)}, "t F5", "Tree", "the tree, or a list with the worst first", hd_view_act_tree},
	{{'T'}, "T", NULL, "show or hide the threads of all processes", hd_view_act_threads},
	{{'!'}, "!", NULL, "go to the next that can never go on", hd_view_act_dead},
	{{'w'}, "w", "Why", "pane: what it waits for, down to the root", hd_view_act_why},
	{{'s'}, "s", "Stack", "pane: its stack, native and Python", hd_view_act_stack},
	{{'f'}, "f", NULL, "pane: who was around when it was forked", hd_view_act_fork},
	{{'a'}, "a", NULL, "pane: advice", hd_view_act_advice},
	{{'L'}, "L", NULL, "pane: log of this view", hd_view_act_log},
	{{'o'}, "o", NULL, "pane: what the command writes (run --top)", hd_view_act_output},
	{{'i'}, "i", NULL, "type to the command (run --top); Ctrl-] comes back", hd_view_act_input},
	{{'z'}, "z", NULL, "give the pane the whole screen, and back", hd_view_act_zoom},
	{{'d'}, "d", "Dump", "write the stacks of the whole tree to a file", hd_view_act_dump},
	{{'k', F(9)}, "k F9", "Kill", "end the whole tree (asks first)", hd_view_act_kill},
	{{'r'}, "r", NULL, "end it and start it again (asks first)", hd_view_act_restart},
	{{'H'}, "H", NULL, "try to heal it (asks first)", hd_view_act_heal},
	{{'D'}, "D", NULL, "stop guarding it; it runs on (asks first)", hd_view_act_detach},
	{{'.'}, ".", NULL, "look again now", hd_view_act_look},
	{{'C'}, "C", NULL, "colours: usual, safe for colour-blind eyes, none", hd_view_act_colors},
	{{CTRL('l')}, "Ctrl-L", NULL, "paint the screen again", hd_view_act_repaint},
	{{HD_KEY_ESC}, "Esc", NULL, "back: out of the pane, the search, the filter", hd_view_act_back},
	{{'q', F(10), CTRL('c')}, "q F10", "Quit", "leave; what runs, runs on", hd_view_act_quit},
};
const size_t hd_view_keys_n = HD_COUNTOF(hd_view_keys);

# bash completion of hangdog; made by 'hangdog --generate bash', do not edit.
_hangdog() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "--help --version" -- "$cur"))
		return
	fi
	case $prev in
	esac
	if [[ ${COMP_WORDS[1]} == run ]]; then
		# What follows -- is the command's own.
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [[ ${COMP_WORDS[i]} == -- ]]; then
				if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); else compopt -o default; fi
				return
			fi
		done
	fi
	case ${COMP_WORDS[1]} in
	esac
}
complete -F _hangdog hangdog

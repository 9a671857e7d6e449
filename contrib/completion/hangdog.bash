# bash completion of hangdog: asks hangdog itself (src/cmd/complete.h), which knows its options, the processes and the incidents.
_hangdog() {
	local words=() at=() lines=() hints=() glue= i cur=${COMP_WORDS[COMP_CWORD]} typed word
	# bash splits at = and : (COMP_WORDBREAKS); put together what was typed as one word.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		if [[ ${#words[@]} -gt 0 && (-n $glue || ${COMP_WORDS[i]} == [=:]) ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}") at+=("$i")
		fi
		[[ ${COMP_WORDS[i]} == [=:] ]] && glue=yes || glue=
	done
	[[ $cur == [=:] ]] && cur=
	typed=${words[-1]}
	COMPREPLY=()
	mapfile -t lines < <("${COMP_WORDS[0]/#\~/$HOME}" --complete "${words[@]}" 2>/dev/null)
	case ${lines[0]-} in
	:files) compopt -o default && return ;;
	:dirs) compopt -o dirnames && return ;;
	:command*)
		i=${at[${lines[0]#* }]}
		if declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		elif ((i == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			compopt -o default
		fi
		return
		;;
	esac
	for i in "${!lines[@]}"; do
		word=${lines[i]%%$'\t'*}
		COMPREPLY[i]=${word#"${typed%"$cur"}"}
		[[ ${lines[i]} == *$'\t'* ]] && hints[i]=${lines[i]#*$'\t'}
		[[ $word == *[:=] ]] && compopt -o nospace
	done
	# Several are listed with what they are; one is put into the line, and so do the keys that insert them one by one.
	if ((${#COMPREPLY[@]} > 1)) && [[ ${COMP_TYPE-9} != 37 && ${COMP_TYPE-9} != 42 ]]; then
		for i in "${!hints[@]}"; do
			COMPREPLY[i]+="  (${hints[i]})"
		done
	fi
}
complete -F _hangdog hangdog

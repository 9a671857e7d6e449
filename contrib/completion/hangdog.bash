# bash completion of hangdog; made by 'hangdog --generate bash', do not edit.
_hangdog() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "run attach why dump top ps ctl incidents replay doctor --help --version" -- "$cur"))
		return
	fi
	case $prev in
	--interval)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--stall)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--progress)
		COMPREPLY=($(compgen -W "output cpu gpu file:" -- "$cur"))
		return
		;;
	--follow)
		COMPREPLY=($(compgen -W "ptrace observe" -- "$cur"))
		return
		;;
	--fork-evidence)
		COMPREPLY=($(compgen -W "off light full" -- "$cur"))
		return
		;;
	--on-hang)
		COMPREPLY=($(compgen -W "report heal kill restart stop exec:" -- "$cur"))
		return
		;;
	--certainty)
		COMPREPLY=($(compgen -W "suspected owned proven" -- "$cur"))
		return
		;;
	--term-timeout)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--max-restarts)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--restart-delay)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--resume-args)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--cure)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--report)
		compopt -o default
		return
		;;
	--incident-dir)
		compopt -o default
		return
		;;
	--keep)
		COMPREPLY=($(compgen -W "" -- "$cur"))
		return
		;;
	--metrics)
		compopt -o default
		return
		;;
	--log)
		COMPREPLY=($(compgen -W "none syslog journald" -- "$cur"))
		return
		;;
	--replay)
		compopt -o default
		return
		;;
	--color)
		COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
		return
		;;
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
	run)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--interval --stall --progress --follow --fork-evidence --on-hang --certainty --term-timeout --max-restarts --restart-delay --resume-args --cure --die-with-me --report --json --incident-dir --keep --audit --metrics --log --top --verbose --quiet --color --help" -- "$cur"))
		else
			COMPREPLY=($(compgen -c -- "$cur"))
		fi
		;;
	attach)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--interval --stall --progress --follow --fork-evidence --on-hang --certainty --term-timeout --max-restarts --restart-delay --resume-args --cure --once --report --json --incident-dir --keep --audit --metrics --log --top --verbose --quiet --color --help" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null)" -- "$cur"))
		fi
		;;
	why)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--interval --json --native --python --locals --lines --tree --no-tree --threads --verbose --color --help" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null)" -- "$cur"))
		fi
		;;
	dump)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--json --native --python --locals --lines --consistent --merge --folded --async --tree --no-tree --threads --verbose --color --help" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null)" -- "$cur"))
		fi
		;;
	top)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--replay --color --help" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null)" -- "$cur"))
		fi
		;;
	ps)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--json --color --help" -- "$cur"))
		else
			:
		fi
		;;
	ctl)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--help" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null) dump why kill restart heal detach" -- "$cur"))
		fi
		;;
	incidents)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--json --incident-dir --keep --verbose --color --help" -- "$cur"))
		else
			compopt -o default
		fi
		;;
	replay)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--json --verbose --color --help" -- "$cur"))
		else
			compopt -o default
		fi
		;;
	doctor)
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--json --cures --color --help" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(ps -eo pid= 2>/dev/null)" -- "$cur"))
		fi
		;;
	esac
}
complete -F _hangdog hangdog

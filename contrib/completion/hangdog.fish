# fish completion of hangdog: asks hangdog itself (src/cmd/complete.h), which knows its options, the processes and the incidents.
function __hangdog_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l hangdog $words[1]
    set -e words[1]
    set -l lines ($hangdog --complete $words $word 2>/dev/null)
    switch "$lines[1]"
        case :files
            __fish_complete_path "$word"
        case :dirs
            __fish_complete_directories "$word"
        case ':command *'
            set -l at (string replace ':command ' '' -- $lines[1])
            complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..]) $word)
        case '*'
            printf '%s\n' $lines
    end
end
complete -c hangdog -f -a '(__hangdog_complete)'

# fish completion of hangdog; made by 'hangdog --generate fish', do not edit.
complete -c hangdog -f
complete -c hangdog -n __fish_use_subcommand -s h -l help -d 'print the help'
complete -c hangdog -n __fish_use_subcommand -s V -l version -d 'print the version'

# shellcheck shell=bash
# bash completion for foobar(8)

_foobar() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=serve offers
	if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then
		command=${COMP_WORDS[1]}
	fi
	case $before in
	-config | -cert | -key | -token | -client-ca | -socket | -admin-listen | -memory-max)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	-data | -dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	-host)
		mapfile -t COMPREPLY < <(compgen -A hostname -- "$word")
		return
		;;
	-listen | -metrics-listen | -metrics | -if-match) return ;;
	esac
	case $command in
	serve) offers='-data -cert -key -token -client-ca -config -listen -metrics-listen -admin-listen -memory-max -help' ;;
	status) offers='-metrics -help' ;;
	get) offers='-socket -etag -help' ;;
	put) offers='-socket -if-match -allow-empty -help' ;;
	check-config) offers='-config -help' ;;
	init-credentials) offers='-dir -host -help' ;;
	check-credentials) offers='-cert -key -token -client-ca -config -help' ;;
	version) offers='-help' ;;
	esac
	if ((COMP_CWORD == 1)) && [[ $word != -* ]]; then
		offers='serve status get put check-config init-credentials check-credentials version help'
	fi
	mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$word")
}

complete -F _foobar foobar

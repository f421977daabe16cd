# fish completion for foobar(8)

set -l commands serve status get put check-config init-credentials check-credentials version help
set -l none "not __fish_seen_subcommand_from $commands"
set -l serve "__fish_seen_subcommand_from serve; or $none"
set -l credentials "__fish_seen_subcommand_from check-credentials; or $serve"

complete -c foobar -f
complete -c foobar -o help -d 'Print the usage'

complete -c foobar -n $none -a serve -d 'Run the service'
complete -c foobar -n $none -a status -d 'Print the condition of the running service'
complete -c foobar -n $none -a get -d 'Write the state to standard output'
complete -c foobar -n $none -a put -d 'Replace the state by standard input'
complete -c foobar -n $none -a check-config -d 'Check conf.yaml, and print what it changes'
complete -c foobar -n $none -a init-credentials -d 'Make the credentials that are missing'
complete -c foobar -n $none -a check-credentials -d 'Check whether the service can use these files'
complete -c foobar -n $none -a version -d 'Print the version'
complete -c foobar -n $none -a help -d 'Print the usage'

complete -c foobar -n $serve -o data -x -a '(__fish_complete_directories)' -d 'Directory of the state'
complete -c foobar -n $credentials -o cert -r -F -d 'Certificate and its chain, PEM'
complete -c foobar -n $credentials -o key -r -F -d "The certificate's key, PEM"
complete -c foobar -n $credentials -o token -r -F -d 'Token that writers send'
complete -c foobar -n $credentials -o client-ca -r -F -d 'Authorities of client certificates, PEM'
complete -c foobar -n "$credentials; or __fish_seen_subcommand_from check-config" -o config -r -F -d Configuration
complete -c foobar -n $serve -o listen -x -d 'Listen for HTTPS'
complete -c foobar -n $serve -o metrics-listen -x -d 'Listen for Prometheus'
complete -c foobar -n $serve -o admin-listen -r -F -d 'Listen for plain HTTP on a Unix socket'
complete -c foobar -n $serve -o memory-max -r -F -d 'memory.max of the control group'

complete -c foobar -n '__fish_seen_subcommand_from status' -o metrics -x -d 'Address of the metrics'
complete -c foobar -n '__fish_seen_subcommand_from get put' -o socket -r -F -d 'Administration socket'
complete -c foobar -n '__fish_seen_subcommand_from get' -o etag -d 'Write the entity tag instead of the state'
complete -c foobar -n '__fish_seen_subcommand_from put' -o if-match -x -d 'Replace only a state with this entity tag'
complete -c foobar -n '__fish_seen_subcommand_from put' -o allow-empty -d 'Store an empty state'
complete -c foobar -n '__fish_seen_subcommand_from init-credentials' -o dir -x -a '(__fish_complete_directories)' -d 'Directory of the files'
complete -c foobar -n '__fish_seen_subcommand_from init-credentials' -o host -x -a '(__fish_print_hostnames)' -d 'Names and addresses in the certificate'

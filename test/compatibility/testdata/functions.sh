# shellcheck shell=bash disable=SC2154
# Functions of the cases' scripts. The test has written nginx.conf, haproxy.cfg
# and prometheus.yml.

# proxy NAME starts a proxy on the port $proxy until the script ends.
proxy() {
  case $1 in
    nginx) nginx -p "$PWD" -c "$PWD/nginx.conf" -g 'daemon off;' >&2 & ;;
    haproxy) haproxy -q -f "$PWD/haproxy.cfg" >&2 & ;;
  esac
  end_with_script $!
}

# end_with_script PID ends a process when the script ends.
end_with_script() {
  # shellcheck disable=SC2064
  trap "kill $1; wait $1 || true" EXIT
}

# scrape starts Prometheus and prints whether the service is up.
scrape() {
  local try up=
  prometheus --config.file="$PWD/prometheus.yml" --storage.tsdb.path="$PWD/prometheus" \
    --web.listen-address="127.0.0.1:$proxy" --log.level=error >&2 &
  end_with_script $!
  for ((try = 0; try < 100; try++)); do
    up=$(curl -s "http://127.0.0.1:$proxy/api/v1/query?query=up" | sed -nE 's/.*"value":\[[0-9.]+,"([01])"\].*/\1/p') || true
    [[ -z $up ]] || break
    sleep 0.2
  done
  echo "$up"
}

# What the scripts that start etcd share. Sourced; the caller has `say` and `fail`.

# Debian's etcd, without letting the package start a server of its own.
install_etcd() {
    if [ "$(id -u)" -ne 0 ]; then
        fail "etcd is missing; as root: apt-get update && apt-get install etcd-server"
    fi
    say "installing etcd-server"
    local policy=/usr/sbin/policy-rc.d made=0 done=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made=1
    fi
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq etcd-server; } >&2; then
        done=1
    fi
    if [ "$made" = 1 ]; then rm -f "$policy"; fi
    if [ "$done" = 0 ]; then fail "apt-get could not install etcd-server"; fi
}

# The first port of a run of free ones: the given offsets are all unused.
free_port() {
    local base offset
    for base in $(seq "$1" 20 "$(($1 + 800))"); do
        for offset in "${@:2}"; do
            if (exec 3<>"/dev/tcp/127.0.0.1/$((base + offset))") 2>/dev/null; then continue 2; fi
        done
        printf '%s' "$base"
        return
    done
    fail "no free ports from $1"
}

# Sourced by scripts that use tools from PyPI.

# python_venv HOME PACKAGE...: installs packages from PyPI, with their exact versions, into HOME/venv, once.
python_venv() {
    local home=$1 name
    shift
    name=${0#"$PWD"/}
    [ "$(cat "$home/venv/installed" 2>/dev/null)" != "$*" ] || return 0
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
        else
            echo "$name: please install: python3 python3-venv" >&2
            return 2
        fi
    fi
    rm -rf "$home/venv"
    mkdir -p "$home"
    python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "$*" >"$home/venv/installed"
}

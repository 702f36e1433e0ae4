#!/bin/sh
# Makes or updates .venv from the hashed lock: venv.sh runtime|dev. Uses uv where it is on PATH, otherwise venv and pip.
# A stamp with the lock's digest makes a second run cost nothing.
set -eu
cd "$(dirname "$0")/../.."
kind=${1:-runtime}
case $kind in
  runtime) lock=requirements.txt ;;
  dev) lock=requirements-dev.txt ;;
  *) echo "usage: venv.sh runtime|dev" >&2; exit 2 ;;
esac

digest() { cat "$@" | cksum | tr ' ' '-'; }
wanted=$(digest "$lock" pyproject.toml)
stamp=.venv/.atende-$kind
here=$(pwd -P)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted $here" ]; then exit 0; fi

is_311() { [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.11 ]; }
find_python() {
  for name in "${PYTHON:-}" python3.11 python3 python /usr/bin/python3.11; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && is_311 "$name"; then command -v "$name"; return 0; fi
  done
  return 1
}

# uv trusts its own list of certificate authorities by default; the machine's list also knows a company's.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
install_with_uv() {
  VIRTUAL_ENV=$here/.venv "$1" pip install --quiet --require-hashes -r "$lock" &&
    VIRTUAL_ENV=$here/.venv "$1" pip install --quiet --no-deps --no-build-isolation -e .
}
install_with_pip() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-compile --no-deps "$@"
}
# uv installs in a few seconds what takes pip half a minute; its own wheel is pinned and hashed in the same lock.
bootstrap_uv() {
  awk '/^[^ ]/ { wanted = /^uv==/ } wanted' "$lock" >.venv/uv.txt
  install_with_pip --require-hashes -r .venv/uv.txt && [ -x .venv/bin/uv ]
}

started=$(date +%s)
if [ -x .venv/bin/python ] && ! is_311 .venv/bin/python; then rm -rf .venv; fi
if command -v uv >/dev/null 2>&1; then
  [ -x .venv/bin/python ] || uv venv --quiet --python 3.11 .venv
  echo "Installing $lock with uv ..."
  install_with_uv uv
else
  if [ ! -x .venv/bin/pip ]; then
    if ! python=$(find_python); then
      echo "Python 3.11 was not found. Install it (or uv), or name it: make up PYTHON=/path/to/python3.11" >&2
      exit 1
    fi
    rm -rf .venv
    if ! "$python" -m venv .venv; then
      rm -rf .venv
      echo "$python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3.11-venv" >&2
      exit 1
    fi
  fi
  echo "Installing $lock ..."
  if ! { bootstrap_uv && install_with_uv .venv/bin/uv; }; then
    echo "uv could not do it; trying pip ..."
    install_with_pip --require-hashes -r "$lock"
    install_with_pip --no-build-isolation -e .
  fi
fi
echo "$wanted $here" >"$stamp"
echo "Python environment ready in $(($(date +%s) - started)) s"

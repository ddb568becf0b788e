# Shared by the scripts here; sourced, not run. Moves to the top of the repository.
#
# Environment:
#   AXOLEMMA_BUILD_LOCK  file that serialises Swift builds (default .build/axolemma.lock)

set -euo pipefail
CALLED_FROM=$PWD
export CALLED_FROM
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
export ROOT

say() { printf '\n==> %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
fail() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}

# What the server links with, and what Swift needs to build it.
BUILD_PACKAGES="git ca-certificates pkg-config g++ libsqlite3-dev libpq-dev libcrypt-dev zlib1g-dev"
# What the tests need on top.
TEST_PACKAGES="postgresql postgresql-client python3-venv openssl procps"
export BUILD_PACKAGES TEST_PACKAGES

# Runs one Swift build at a time, in this repository and in the packages under Examples.
build_lock() {
    local lock=${AXOLEMMA_BUILD_LOCK:-$ROOT/.build/axolemma.lock}
    mkdir -p "$(dirname "$lock")"
    if [ "${AXOLEMMA_BUILD_LOCKED:-}" = "$lock" ]; then
        "$@"
    elif command -v flock > /dev/null; then
        flock --nonblock "$lock" true || note "another build is running; waiting for it"
        AXOLEMMA_BUILD_LOCKED=$lock flock "$lock" "$@"
    else
        "$@"
    fi
}

#!/usr/bin/env bash
# Installs the Debian packages that dnw needs to be built and tested. Safe to repeat: says "nothing to install"
# and touches nothing when all are there.
#
#   tools/setup.sh               packages for building and testing
#   tools/setup.sh --hooks       also clang-format; sets tools/hooks/pre-commit as a git hook
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin # ldconfig, which is not on the path of every user

packages=(
  build-essential cmake ninja-build pkg-config   # the build
  flex bison                                     # the parser
  llvm-19-dev clang-19 libclang-rt-19-dev        # code generation, kernels, sanitizers
  libjansson-dev zlib1g-dev libopenblas0-pthread # the runtime
  libpng-dev libjpeg62-turbo-dev                 # pictures
  libcmocka-dev dataset-fashion-mnist            # tests and examples
)
for option in "$@"; do
  case $option in
    --hooks)
      packages+=(clang-format git)
      git -C "$(dirname "$0")/.." config core.hooksPath tools/hooks
      ;;
    *) echo "setup: unknown option $option; there is --hooks" >&2; exit 2 ;;
  esac
done

# OpenBLAS comes in several builds with the same interface; any of them will do.
have() {
  case $1 in
    libopenblas0-pthread) ldconfig -p 2>/dev/null | grep 'libopenblas\.so\.0' >/dev/null && return 0 ;;
  esac
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian system; install these by hand: ${packages[*]}"
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  have "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: nothing to install"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
echo "setup: done"

# Sourced by the other scripts: `need <command> <debian package>` sees to it that a command exists.
# shellcheck shell=bash

apt_updated=no

# Runs a command as root, if that can be done without a question.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

apt_install() {
  if [ "$apt_updated" = no ]; then
    apt_updated=yes
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null || true
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" </dev/null
}

need() {
  local command=$1 package=$2
  if command -v "$command" >/dev/null; then
    return 0
  fi
  if command -v apt-get >/dev/null && as_root true; then
    echo "need: '$command' is missing: installing the package '$package'"
    if apt_install "$package" && hash -r && command -v "$command" >/dev/null; then
      return 0
    fi
  fi
  echo "need: '$command' is missing and could not be installed here." >&2
  echo "need: install it (on Debian and Ubuntu: apt-get install $package), then run this again." >&2
  return 1
}

# The toolchain is not taken from Debian, whose cargo is too old for this crate.
need_cargo() {
  if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
    # shellcheck source=/dev/null
    . "$HOME/.cargo/env"
  fi
  if ! command -v cargo >/dev/null; then
    echo "need: 'cargo' is missing: install Rust from https://rustup.rs, then run this again." >&2
    return 1
  fi
  need cc build-essential # the linker, and the C parts of blake3
}

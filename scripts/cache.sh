# Sourced by the scripts: where downloads and builds are kept, so that a second checkout or a second run does nothing twice.
# One folder outside the checkout; every entry is named after the hash of what made it, so an old one is never wrong, only unused.

cache=${PLOYD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ployd-policy}

# A short name for the content of FILES, in the order given.
hash_of() {
  cat -- "$@" | sha256sum | cut -c1-16
}

# Where cargo builds: shared by all that builds the native module, so its dependencies are compiled once.
cargo_target() {
  printf '%s\n' "${CARGO_TARGET_DIR:-$cache/cargo/$(hash_of native/Cargo.lock)}"
}

say() {
  printf '%s==>%s %s\n' "${bold:-}" "${plain:-}" "$*"
}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1;34m' plain=$'\e[0m'
fi

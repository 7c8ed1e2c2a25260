# shellcheck shell=bash
# Functions that download Debian packages for amd64 and arm64 and unpack them without installing them. Source this file.

# debian_sources DIRECTORY: points apt at a private state in DIRECTORY. It uses the package sources of this machine and
# changes nothing on it.
debian_sources() {
    if ! command -v apt-get >/dev/null; then
        echo 'apt-get not found; this script downloads Debian packages and needs it' >&2
        return 1
    fi
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    : >"$1/status"
    export APT_CONFIG=$1/apt.conf
    cat >"$APT_CONFIG" <<CONFIG
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
Dir::State::Lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
CONFIG
    apt-get update --quiet=2 >&2
}

# debian_unpack DIRECTORY PACKAGE...: downloads the packages and unpacks them into DIRECTORY.
debian_unpack() {
    local directory=$1
    shift
    mkdir -p "$directory/debs"
    (cd "$directory/debs" && apt-get download --quiet=2 "$@" >&2)
    for package in "$directory/debs"/*.deb; do
        dpkg-deb --extract "$package" "$directory"
    done
    rm -r "$directory/debs"
}

#!/bin/sh
# Install the real servers that the tests start themselves, curl, wrk, by which bench/edge.py asks, and a browser: on
# Debian, as root, only what is missing. No service is started: the tests bring up their own on free loopback ports.
set -eu

wanted="mariadb-server postgresql-15 pdns-server pdns-backend-sqlite3 pdns-backend-lmdb pdns-tools
        knot knot-dnsutils bind9 bind9-dnsutils unbound nginx-light libnginx-mod-stream pebble curl
        libfaketime debootstrap systemd-container wrk chromium"

if ! command -v dpkg-query >/dev/null; then
    echo "Not Debian: tests whose server is missing are skipped. They use:" $wanted
    exit 0
fi

# Beside Debian's own Pebble a newer one with ARI and profiles, of its unstable distribution. When the
# file is gone from there, the tests that use it are skipped.
newer=/opt/pebble-sid
file=pebble_2.10.0+ds1-2_amd64.deb
digest=b9a3a3920143f1a6fc568dfa88247be22cafa96c845fe62938c08982a15df315
if [ ! -e "$newer" ] && [ "$(id -u)" = 0 ] && [ "$(dpkg --print-architecture)" = amd64 ]; then
    got=$(mktemp)
    if curl --silent --fail --output "$got" "http://deb.debian.org/debian/pool/main/p/pebble/$file" &&
        echo "$digest  $got" | sha256sum --check --quiet; then
        dpkg-deb --extract "$got" "$newer"
    fi
    rm -f "$got"
fi

missing=
for package in $wanted; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Tests that need these are skipped until root runs: apt-get install$missing"
    exit 0
fi

# Debian starts a service when it installs it, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o Acquire::Retries=3 -qq update
apt-get -o Acquire::Retries=3 -qq install --yes --no-install-recommends $missing

#!/bin/sh
# Ray on two hosts, as far as one machine can be two: two network namespaces, joined by a virtual
# cable, each with a raylet, /tmp and process numbers of its own; then the host without the driver
# is ended in the middle of the work. Scores must be those of one process, and one unit is lost.
# Needs root, iproute2 and unshare; files and clock are those of the one machine.
#
#   sudo tests/executors/two_hosts.sh
#
# PYRITE_PYTHON: Python with Pyrite and ray (default: .venv/bin/python).
set -eu
cd "$(dirname "$0")/../.."
python=${PYRITE_PYTHON:-$PWD/.venv/bin/python}
ray=$(dirname "$python")/ray
work=$(mktemp -d /var/tmp/pyrite.XXXXXX)  # both hosts see it; /tmp is their own
one=pyrite-one two=pyrite-two port=6399
export RAY_AUTH_MODE=disabled RAY_USAGE_STATS_ENABLED=0 RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=0
finish() {
    if [ -f "$work/two.pid" ]; then kill -9 "$(cat "$work/two.pid")" 2>/dev/null || true; fi
    if [ -f "$work/one.pid" ]; then kill "$(cat "$work/one.pid")" 2>/dev/null || true; fi
    sleep 1
    ip netns del $one 2>/dev/null || true
    ip netns del $two 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT INT TERM

ip netns add $one
ip netns add $two
ip link add veth-one netns $one type veth peer name veth-two netns $two
for host in one two; do
    name=pyrite-$host
    address=10.77.0.1
    if [ $host = two ]; then address=10.77.0.2; fi
    ip -n $name address add $address/24 dev veth-$host
    ip -n $name link set veth-$host up
    ip -n $name link set lo up
done

started="--num-cpus=1 --object-store-memory=150000000 --disable-usage-stats --block"
ip netns exec $one "$ray" start --head --node-ip-address=10.77.0.1 --port=$port \
    --include-dashboard=false --temp-dir="$work/ray" $started >"$work/one.log" 2>&1 &
echo $! >"$work/one.pid"
sleep 8
# The first process of a process namespace takes all others with it.
ip netns exec $two unshare --mount --uts --pid --fork --kill-child --mount-proc sh -c "
    mount --make-rprivate / && mount -t tmpfs none /tmp && hostname $two
    exec '$ray' start --address=10.77.0.1:$port --node-ip-address=10.77.0.2 $started
" >"$work/two.log" 2>&1 &
echo $! >"$work/two.pid"
sleep 8
mkdir "$work/out"
PYTHONPATH=$PWD ip netns exec $one "$python" -c "
from tests.executors.clusters import at
at('10.77.0.1:$port', '$work/out', 'kill -9 $(cat "$work/two.pid")')
" || { tail -n 20 "$work/one.log" "$work/two.log"; exit 1; }

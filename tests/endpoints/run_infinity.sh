#!/bin/sh
# Compares scores of an Infinity server with those of the same model opened here, to 1e-5.
#
# Makes a virtual environment of its own in a temporary folder (1.4 GB, removed afterwards; Infinity
# needs transformers 4), installs infinity-emb and torch from the package index, serves a tiny
# classifier on loopback, and runs tests/endpoints/test_infinity.py against it.
#
#   tests/endpoints/run_infinity.sh [PORT]
#
# PYRITE_PYTHON: Python with Pyrite and its test tools (default: .venv/bin/python).
# PYRITE_INFINITY_VENV: an environment that has infinity-emb already; nothing is installed then.
set -eu
cd "$(dirname "$0")/../.."
port=${1:-7997}
python=${PYRITE_PYTHON:-.venv/bin/python}
work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT INT TERM

venv=${PYRITE_INFINITY_VENV:-$work/venv}
if [ ! -x "$venv/bin/infinity_emb" ]; then
    python3 -m venv "$venv"
    # The plain wheel of torch for a CPU; newer typer and click break the server's command line.
    "$venv/bin/pip" install -q --no-cache-dir "infinity-emb[server,torch]==0.0.78" torch==2.13.0
fi

"$python" -m tests.endpoints.infinity_model "$work/model"
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 DO_NOT_TRACK=1 INFINITY_ANONYMOUS_USAGE_STATS=0 \
    "$venv/bin/infinity_emb" v2 --model-id "$work/model" --host 127.0.0.1 --port "$port" \
    --engine torch --device cpu --dtype float32 --no-bettertransformer --no-model-warmup \
    >"$work/log" 2>&1 &
server=$!

waited=0
until "$python" -c "import httpx; httpx.get('http://127.0.0.1:$port/models', trust_env=False).raise_for_status()" 2>/dev/null; do
    waited=$((waited + 1))
    if [ "$waited" -gt 120 ] || ! kill -0 "$server" 2>/dev/null; then
        tail -n 30 "$work/log"
        exit 1
    fi
    sleep 1
done

PYRITE_INFINITY_URL="http://127.0.0.1:$port" PYRITE_INFINITY_MODEL="$work/model" OMP_NUM_THREADS=1 \
    "$python" -m pytest -s tests/endpoints/test_infinity.py

#!/bin/sh
# Runs a command when its program is installed, else says so. Usage: run-if-installed.sh PROGRAM COMMAND...
program=$1
shift
if command -v "$program" >/dev/null; then
    echo "$*"
    exec "$@"
fi
echo "skipped: $* ($program is not installed)"

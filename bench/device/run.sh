#!/bin/sh
# sh run.sh <plugin.so> <python3> <output folder> <task> <seconds> [more]: unpacks Node beside itself and measures.
set -e
here=$(cd "$(dirname "$0")" && pwd)
packed=$(ls "$here"/node-*.xz)
node=${TMPDIR:-/tmp}/papo-device-node
[ -x "$node" ] || { xz -dc "$packed" >"$node" 2>/dev/null || "$2" -c "
import lzma, sys
open(sys.argv[2], 'wb').write(lzma.open(sys.argv[1]).read())" "$packed" "$node"; chmod +x "$node"; }
plugin=$1 python=$2 out=$3 task=$4 seconds=$5
shift 5
exec "$node" "$here/main.mjs" "$task" --plugin "$plugin" --python "$python" --out "$out" --seconds "$seconds" "$@"

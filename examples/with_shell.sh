#!/bin/bash
# A program: which settings of xz make the pages of docs/ smallest? A report after each of four folders.
#
#   mnist-bench search examples/with_shell.yaml --command "bash examples/with_shell.sh {lc} {lp} {pb} {mf}" --periods 4
set -eo pipefail
cd "$(dirname "$0")/../docs"
bytes=0
for folder in start guides concepts reference; do
  packed=$(cat "$folder"/*.md | xz --format=raw --lzma2="lc=$1,lp=$2,pb=$3,mf=$4" | wc -c)
  bytes=$((bytes + packed))
  echo "{\"bytes\": $bytes}"
done

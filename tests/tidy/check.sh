#!/usr/bin/env bash
# Checks what a compiler does not: includes between folders, libraries where they do not belong,
# sources outside the build, formatting, READMEs, comments in the contract, functions far too long.
# Usage: tests/tidy/check.sh [ROOT]. Prints every breach; exit status 1 when there is one.
set -uo pipefail
cd "${1:-$(dirname "$0")/../..}" || exit 2

breaches=0
breach() {
  echo "tidy: $*"
  breaches=$((breaches + 1))
}

sources=$(find proto server worker client tests -name build -prune -o -name node_modules -prune -o \
  \( -name '*.cpp' -o -name '*.h' \) -print | sort)
[ -n "$sources" ] || { echo "tidy: no sources below $PWD"; exit 2; }

# Includes between folders.
while IFS= read -r line; do
  case $line in '' | '#'*) continue ;; esac
  folder=${line%%:*}
  allowed="$folder proto/hooke ${line#*:}"
  while IFS=: read -r file _ include; do
    [ -n "$include" ] || continue
    # A README or a nested folder has a line of its own.
    [ "$(dirname "$file")" = "$folder" ] || continue
    target=$(dirname "$(sed 's/.*"\(.*\)".*/\1/' <<<"$include")")
    case $target in proto/* | server* | worker/* | client/* | tests/*) ;; *) continue ;; esac
    [[ " $allowed " == *" $target "* ]] || breach "$file may not include $target/"
  done < <(grep -Hn '^#include "' "$folder"/*.cpp "$folder"/*.h 2>/dev/null)
done <tests/tidy/allowed_includes.txt
for folder in $(for file in $sources; do dirname "$file"; done | sort -u | grep -v '^tests'); do
  grep -q "^$folder:" tests/tidy/allowed_includes.txt || breach "$folder is not in tests/tidy/allowed_includes.txt"
done

# Libraries where they do not belong.
trainer='worker/engine worker/models worker/data worker/training worker/trainer worker/spool worker/system'
while IFS= read -r hit; do breach "not for the trainer: $hit"; done < <(
  grep -rnE '#include [<"](grpc|google/|sqlite3|SQLiteCpp|hooke/v1)' $trainer --include='*.cpp' --include='*.h')
while IFS= read -r hit; do breach "SQLite outside server/storage: $hit"; done < <(
  grep -rnE '#include [<"](sqlite3|SQLiteCpp)' server client worker --include='*.cpp' --include='*.h' |
    grep -v '^server/storage/')
while IFS= read -r hit; do breach "analysis holds pure functions: $hit"; done < <(
  grep -rnE '#include [<"](grpc|hooke/v1)|_clock::now' server/analysis --include='*.cpp' --include='*.h')
while IFS= read -r hit; do breach "only the trainer knows LibTorch: $hit"; done < <(
  grep -rnE '#include [<"](torch|ATen|c10)/' server client worker/agent worker/uplink worker/spool worker/system --include='*.cpp' --include='*.h')

# Every source is built, every folder explains itself.
for file in $sources; do
  case $file in *.cpp) ;; *) continue ;; esac
  folder=$(dirname "$file")
  built=no
  relative=$(basename "$file")
  while [ "$folder" != . ]; do
    if [ -f "$folder/CMakeLists.txt" ] && grep -qE "(^|[[:space:](/])$relative([[:space:])]|$)" "$folder/CMakeLists.txt"; then
      built=yes
      break
    fi
    relative=$(basename "$folder")/$relative
    folder=$(dirname "$folder")
  done
  [ $built = yes ] || breach "$file is in no CMakeLists.txt"
done
for folder in proto server worker client tests deploy migrations $(sed -n 's/^\([a-z/]*\):.*/\1/p' tests/tidy/allowed_includes.txt); do
  [ "$folder" = proto/hooke ] || [ -f "$folder/README.md" ] || breach "$folder has no README.md"
done

# Formatting.
while IFS= read -r hit; do breach "$hit"; done < <(
  clang-format --dry-run -Werror $sources 2>&1 | grep 'error:' | sed 's/ error: .*/ is not formatted (clang-format -i)/' | sort -u -t: -k1,1)

# Every message, field, value and call of the contract has a comment.
for file in proto/hooke/v1/*.proto; do
  while IFS= read -r hit; do breach "$file:$hit has no comment"; done < <(awk '
    /^[[:space:]]*\/\// { commented = 1; next }
    /^[[:space:]]*(message|enum|service|rpc|oneof) / || /^[[:space:]]+[A-Za-z<].* = [0-9]+;/ {
      if (!commented) print NR ": " $0
    }
    { commented = 0 }' "$file")
done

# Functions far over 70 lines.
while IFS= read -r hit; do breach "$hit"; done < <(awk '
  FNR == 1 { start = 0 }
  /^[A-Za-z].*\{$/ && !/^(namespace|class|struct|enum|extern|union)/ { start = FNR }
  /^\}/ { if (start && FNR - start > 100) print FILENAME ":" start " is a function of " FNR - start " lines"; start = 0 }
  ' $sources)

if [ $breaches -gt 0 ]; then
  echo "tidy: $breaches breach(es)"
  exit 1
fi
echo "tidy: all well in $(wc -w <<<"$sources") files"

#!/usr/bin/env bash
# Runs docker-compose.yml for real, in enforce mode against the AWS API of that file: publishes events over HTTP and onto the topic, waits
# for the alerts, and checks the effect of remediations that three consumers share in the AWS API itself. Ends with everything removed.
# COMPOSE: the command to use; COMPOSE_FILE: further files, as for compose itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-riposte-smoke} RIPOSTE_MODE=enforce
read -r -a compose <<<"${COMPOSE:-docker compose}"
account=123456789012 # that of the AWS API
buckets=30

say() { printf 'smoke: %s\n' "$*"; }
fail() {
  say "FAILED: $*"
  "${compose[@]}" ps || true
  "${compose[@]}" logs --tail 40 || true
  exit 1
}
# until SECONDS WHAT COMMAND…: tries once a second
until_() {
  local seconds=$1 what=$2 i
  shift 2
  for ((i = 0; i < seconds; i++)); do
    if "$@" >/dev/null 2>&1; then say "$what (${i}s)"; return; fi
    sleep 1
  done
  fail "$what: not within ${seconds}s"
}
down() { "${compose[@]}" down --volumes --remove-orphans >/dev/null 2>&1 || say "could not remove everything"; }
trap down EXIT

healthy() { # all containers of the services named
  local service id
  for service in "$@"; do
    for id in $("${compose[@]}" ps -q "$service"); do
      [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ] || return 1
    done
    [ -n "$("${compose[@]}" ps -q "$service")" ] || return 1
  done
}
# logs of every container of a service; written to a file first, since grep -q ends a pipe early
logs() { "${compose[@]}" logs --no-color "$1" >"$tmp/$1.log" 2>&1; }
logged() { logs "$1" && grep -q -- "$2" "$tmp/$1.log"; }
tmp=$(mktemp -d)
trap 'down; rm -rf "$tmp"' EXIT

down
say "build and start"
"${compose[@]}" up -d --build >"$tmp/up.log" 2>&1 || { tail -40 "$tmp/up.log"; fail "compose up"; }
until_ 180 "all stages are healthy" healthy kafka postgres aws produce route alert block remediate

say "an event over HTTP"
curl -fsS -X POST http://127.0.0.1:8088/ -d '{"kind":"login_failed","user":"bob-over-http"}' >/dev/null
until_ 60 "its alert" logged alert bob-over-http

say "an event straight onto the topic"
echo '{"kind":"login_failed","user":"bob-on-topic"}' |
  "${compose[@]}" exec -T kafka /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic riposte.events >/dev/null
until_ 60 "its alert" logged alert bob-on-topic

say "three consumers share the remediations"
"${compose[@]}" up -d --scale remediate=3 >"$tmp/scale.log" 2>&1 || { tail "$tmp/scale.log"; fail "scale"; }
three() { [ "$("${compose[@]}" ps -q remediate | wc -l)" = 3 ] && healthy remediate; }
until_ 90 "three are healthy" three
now=$(date -u +%FT%TZ)
# the AWS API takes any signature, and reads service and region from it
signed="Authorization: AWS4-HMAC-SHA256 Credential=local/${now:0:4}${now:5:2}${now:8:2}/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
for ((n = 1; n <= buckets; n++)); do
  curl -fsS -X PUT "http://127.0.0.1:4566/smoke-$n" -H "$signed" >/dev/null
  printf '{"eventVersion":"1.11","eventID":"smoke-%d","eventTime":"%s","eventSource":"s3.amazonaws.com","eventName":"DeleteBucketEncryption","awsRegion":"us-east-1","sourceIPAddress":"203.0.113.9","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::%s:user/smoke","accountId":"%s","userName":"smoke"},"requestParameters":{"bucketName":"smoke-%d"},"responseElements":null,"recipientAccountId":"%s"}\n' \
    "$n" "$now" "$account" "$account" "$n" "$account"
done >"$tmp/trail.ndjson"
curl -fsS -X POST http://127.0.0.1:8089/ -H 'Content-Type: application/x-ndjson' --data-binary @"$tmp/trail.ndjson" >/dev/null
encrypted() {
  local n
  for ((n = 1; n <= buckets; n++)); do
    curl -fsS "http://127.0.0.1:4566/smoke-$n?encryption" -H "$signed" >"$tmp/encryption.xml" || return 1
    grep -q 'aws:kms' "$tmp/encryption.xml" || return 1
  done
}
until_ 90 "all $buckets buckets are encrypted by a KMS key" encrypted

# Each bucket was done once, and not all by one consumer.
logs remediate
done_() { grep -o '"command":"[0-9a-f]*".*"state":"verified"\|"state":"verified".*"command":"[0-9a-f]*"' "$tmp/remediate.log"; }
all=$(done_ | grep -o '"command":"[0-9a-f]*"' | sort | wc -l)
distinct=$(done_ | grep -o '"command":"[0-9a-f]*"' | sort -u | wc -l)
workers=$(grep '"state":"verified"' "$tmp/remediate.log" | cut -d'|' -f1 | sort -u | wc -l)
say "$distinct commands verified, $all lines, by $workers consumers"
[ "$distinct" = "$buckets" ] && [ "$all" = "$buckets" ] || fail "every command once expected"
[ "$workers" -ge 2 ] || fail "one consumer did everything"

"${compose[@]}" exec -T remediate /riposte commands --lane remediate --limit 3
say "passed"

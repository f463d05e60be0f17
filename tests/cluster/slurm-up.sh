#!/usr/bin/env bash
# slurm-up.sh {start|stop|status|restart|env}
# A real Slurm (slurmctld + N slurmd + private munged) on one machine, loopback only,
# everything (config, keys, pids, logs, spool) under one folder. No systemd, no cgroup,
# no slurmdbd, nothing written to /etc. Idempotent: start twice or stop twice is fine.
# Processes are ended by the pid recorded when they were started, never by name.
# The host needs one non-loopback address on some interface (glibc AI_ADDRCONFIG), though nothing
# listens on it; in an empty network namespace:
#   ip link set lo up; ip link add d0 type veth peer name d1; ip addr add 192.0.2.1/32 dev d0; ip link set d0 up; ip link set d1 up
# Needs (Debian 12): apt-get install -y --no-install-recommends slurm-wlm munge
set -euo pipefail

DIR=${SLURM_UP_DIR:-/var/tmp/hooke-slurm}   # must not be under a group/world-writable non-sticky dir
KILL_WAIT=${SLURM_UP_KILL_WAIT:-10}         # seconds between SIGTERM and SIGKILL
NODES=${SLURM_UP_NODES:-4}                  # virtual nodes n1..nN
CPUS=${SLURM_UP_CPUS:-2}                    # CPUs claimed per virtual node
GPUS=${SLURM_UP_GPUS:-2}                    # fake GPUs per virtual node (0 = no GRES)
PORT=${SLURM_UP_PORT:-26817}                # slurmctld; slurmd i listens on PORT+i
export SLURM_CONF=$DIR/slurm.conf
PATH=$PATH:/usr/sbin:/sbin

die() { echo "slurm-up: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null || die "missing $1: apt-get install -y --no-install-recommends slurm-wlm munge"; }

# alive NAME EXE: pidfile exists, process lives, and it is still that program (no pid reuse)
alive() {
  local p; p=$(cat "$DIR/run/$1.pid" 2>/dev/null) && [ -n "$p" ] || return 1
  case "$(readlink "/proc/$p/exe" 2>/dev/null)" in */"$2"*) return 0;; esac
  return 1
}
launch() { # NAME EXE args... : run in foreground mode in its own session, record its pid
  local name=$1 exe=$2; shift 2
  if alive "$name" "$exe"; then return 0; fi
  setsid "$exe" "$@" >>"$DIR/log/$name.out" 2>&1 </dev/null &
  echo $! >"$DIR/run/$name.pid"
  # Until it is that program, and no shell on the way to it, alive() would not know it.
  local i; for i in $(seq 100); do alive "$name" "$exe" && return 0; kill -0 $! 2>/dev/null || return 0; sleep 0.05; done
}
halt() { # NAME EXE : TERM, wait 10 s, then KILL; by pid
  local name=$1 exe=$2 p i
  if alive "$name" "$exe"; then
    p=$(cat "$DIR/run/$name.pid"); kill -TERM "$p" 2>/dev/null || true
    for i in $(seq 100); do alive "$name" "$exe" || break; sleep 0.1; done
    if alive "$name" "$exe"; then kill -KILL "$p" 2>/dev/null || true; sleep 0.2; fi
  fi
  rm -f "$DIR/run/$name.pid"
}

write_config() {
  mkdir -p "$DIR"/{run,log,state,munge,dev}; chmod 755 "$DIR" "$DIR"/{run,log,state,munge,dev}
  local me ctl i; me=$(id -un); ctl=$(hostname -s)
  [ -s "$DIR/munge/munge.key" ] || (umask 077; head -c 128 /dev/urandom >"$DIR/munge/munge.key")
  chmod 600 "$DIR/munge/munge.key"
  {
    cat <<CONF
ClusterName=hooke
SlurmctldHost=$ctl(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket=$DIR/munge/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SrunPortRange=$((PORT+100))-$((PORT+299))
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,defer,batch_sched_delay=0
MpiDefault=none
MailProg=/bin/true
JobRequeue=1
ReturnToService=2
KillWait=$KILL_WAIT
OverTimeLimit=0
MinJobAge=300
InactiveLimit=0
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=10
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool-%n
SlurmctldPidFile=$DIR/run/slurmctld-self.pid
SlurmdPidFile=$DIR/run/slurmd-%n-self.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd-%n.log
SlurmctldDebug=info
SlurmdDebug=info
CONF
    local gres=""; if [ "$GPUS" -gt 0 ]; then echo "GresTypes=gpu"; gres=" Gres=gpu:$GPUS"; fi
    for i in $(seq "$NODES"); do
      echo "NodeName=n$i NodeHostname=$ctl NodeAddr=127.0.0.1 Port=$((PORT+i)) CPUs=$CPUS RealMemory=1024$gres State=UNKNOWN"
    done
    echo "PartitionName=test Nodes=n[1-$NODES] Default=YES MaxTime=INFINITE DefaultTime=10 State=UP"
  } >"$DIR/slurm.conf"
  # proctrack/linuxproc needs no cgroup
  echo "CgroupPlugin=cgroup/v1" >"$DIR/cgroup.conf"; : >"$DIR/gres.conf"
  if [ "$GPUS" -gt 0 ]; then
    for i in $(seq 0 $((GPUS-1))); do ln -sfn /dev/null "$DIR/dev/gpu$i"; done  # must be a char device; a link to one is accepted
    echo "NodeName=n[1-$NODES] Name=gpu File=$DIR/dev/gpu[0-$((GPUS-1))]" >"$DIR/gres.conf"
  fi
}

start() {
  have munged; have slurmctld; have slurmd; have sinfo
  [ -n "$(hostname -I 2>/dev/null | tr -d ' ')" ] || die "no non-loopback address here (see the top of this script)"
  write_config
  launch munged munged --foreground --force --num-threads=2 --key-file="$DIR/munge/munge.key" \
    --socket="$DIR/munge/munge.socket" --pid-file="$DIR/munge/munged-self.pid" \
    --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/munged.seed"
  local i; for i in $(seq 100); do [ -S "$DIR/munge/munge.socket" ] && break; sleep 0.1; done
  munge -S "$DIR/munge/munge.socket" -n | unmunge -S "$DIR/munge/munge.socket" >/dev/null || die "munge does not answer"
  launch slurmctld slurmctld -D -f "$DIR/slurm.conf"
  for i in $(seq "$NODES"); do
    mkdir -p "$DIR/spool-n$i"
    launch "slurmd-n$i" slurmd -D -N "n$i" -f "$DIR/slurm.conf"
  done
  local deadline=$((SECONDS+30))
  while [ $SECONDS -lt $deadline ] && alive slurmctld slurmctld; do
    if [ "$(timeout 5 sinfo -h -N -t idle,mix,alloc -o %N 2>/dev/null | sort -u | wc -l)" -eq "$NODES" ]; then
      echo "up: export SLURM_CONF=$SLURM_CONF"; return 0
    fi
    sleep 0.1
  done
  tail -n 5 "$DIR"/log/*.log >&2 || true; stop >&2; die "did not come up (logs above)"
}

stop() {
  local i
  if alive slurmctld slurmctld; then
    timeout 10 scancel -u "$(id -un)" 2>/dev/null || true
    for i in $(seq 100); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break; sleep 0.1; done
  fi
  for f in "$DIR"/run/slurmd-n*.pid; do
    [ -e "$f" ] || continue
    f=$(basename "$f" .pid); case $f in *-self) continue;; esac
    halt "$f" slurmd
  done
  halt slurmctld slurmctld
  halt munged munged
  if [ "${1:-}" = --wipe ]; then rm -rf "$DIR"; fi
  echo "down"
}

case "${1:-}" in
  start) start;;
  stop) stop "${2:-}";;
  restart) stop; start;;
  env) echo "export SLURM_CONF=$SLURM_CONF";;
  status) for f in "$DIR"/run/*.pid; do [ -e "$f" ] && echo "$(basename "$f") $(cat "$f")"; done; sinfo -N -l;;
  *) echo "usage: $0 {start|stop [--wipe]|restart|status|env}" >&2; exit 2;;
esac
